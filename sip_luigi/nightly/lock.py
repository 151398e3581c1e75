"""One night at a time: the kernel's lock, which a dead process cannot hold."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sip_luigi.domain.errors import AlreadyRunning, ConfigurationError


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock for the length of a ``with`` block.

    Raises
    ------
    AlreadyRunning
        Another process holds it.
    ConfigurationError
        The directory cannot be made or written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise ConfigurationError(
            f"directory of the nights {path.parent}: {error}; change its rights or name another one with [nightly] "
            "directory"
        ) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            # What is written in it is for people, and says nothing by itself.
            who = path.read_text(encoding="utf-8").strip() or "another process"
            raise AlreadyRunning(f"a night is going on already ({who}); it holds {path}") from None
        _note(descriptor)
        yield
    finally:
        os.close(descriptor)


def _note(descriptor: int) -> None:
    os.ftruncate(descriptor, 0)
    try:
        os.write(descriptor, f"process {os.getpid()}".encode())
    except OSError:
        # A full disk: the lock is held all the same.
        return
