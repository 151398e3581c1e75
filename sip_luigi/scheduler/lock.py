"""One scheduler for a directory: the kernel's lock says who runs, a file that a dead one left says nothing."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from sip_luigi.domain.errors import AlreadyRunning, ConfigurationError

NOTE_S = 2.0
"""The holder of the lock writes who it is right after it has it."""


@dataclass(frozen=True)
class Holder:
    """A scheduler that runs.

    Attributes
    ----------
    pid : int
        Its process.
    url : str
        Where it answers.
    """

    pid: int
    url: str


@contextmanager
def held(path: Path, url: str) -> Iterator[None]:
    """Hold the lock for the length of a ``with`` block.

    Raises
    ------
    AlreadyRunning
        Another process holds it.
    ConfigurationError
        The directory cannot be made or written.
    """
    descriptor = _open(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise _already(path) from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, json.dumps(asdict(Holder(os.getpid(), url))).encode())
        yield
    finally:
        os.close(descriptor)


def holder(path: Path) -> Holder | None:
    """Who holds the lock; None for nobody."""
    deadline = time.monotonic() + NOTE_S
    while _is_held(path):
        try:
            return Holder(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            if time.monotonic() > deadline:
                return Holder(0, "?")
            time.sleep(0.05)
    return None


def _is_held(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise PermissionError(f"{path.parent} cannot be written")
        return os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ConfigurationError(
            f"directory of the scheduler {path.parent}: {error}; change its rights or name another one with "
            "[scheduler_server] directory"
        ) from error


def _already(path: Path) -> AlreadyRunning:
    other = holder(path)
    who = f"process {other.pid} at {other.url}" if other else "another process"
    return AlreadyRunning(f"a scheduler with its state in {path.parent} runs already: {who}")
