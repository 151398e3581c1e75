"""Files that appear whole or not at all, and what is left of them by writers that died."""

from __future__ import annotations

import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sip_luigi.node.process import process_start_time


def own_part(path: Path) -> Path:
    """Temporary name beside a file or directory, told apart by the process that writes it."""
    return path.with_name(f"{path.name}.part-{os.getpid()}-{uuid.uuid4().hex[:8]}")


def sweep(path: Path) -> None:
    """Remove what processes that do not run any more left beside a file under names of :func:`own_part`."""
    own = re.compile(re.escape(path.name) + r"\.part-(\d+)-[0-9a-f]{8}")
    with os.scandir(path.parent) as entries:
        found = [match for entry in entries if (match := own.fullmatch(entry.name))]
    for match in found:
        if not process_start_time(int(match[1])):
            remove(path.with_name(match[0]))


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a temporary name beside a file; renamed to it at the end, removed when that is not reached."""
    sweep(path)
    part = own_part(path)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_atomically(path: Path, text: str, *, durable: bool = True) -> None:
    """Write a small file so that a reader sees the old or the new one, never half of it.

    Parameters
    ----------
    path : Path
        The file.
    text : str
        Its content.
    durable : bool
        Whether it has to outlive a loss of power; that takes some milliseconds.
    """
    with written_whole(path) as part, part.open("w", encoding="utf-8") as stream:
        stream.write(text)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())


def remove(path: Path) -> None:
    """Remove a file or a tree; it is no error when it is gone."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
