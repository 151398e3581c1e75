"""Statistics of a preprocessed MeasurementSet: what is flagged where and why, and how the stations do over time."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from casacore.tables import table
from numpy.typing import NDArray

from sip_luigi.domain.errors import BadData
from sip_luigi.node.guard import guarded
from sip_luigi.node.inspect import Reader, spectral_window
from sip_luigi.node.scan import Floats, Scan, read_rows, rows_per_chunk

DIGITS = 4


def statistics(request: dict[str, Any]) -> dict[str, Any]:
    """Measure flags and stations of a MeasurementSet and write both as one JSON file.

    Parameters
    ----------
    request : dict
        ``path``; ``output``, the JSON file; ``interval_s``, over which stations are judged; ``causes``, files of DP3's
        counters by cause in the order of the steps. They are removed: what they say is in the output.

    Returns
    -------
    dict
        ``flagged_fraction`` of the cross-correlations, ``causes``: the fraction of the raw data that each step flagged
        beyond those before it, and ``file``: name of the output. That holds ``flagged`` (``by_station``,
        ``by_baseline``, ``by_channel``, ``by_time``) and ``stations``, see :class:`Intervals`, and ``aoflagger``, see
        :func:`aoflagger_figures`.

    Raises
    ------
    BadData
        Not a MeasurementSet, or damaged; a counter's file that is not what DP3 writes.
    """
    return guarded(_statistics, request)


def _statistics(request: dict[str, Any]) -> dict[str, Any]:
    reader = Reader(request["path"], request.get("column", "DATA"))
    names = [str(name) for name in reader.subtable("ANTENNA")["NAME"]]
    flags = Flags(reader, len(names))
    intervals = Intervals(names)
    for start_mjd_s, end_mjd_s, runs in blocks(reader, request["interval_s"]):
        part = Scan(len(names))
        for start, count in runs:
            first, second, data, flagged = read_rows(reader, start, count)
            part.add(first, second, data, flagged)
            flags.add(start, first != second, flagged)
        flags.add_baselines(part)
        intervals.add(start_mjd_s, end_mjd_s, part)
    causes = read_causes(request.get("causes", {}))
    document = {
        "flagged": flags.as_dict(names),
        "causes": causes,
        "stations": intervals.as_dict(),
        "aoflagger": aoflagger_figures(reader, names),
    }
    output = Path(request["output"])
    output.write_text(json.dumps(document, separators=(",", ":"), allow_nan=False), encoding="utf-8")
    for path in request.get("causes", {}).values():
        Path(path).unlink()
    return {"flagged_fraction": flags.fraction, "causes": causes, "file": output.name}


def blocks(reader: Reader, interval_s: float) -> Iterator[tuple[float, float, list[tuple[int, int]]]]:
    """Intervals of time: start and end (MJD s), and runs of rows (start, length) that fit into memory.

    They begin at whole multiples of their length, so that those of all subbands are the same. A time slot belongs to
    the interval that its centre is in.
    """
    number = np.floor(reader.rows("TIME") / interval_s).astype(np.int64)
    limit = rows_per_chunk(reader)
    for chosen in np.unique(number):
        first, last = np.searchsorted(number, chosen), np.searchsorted(number, chosen, side="right")
        runs = [(int(row), int(min(limit, last - row))) for row in range(first, last, limit)]
        yield float(chosen * interval_s), float((chosen + 1) * interval_s), runs


class Flags:
    """Counts of flagged cross-correlations by baseline, channel and time.

    Parameters
    ----------
    reader : Reader
        The MeasurementSet.
    n_stations : int
        Stations that it knows.
    """

    def __init__(self, reader: Reader, n_stations: int) -> None:
        window, _ = spectral_window(reader)
        self.frequencies_hz = np.ravel(window["CHAN_FREQ"])
        self.times_s, self.slot_of = np.unique(reader.rows("TIME"), return_inverse=True)
        self.channel, self.channel_all = np.zeros(len(self.frequencies_hz)), 0.0
        self.slot, self.slot_all = np.zeros(len(self.times_s)), np.zeros(len(self.times_s))
        self.baseline, self.baseline_all = np.zeros((2, n_stations, n_stations))

    def add(self, start: int, cross: NDArray[Any], flagged: NDArray[Any]) -> None:
        """Take in the flags of consecutive rows, shape (n_rows, n_channels, n_corr), where `cross` is true."""
        slots = self.slot_of[start : start + len(flagged)][cross]
        flagged = flagged[cross]
        self.channel += flagged.sum(axis=(0, 2))
        self.channel_all += flagged.shape[0] * flagged.shape[2]
        each = float(flagged.shape[1] * flagged.shape[2])
        self.slot += np.bincount(slots, weights=flagged.sum(axis=(1, 2)), minlength=len(self.slot))
        self.slot_all += each * np.bincount(slots, minlength=len(self.slot))

    def add_baselines(self, part: Scan) -> None:
        """Take in the sums of some rows by baseline."""
        self.baseline += part.flagged + part.flagged.T
        self.baseline_all += part.visibilities + part.visibilities.T

    @property
    def fraction(self) -> float:
        """Of all cross-correlations."""
        return float(self.slot.sum() / max(1.0, self.slot_all.sum()))

    def as_dict(self, names: Sequence[str]) -> dict[str, Any]:
        """Fractions as JSON values; a baseline is named by the numbers of its stations."""
        first, second = np.nonzero(np.triu(self.baseline_all, k=1))
        np.fill_diagonal(self.baseline, 0)
        np.fill_diagonal(self.baseline_all, 0)
        return {
            "station_names": list(names),
            "by_station": ratios(self.baseline.sum(axis=0), self.baseline_all.sum(axis=0)),
            "by_baseline": {
                "first": first.tolist(),
                "second": second.tolist(),
                "fraction": ratios(self.baseline[first, second], self.baseline_all[first, second]),
            },
            "by_channel": {
                "frequency_hz": self.frequencies_hz.tolist(),
                "fraction": ratios(self.channel, np.full(len(self.channel), self.channel_all)),
            },
            "by_time": {
                "start_mjd_s": float(self.times_s[0]),
                "offset_s": [round(float(time - self.times_s[0]), 3) for time in self.times_s],
                "fraction": ratios(self.slot, self.slot_all),
            },
        }


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

    def add(self, start_mjd_s: float, end_mjd_s: float, part: Scan) -> None:
        """Take in the sums of one interval."""
        self.spans.append((start_mjd_s, end_mjd_s))
        self.amplitude.append(rounded(part.station_rms(part.power, part.good)))
        self.noise.append(rounded(part.station_rms(part.cross_power, part.cross_good)))

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "names": self.names,
            "spans_mjd_s": self.spans,
            "amplitude": self.amplitude,
            "noise": self.noise,
        }


def read_causes(paths: Mapping[str, str]) -> dict[str, float]:
    """Fraction of the raw data that each step flagged beyond those before it.

    DP3 gives the flagged fraction of each station over all its baselines, the one with itself among them. The mean
    over the stations counts that one half as often as in the data; what was flagged before cancels.
    """
    fractions, before = {}, 0.0
    for cause, path in paths.items():
        try:
            by_station = ast.literal_eval(
                json.loads(Path(path).read_text(encoding="utf-8"))["flagged_fraction_dict"]
            )
            total = sum(by_station.values()) / len(by_station)
        except (
            OSError,
            ValueError,
            SyntaxError,
            KeyError,
            TypeError,
            AttributeError,
            ZeroDivisionError,
        ) as error:
            raise BadData(f"{path}: expected DP3's flag counts, found something else: {error!r}") from error
        fractions[cause] = round(total - before, 6)
        before = total
    return fractions


def aoflagger_figures(reader: Reader, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """What AOFlagger measured at the resolution of the raw data, by station; empty where it did not run.

    ``amplitude`` is the median over baselines of √(SumP2/Count), ``difference`` that of √(DSumP2/DCount), the
    difference of neighbouring channels, which is noise where channels are narrow.
    """
    if not all(reader.has_subtable(name) for name in ("QUALITY_KIND_NAME", "QUALITY_BASELINE_STATISTIC")):
        return {}
    known = reader.subtable("QUALITY_KIND_NAME")
    kinds = {str(name): int(kind) for kind, name in zip(known["KIND"], known["NAME"], strict=True)}
    with reader.refusing("read AOFlagger's statistics"):
        opened = table(reader.main.getkeyword("QUALITY_BASELINE_STATISTIC"), ack=False)
        columns = {name: opened.getcol(name) for name in ("ANTENNA1", "ANTENNA2", "KIND", "VALUE")}

    def total(name: str) -> Floats:
        chosen = columns["KIND"] == kinds.get(name, -1)
        sums = np.zeros((len(names), len(names)))
        places = columns["ANTENNA1"][chosen], columns["ANTENNA2"][chosen]
        np.add.at(sums, places, columns["VALUE"][chosen].real.sum(axis=1))
        return sums

    judge = Scan(len(names))
    pairs = {"amplitude": ("SumP2", "Count"), "difference": ("DSumP2", "DCount")}
    found = {
        key: rounded(judge.station_rms(total(power), total(count))) for key, (power, count) in pairs.items()
    }
    return {
        key: {name: value for name, value in zip(names, values, strict=True) if value is not None}
        for key, values in found.items()
    }


def ratios(part: Floats, whole: Floats) -> list[float | None]:
    """Fractions, rounded; None of nothing."""
    return rounded(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))


def rounded(values: Floats) -> list[float | None]:
    """Numbers with :data:`DIGITS` significant digits, None for those that are not finite."""
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values.tolist()]
