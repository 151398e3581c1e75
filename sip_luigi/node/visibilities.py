"""Where the visibilities of a MeasurementSet lie in the uv plane and how strong they are, for the report."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S
from sip_luigi.domain.summaries import UvSummary
from sip_luigi.node.inspect import Reader, spectral_window
from sip_luigi.node.scan import PARALLEL_HANDS

MOST_VISIBILITIES = 4_000_000
"""That are looked at; of more data whole time slots are left out, evenly."""


@dataclass
class Visibilities:
    """Sees the rows that are read to verify a MeasurementSet, and keeps a summary.

    Attributes
    ----------
    reader : Reader
        The MeasurementSet.
    """

    reader: Reader

    def __post_init__(self) -> None:
        window, _ = spectral_window(self.reader)
        freq_hz = np.ravel(window["CHAN_FREQ"]).astype(float)
        _, self.slot = np.unique(self.reader.rows("TIME"), return_inverse=True)
        self.every = 1 + self.reader.n_rows * len(freq_hz) // MOST_VISIBILITIES
        self.summary = UvSummary(self._longest_m(), freq_hz)

    def see(self, start: int, cross: NDArray[Any], data: NDArray[Any], flags: NDArray[Any]) -> None:
        """Take in consecutive rows from `start`; which are cross-correlations, and what :meth:`Scan.add` is given."""
        chosen = cross & (self.slot[start : start + len(data)] % self.every == 0)
        if not chosen.any():
            return
        uv_m = np.asarray(self.reader.rows("UVW", start, len(data)))[chosen, :2]
        hands = data[chosen][..., PARALLEL_HANDS]
        usable = ~flags[chosen][..., PARALLEL_HANDS].any(axis=2) & np.isfinite(hands).all(axis=2)
        stokes_i = np.abs(np.where(usable, hands.mean(axis=2), 0.0))
        self.summary.add(uv_m / SPEED_OF_LIGHT_M_S, stokes_i, usable)
        self.summary.cover(uv_m[usable.any(axis=1)])

    def write(self, path: str) -> None:
        """Write the summary as JSON."""
        text = json.dumps(self.summary.as_dict(), separators=(",", ":"), allow_nan=False)
        Path(path).write_text(text, encoding="utf-8")

    def _longest_m(self) -> float:
        length = (
            np.hypot(*self.reader.rows("UVW", *run)[:, :2].T).max() for run in self.reader.chunks(1 << 20)
        )
        return float(max(length))
