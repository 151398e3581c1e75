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
LOOK_S = 0.5
"""Longer than anybody who only looks whether the lock is held."""
PAUSE_S = 0.02


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
        if not _locked(descriptor):
            raise _already(path)
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
            noted = Holder(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError):
            noted = Holder(0, "?")
        # Of one that died the note may be there a moment longer, and its number belong to somebody else by now.
        if _has_open(noted.pid, path) or time.monotonic() > deadline:
            return noted
        time.sleep(PAUSE_S)
    return None


def _locked(descriptor: int) -> bool:
    """Take the lock; tell whether that could be done. Whoever only looks has it, too, for a moment."""
    deadline = time.monotonic() + LOOK_S
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE_S)
        else:
            return True


def _has_open(pid: int, path: Path) -> bool:
    """Whether a process has a file open."""
    try:
        return any(entry.samefile(path) for entry in Path(f"/proc/{pid}/fd").iterdir() if entry.exists())
    except FileNotFoundError:
        return False
    except PermissionError:
        # Of another user.
        return True


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
