"""The record of what was lost, passed over or cleared away, kept on the head node with the job."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from sip_luigi.domain.product import Manifest
from sip_luigi.node.files import write_atomically
from sip_luigi.node.look import read_manifest

Stamp = tuple[str, int, int]
"""Name, inode and time of a record: what tells one version of it from another."""


@dataclass
class LossRecords:
    """Products of one observation that are not there, one file each: lost, passed over, or cleared away.

    Parameters
    ----------
    directory : Path
        Where the files lie.
    """

    directory: Path
    _seen: dict[str, Manifest] | None = field(default=None)
    _read: dict[Stamp, Manifest | None] = field(default_factory=dict)
    _wanted: set[str] = field(default_factory=set)

    def all(self) -> dict[str, Manifest]:
        """Every record by the name of its task."""
        seen = self._seen
        if seen is None:
            found = {name: self._manifest(name, stamp) for name, stamp in self._stamps()}
            seen = {
                name: manifest
                for name, manifest in found.items()
                if manifest and self._counts(name, manifest)
            }
            self._seen = seen
        return seen

    def lost(self) -> dict[str, Manifest]:
        """Those of them that are losses."""
        return {name: manifest for name, manifest in self.all().items() if manifest.loss}

    def cleared(self) -> dict[str, Manifest]:
        """Those that were cleared away and that nobody wants back."""
        return {name: manifest for name, manifest in self.all().items() if manifest.cleared}

    def want_back(self, names: Iterable[str]) -> None:
        """Have what was cleared away count as missing, for this process: something has to be made of it."""
        self._wanted |= set(names)
        self.forget()

    @property
    def wanted(self) -> frozenset[str]:
        """What was wanted back."""
        return frozenset(self._wanted)

    def _counts(self, name: str, manifest: Manifest) -> bool:
        return not (manifest.cleared and name in self._wanted)

    def _stamps(self) -> list[tuple[str, Stamp]]:
        try:
            with os.scandir(self.directory) as entries:
                found = [(Path(entry.name), entry.stat()) for entry in entries]
        except FileNotFoundError:
            return []
        return sorted(
            (path.stem, (path.stem, status.st_ino, status.st_mtime_ns))
            for path, status in found
            if path.suffix == ".json"
        )

    def _manifest(self, name: str, stamp: Stamp) -> Manifest | None:
        # A record is replaced, never changed: one that was read once need not be read again.
        if stamp not in self._read:
            self._read[stamp] = read_manifest(self.directory / f"{name}.json")
        return self._read[stamp]

    def record(self, name: str, manifest: Manifest) -> None:
        """Write down that a product is not there, and why."""
        self.directory.mkdir(parents=True, exist_ok=True)
        write_atomically(self.directory / f"{name}.json", json.dumps(manifest.to_json(), indent=1))
        self.forget()

    def remove(self, name: str) -> None:
        """Strike a record: the product has been made, or shall be tried again."""
        (self.directory / f"{name}.json").unlink(missing_ok=True)
        self.forget()

    def forget(self) -> None:
        """Drop what was read, to read it afresh."""
        self._seen = None
