"""Start a scheduler that stays when its starter has gone, and end it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from sip_luigi.domain.errors import ConfigurationError, ProgramError
from sip_luigi.scheduler.lock import Holder, holder
from sip_luigi.scheduler.make import lock_path, log_path, url_of
from sip_luigi.settings import Settings

START_S, STOP_S = 60.0, 60.0
POLL_S = 0.1
ANSWER_S = 5.0
TAIL = 2000


def start(settings: Settings) -> tuple[Holder, bool]:
    """Have a scheduler running; tell who it is, and whether it was started now.

    Raises
    ------
    ConfigurationError
        It refuses the settings, the port or the directory.
    ProgramError
        It ends, or says nothing in time.
    """
    if running := holder(lock_path(settings)):
        return running, False
    log = log_path(settings)
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as stream:
            begin = stream.tell()
            process = _spawn(stream.fileno())
    except OSError as error:
        raise ConfigurationError(
            f"{error}; change the rights of {log.parent} or name another [scheduler_server] directory"
        ) from error
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        found = holder(lock_path(settings))
        if found and answers(url_of(settings)):
            return found, found.pid == process.pid
        if process.poll() is not None and not holder(lock_path(settings)):
            _raise_for(process.returncode, log, begin)
        time.sleep(POLL_S)
    process.terminate()
    raise ProgramError(f"the scheduler did not answer at {url_of(settings)} within {START_S:g} s; see {log}")


def stop(settings: Settings) -> Holder | None:
    """End the scheduler, which saves its state; None where none runs.

    Raises
    ------
    ProgramError
        It does not end in time.
    """
    running = holder(lock_path(settings))
    if running is None:
        return None
    if running.pid:
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline:
        now = holder(lock_path(settings))
        if now is None or now.pid != running.pid:
            return running
        time.sleep(POLL_S)
    raise ProgramError(f"the scheduler, process {running.pid}, did not end within {STOP_S:g} s; see its log")


def answers(url: str) -> bool:
    """Whether a scheduler answers at a URL."""
    try:
        with urllib.request.urlopen(f"{url}/api/is_paused", timeout=ANSWER_S):  # noqa: S310 - always http
            return True
    except (urllib.error.URLError, OSError):
        return False


def _spawn(log: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        (str(Path(sys.executable).with_name("sip")), "scheduler", "run"),
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )


def _raise_for(status: int, log: Path, begin: int) -> None:
    with log.open("rb") as stream:
        stream.seek(begin)
        said = stream.read().decode("utf-8", "replace").strip()[-TAIL:]
    if status == ConfigurationError.exit_code:
        raise ConfigurationError(said.removeprefix("ConfigurationError: "))
    raise ProgramError(f"the scheduler ended with status {status}; it said: {said}; more is in {log}")
