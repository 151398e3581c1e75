"""The ``sip`` command in this process, with a configuration of its own."""

import pytest
from click.testing import CliRunner

from sip_luigi.cli import main


@pytest.fixture
def here(observatory):
    """An observatory on this machine, where programs are looked for but none has to run."""
    return observatory(dppp={"executable": "cat"}, imaging={"executable": "true"})


@pytest.fixture
def sip(here, configured, monkeypatch):
    """Run the command in the observatory."""
    monkeypatch.setenv("COLUMNS", "400")

    def sip(*arguments):
        here.write_config()
        configured(here.directory / "luigi.cfg")
        return CliRunner().invoke(main, arguments, catch_exceptions=False)

    return sip
