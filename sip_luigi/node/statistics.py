"""Statistics of a preprocessed MeasurementSet: what is flagged where and why, and how the stations do over time."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sip_luigi.domain.ateam import DIVERGED
from sip_luigi.domain.errors import BadData
from sip_luigi.domain.summaries import flag_summary
from sip_luigi.node.guard import guarded
from sip_luigi.node.inspect import Reader, spectral_window
from sip_luigi.node.scan import Floats, Scan, read_rows, rows_per_chunk
from sip_luigi.node.station_statistics import Intervals, aoflagger_figures, rounded

MAX_GROWTH = 1.1
"""Averaging and subtracting make data weaker."""


def statistics(request: dict[str, Any]) -> dict[str, Any]:
    """Measure flags and stations of a MeasurementSet and write both as one JSON file.

    Parameters
    ----------
    request : dict
        ``path``; ``output``, the JSON file; ``summary``, optional, another one for the report; ``interval_s``, over
        which stations are judged; ``causes``, files of DP3's counters by cause in the order of the steps, removed then:
        what they say is in the output; ``demixed``: refuse the data if they are stronger than before, by what AOFlagger
        measured.

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
        Not a MeasurementSet, or damaged; a counter's file that is not what DP3 writes; stronger than before.
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
    quality = aoflagger_figures(reader, names)
    if request.get("demixed"):
        _require_weaker(reader, intervals, quality)
    causes = read_causes(request.get("causes", {}))
    document = {
        "flagged": flags.as_dict(names),
        "causes": causes,
        "stations": intervals.as_dict(),
        "aoflagger": quality,
    }
    output = Path(request["output"])
    _write(output, document)
    if request.get("summary"):
        _write(Path(request["summary"]), flag_summary(document["flagged"]))
    for path in request.get("causes", {}).values():
        Path(path).unlink()
    return {"flagged_fraction": flags.fraction, "causes": causes, "file": output.name}


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(value, separators=(",", ":"), allow_nan=False), encoding="utf-8")


def _require_weaker(reader: Reader, intervals: Intervals, before: Mapping[str, Mapping[str, float]]) -> None:
    """Refuse data that demixing has made stronger: its solutions diverged, and DP3 ends well."""
    for name, now in zip(intervals.names, intervals.rms().tolist(), strict=True):
        was = before.get("rms", {}).get(name, np.inf)
        if now > MAX_GROWTH * was:
            reader.refuse(
                f"{DIVERGED}: the rms of {name} was {was:.3g} Jy and is {now:.3g} Jy",
                "clip instead, or leave out the source: [dppp] ateam, ateam_sources",
            )


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


def ratios(part: Floats, whole: Floats) -> list[float | None]:
    """Fractions, rounded; None of nothing."""
    return rounded(np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0))
