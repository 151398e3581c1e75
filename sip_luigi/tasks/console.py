"""How the task that a user asked for speaks: its log, and how it refuses."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import NoReturn

from luigi.cmdline_parser import CmdlineParser

from sip_luigi.domain.errors import ConfigurationError, SipError


def refuse(error: SipError) -> NoReturn:
    """End the command line with one message and the status of the error; elsewhere raise it.

    Luigi's own command line would bury the message in a traceback and end with another status.
    """
    if not CmdlineParser.get_instance():
        raise error
    sys.stderr.write(f"{type(error).__name__}: {error}\n")
    sys.exit(error.exit_code)


def keep_log(path: Path) -> None:
    """Keep what the pipeline and Luigi say in the job's own log, beside wherever else it goes."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.open("a").close()
    except OSError as error:
        message = (
            f"cannot write {path}: {error}; set [DEFAULT] runtime_directory to a place that can be written"
        )
        raise ConfigurationError(message) from error
    for name in ("sip_luigi", "luigi-interface"):
        log = logging.getLogger(name)
        if not any(getattr(handler, "baseFilename", None) == str(path) for handler in log.handlers):
            handler = logging.FileHandler(path)
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            log.addHandler(handler)
    ours = logging.getLogger("sip_luigi")
    ours.setLevel(logging.INFO)
    if not any(type(handler) is logging.StreamHandler for handler in ours.handlers):
        console = logging.StreamHandler()
        console.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        ours.addHandler(console)
