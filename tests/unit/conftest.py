"""What unit tests of several packages share."""

import logging

import pytest
from luigi.configuration import LuigiConfigParser
from luigi.task_register import Register

from sip_luigi.settings.load import apply_luigi_defaults

LOGGERS = ("sip_luigi", "luigi-interface")


@pytest.fixture
def configured(monkeypatch):
    """Give Luigi a configuration file of a test, or none, in the place of those that it finds by itself."""
    before = {name: (logging.getLogger(name).handlers[:], logging.getLogger(name).level) for name in LOGGERS}

    def configure(*paths):
        monkeypatch.setattr(LuigiConfigParser, "_config_paths", [str(path) for path in paths])
        monkeypatch.setattr(LuigiConfigParser, "_instance", None)
        Register.clear_instance_cache()
        apply_luigi_defaults()

    configure()
    yield configure
    Register.clear_instance_cache()
    for name, (handlers, level) in before.items():
        log = logging.getLogger(name)
        for handler in set(log.handlers) - set(handlers):
            log.removeHandler(handler)
            handler.close()
        log.setLevel(level)
