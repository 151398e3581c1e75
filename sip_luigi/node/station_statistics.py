"""How strong the signals of the stations are: interval by interval, and as AOFlagger measured it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from casacore.tables import table
from numpy.typing import NDArray

from sip_luigi.node.inspect import Reader
from sip_luigi.node.scan import PARALLEL_HANDS, Floats, Scan

DIGITS = 4


@dataclass
class Intervals:
    """How strong the signals of the stations are, interval by interval.

    Attributes
    ----------
    names : list of str
        The stations.
    spans : list of tuple
        Start and end of the intervals, MJD s.
    amplitude, noise : list of list
        Median over the baselines of a station of the rms of XX and YY, and of XY and YX, which hold little of the sky;
        one list an interval, None where a station has no usable data.
    """

    names: list[str]
    spans: list[tuple[float, float]] = field(default_factory=list)
    amplitude: list[list[float | None]] = field(default_factory=list)
    noise: list[list[float | None]] = field(default_factory=list)
    power: Floats = field(default_factory=lambda: np.zeros(1))
    good: Floats = field(default_factory=lambda: np.zeros(1))

    def add(self, start_mjd_s: float, end_mjd_s: float, part: Scan) -> None:
        """Take in the sums of one interval."""
        self.spans.append((start_mjd_s, end_mjd_s))
        self.amplitude.append(rounded(part.station_rms(part.power, part.good)))
        self.noise.append(rounded(part.station_rms(part.cross_power, part.cross_good)))
        self.power = self.power + part.per_station(part.power)
        self.good = self.good + part.per_station(part.good)

    def rms(self) -> Floats:
        """Rms of XX and YY over all baselines and times of each station; NaN without usable data."""
        return root(self.power, self.good)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "names": self.names,
            "spans_mjd_s": self.spans,
            "amplitude": self.amplitude,
            "noise": self.noise,
        }


def aoflagger_figures(reader: Reader, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """What AOFlagger measured at the resolution of the raw data, by station; empty where it did not run.

    Of XX and YY ``amplitude`` is the median over baselines of √(SumP2/Count), ``difference`` that of √(DSumP2/DCount):
    of neighbouring channels, which is noise where they are narrow. ``rms`` is that over all baselines.
    """
    if not all(reader.has_subtable(name) for name in ("QUALITY_KIND_NAME", "QUALITY_BASELINE_STATISTIC")):
        return {}
    known = reader.subtable("QUALITY_KIND_NAME")
    kinds = {str(name): int(kind) for kind, name in zip(known["KIND"], known["NAME"], strict=True)}
    with reader.refusing("read AOFlagger's statistics"):
        opened = table(reader.main.getkeyword("QUALITY_BASELINE_STATISTIC"), ack=False)
        columns = {name: opened.getcol(name) for name in ("ANTENNA1", "ANTENNA2", "KIND", "VALUE")}

    def total(name: str, parts: Callable[[NDArray[Any]], NDArray[Any]]) -> Floats:
        chosen = columns["KIND"] == kinds.get(name, -1)
        sums = np.zeros((len(names), len(names)))
        places = columns["ANTENNA1"][chosen], columns["ANTENNA2"][chosen]
        np.add.at(sums, places, parts(columns["VALUE"][chosen])[:, PARALLEL_HANDS].sum(axis=1))
        return sums

    # Powers of the real and of the imaginary part are kept as one complex number.
    def power(values: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(values.real + values.imag)

    judge = Scan(len(names))
    pairs = {"amplitude": ("SumP2", "Count"), "difference": ("DSumP2", "DCount")}
    found = {
        key: rounded(judge.station_rms(total(squares, power), total(count, np.real)))
        for key, (squares, count) in pairs.items()
    }
    sums = (judge.per_station(values) for values in (total("SumP2", power), total("Count", np.real)))
    found["rms"] = rounded(root(*sums))
    return {
        key: {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for key, values in found.items()
    }


def rounded(values: Floats) -> list[float | None]:
    """Numbers with :data:`DIGITS` significant digits, None for those that are not finite."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values.tolist()]


def root(power: Floats, count: Floats) -> Floats:
    """Root of a mean square, NaN of nothing."""
    mean = np.divide(power, count, out=np.full(np.shape(power), np.nan), where=np.asarray(count) > 0)
    return np.asarray(np.sqrt(mean))
