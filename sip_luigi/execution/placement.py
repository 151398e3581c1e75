"""The places of an observation's subbands, kept with the job: the same on every run."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sip_luigi.domain.placement import Place
from sip_luigi.execution.lock import locked
from sip_luigi.node.files import write_atomically

Places = dict[str, Place]


@dataclass
class PlacementRecord:
    """Places by name, one JSON file; writers take turns.

    Attributes
    ----------
    path : Path
        The file.
    """

    path: Path
    _seen: tuple[tuple[int, int], Places] | None = field(default=None, compare=False, repr=False)

    def read(self) -> Places:
        """The places that were given; none when there is no file. It is read again when it was replaced."""
        try:
            status = self.path.stat()
            version = status.st_ino, status.st_mtime_ns
            seen = self._seen
            if seen is None or seen[0] != version:
                values = json.loads(self.path.read_text(encoding="utf-8"))
                seen = self._seen = version, {name: Place(**value) for name, value in values.items()}
            return dict(seen[1])
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def update(self, decide: Callable[[Places], Mapping[str, Place]]) -> Places:
        """Replace the places by what `decide` makes of them, while nobody else does."""
        with locked(self.path):
            before = self.read()
            after = dict(decide(before))
            if after != before:
                values = {name: asdict(place) for name, place in after.items()}
                write_atomically(self.path, json.dumps(values, indent=1))
            return after


@dataclass
class PretendedPlacement(PlacementRecord):
    """The same for a dry run: places that would be given, this process alone knows."""

    _given: Places = field(default_factory=dict, compare=False, repr=False)

    def read(self) -> Places:
        """The places that were given, and those that would be."""
        return {**super().read(), **self._given}

    def update(self, decide: Callable[[Places], Mapping[str, Place]]) -> Places:
        """Decide, and write nothing."""
        self._given = dict(decide(self.read()))
        return self._given
