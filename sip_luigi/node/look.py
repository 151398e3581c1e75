"""One look at everything of an observation that a node holds."""

from __future__ import annotations

import fnmatch
import os
import re
import shutil
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import BadData
from sip_luigi.domain.product import Manifest, Product
from sip_luigi.node.publish import files_below, measure
from sip_luigi.programs.environment import tool_path


def look(request: dict[str, Any]) -> dict[str, Any]:
    """Tell the state of products, raw data, programs and disks, in one answer.

    Parameters
    ----------
    request : dict
        ``products``: list of ``{path, kind}``; ``raw``: ``{directories, pattern, obs_id}``;
        ``programs``: names or paths; ``disks``: directories. Each may be left out.

    Returns
    -------
    dict
        ``products``: manifests by path, null where there is none that counts; ``raw``: list of ``{path,
        n_files, size_bytes, newest_ns}``; ``programs``: full path or null by name; ``disks``: by directory
        ``{there, writable, free_bytes, total_bytes}``; ``cores`` and ``memory_bytes`` that the node has.
    """
    raw = request.get("raw")
    return {
        "products": {item["path"]: look_at_product(item) for item in request.get("products", ())},
        "raw": find_raw(**raw) if raw else [],
        "programs": {name: shutil.which(name, path=tool_path()) for name in request.get("programs", ())},
        "disks": {disk: disk_state(disk) for disk in request.get("disks", ())},
        "cores": len(os.sched_getaffinity(0)),
        "memory_bytes": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"),
    }


def look_at_product(item: dict[str, Any]) -> dict[str, Any] | None:
    """Manifest of one product; None for a product that is not there or does not fit its manifest."""
    product = Product("", item["path"], item.get("kind", "directory"))
    manifest = read_manifest(Path(product.manifest_path))
    if manifest and not _fits(Path(product.path), manifest):
        manifest = None
    return manifest.to_json() if manifest else None


def read_manifest(path: Path) -> Manifest | None:
    """Read a manifest; None where there is none or only half a one."""
    try:
        return Manifest.from_text(path.read_text(encoding="utf-8"), str(path))
    except (FileNotFoundError, NotADirectoryError, BadData, UnicodeDecodeError):
        return None


def find_raw(directories: list[str], pattern: str, obs_id: str) -> list[dict[str, Any]]:
    """Raw MeasurementSets ``<directory>/[<obs_id>/]<pattern>``, sorted by path."""
    matches = re.compile(fnmatch.translate(pattern)).match
    found = []
    for directory in directories:
        for folder in (Path(directory), Path(directory) / obs_id):
            found += [describe_raw(folder / name) for name in _names(folder) if matches(name)]
    return sorted(found, key=lambda entry: str(entry["path"]))


def describe_raw(path: Path) -> dict[str, Any]:
    """What identifies raw data without reading them."""
    status = [(entry.st_size, entry.st_mtime_ns) for entry in files_below(path)]
    return {
        "path": str(path),
        "n_files": len(status),
        "size_bytes": sum(size for size, _ in status),
        "newest_ns": max((newest for _, newest in status), default=0),
    }


def disk_state(directory: str) -> dict[str, Any]:
    """Whether a directory is there and can be written, and the free and all bytes where it is or would be made."""
    there = os.path.isdir(directory)  # noqa: PTH112 - one call, no object
    usage = shutil.disk_usage(_existing(Path(directory)))
    return {
        "there": there,
        "writable": there and os.access(directory, os.W_OK | os.X_OK),
        "free_bytes": usage.free,
        "total_bytes": usage.total,
    }


def _existing(path: Path) -> Path:
    return next(folder for folder in (path, *path.parents) if folder.exists())


def _fits(path: Path, manifest: Manifest) -> bool:
    try:
        return measure(path) == (manifest.n_files, manifest.size_bytes)
    except OSError:
        return False


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return []
