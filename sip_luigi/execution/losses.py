"""The record of what was lost, kept on the head node with the job."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from sip_luigi.domain.product import Manifest
from sip_luigi.node.files import write_atomically
from sip_luigi.node.look import read_manifest


@dataclass
class LossRecords:
    """Losses of one observation, one file each.

    Parameters
    ----------
    directory : Path
        Where the files lie.
    """

    directory: Path
    _seen: dict[str, Manifest] | None = field(default=None)

    def all(self) -> dict[str, Manifest]:
        """Every recorded loss by the name of its task."""
        seen = self._seen
        if seen is None:
            found = {path.stem: read_manifest(path) for path in sorted(self.directory.glob("*.json"))}
            seen = {name: manifest for name, manifest in found.items() if manifest}
            self._seen = seen
        return seen

    def record(self, name: str, manifest: Manifest) -> None:
        """Write a loss down."""
        self.directory.mkdir(parents=True, exist_ok=True)
        write_atomically(self.directory / f"{name}.json", json.dumps(manifest.to_json(), indent=1))
        self.forget()

    def remove(self, name: str) -> None:
        """Strike a loss: the product has been made, or shall be tried again."""
        (self.directory / f"{name}.json").unlink(missing_ok=True)
        self.forget()

    def forget(self) -> None:
        """Drop what was read, to read it afresh."""
        self._seen = None
