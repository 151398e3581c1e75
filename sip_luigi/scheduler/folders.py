"""Files of a job directory, opened so that no path and no link leads out of it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTS = ("logs", "results", "parsets")
"""Folders of a job directory that are shown."""
BLOCK = 1 << 16


class NotShown(Exception):
    """There is no such file, or it is none that is shown."""


@contextmanager
def opened(root: Path, names: Sequence[str]) -> Iterator[int]:
    """Descriptor of a file or folder below a folder, for the length of a ``with`` block.

    Each name is opened in the folder before it, and no link is followed: not even one that appears meanwhile.

    Raises
    ------
    NotShown
        Something of that is not there, no file or folder, or a link.
    """
    if any(not name or name in {".", ".."} or "/" in name or "\0" in name for name in names):
        raise NotShown
    descriptors: list[int] = []
    try:
        flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptors.append(os.open(root, flags | os.O_DIRECTORY))
        for name in names:
            descriptors.append(os.open(name, flags | os.O_NONBLOCK, dir_fd=descriptors[-1]))
        kind = os.fstat(descriptors[-1]).st_mode
        if not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
            raise NotShown
        yield descriptors[-1]
    except OSError as error:
        raise NotShown from error
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def is_folder(descriptor: int) -> bool:
    """Whether a descriptor is that of a folder."""
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def entries(descriptor: int) -> list[tuple[str, bool, int]]:
    """Name, whether it is a folder, and size in bytes of what a folder holds, links left out, in order of name."""
    with os.scandir(descriptor) as found:
        plain = [entry for entry in found if not entry.is_symlink()]
        shown = [entry for entry in plain if entry.is_dir() or entry.is_file()]
        return sorted(
            (entry.name, entry.is_dir(), 0 if entry.is_dir() else entry.stat().st_size) for entry in shown
        )


def tail_offset(stream: BinaryIO, size: int, lines: int) -> int:
    """Where the last lines of a file of so many bytes begin."""
    offset, left = size, lines
    while offset > 0:
        start = max(0, offset - BLOCK)
        stream.seek(start)
        block = stream.read(offset - start)
        # The end of the last line begins no other one.
        end = len(block) - (1 if offset == size and block.endswith(b"\n") else 0)
        while left and (found := block.rfind(b"\n", 0, end)) >= 0:
            left, end = left - 1, found
            if not left:
                return start + found + 1
        offset = start
    return 0
