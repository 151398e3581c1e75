"""Publish a product: manifest first, rename last."""

from __future__ import annotations

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sip_luigi.domain.product import MANIFEST_NAME, Manifest, Product
from sip_luigi.node.files import remove, write_atomically

# casacore touches the lock file of a table that is only read.
UNCOUNTED = frozenset({MANIFEST_NAME, "table.lock"})


def files_below(path: Path) -> Iterator[os.stat_result]:
    """Stat of every file of a product, links followed."""
    if not path.is_dir():
        yield path.stat()
        return
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.is_dir():
                yield from files_below(Path(entry.path))
            elif entry.name not in UNCOUNTED:
                yield entry.stat()


def measure(path: Path) -> tuple[int, int]:
    """Number of files of a product and their size in bytes."""
    n_files = size = 0
    for status in files_below(path):
        n_files, size = n_files + 1, size + status.st_size
    return n_files, size


def remove_parts(path: Path) -> None:
    """Remove what interrupted jobs left of a product; the caller holds its lock."""
    for leftover in path.parent.glob(f"{_escape(path.name)}.part-*"):
        remove(leftover)
    for leftover in path.parent.glob(f"{_escape(path.name)}.old-*"):
        remove(leftover)


def publish(product: Product, part: Path, manifest: Manifest) -> None:
    """Put a verified product in its place.

    A directory takes its manifest along in one rename. The manifest of a file is written after it, its old
    one removed before: an interruption leaves a file without a manifest, which does not count.

    Parameters
    ----------
    product : Product
        Where it belongs.
    part : Path
        The finished product under its temporary name, on the same file system.
    manifest : Manifest
        Its commit mark, holding what :func:`measure` finds in ``part``.
    """
    text = json.dumps(manifest.to_json(), indent=1)
    path = Path(product.path)
    if product.kind == "directory":
        write_atomically(part / MANIFEST_NAME, text)
        _replace_directory(part, path)
    else:
        Path(product.manifest_path).unlink(missing_ok=True)
        part.replace(path)
        write_atomically(Path(product.manifest_path), text)


def append_record(path: Path, entry: dict[str, Any]) -> None:
    """Append one line to the node's record of what was made; lines of several writers do not mix."""
    line = json.dumps(entry, sort_keys=True) + "\n"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.write(descriptor, line.encode())
    finally:
        os.close(descriptor)


def _replace_directory(part: Path, path: Path) -> None:
    old = path.with_name(f"{path.name}.old-{uuid.uuid4().hex[:12]}")
    with contextlib.suppress(FileNotFoundError):
        path.rename(old)
    part.rename(path)
    remove(old)


def _escape(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)
