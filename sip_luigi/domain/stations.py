"""Stations that are bad over an observation, or in a part of it, from statistics over all its subbands.

One subband alone says little: a station may look weak in it by chance, or be hit by interference. What is seen in most
subbands is the station itself, so that the limits can be tighter than for one subband. Flag fractions do not show bad
stations: to a flagger silence and steady noise are clean.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Span = tuple[float, float]
"""Start and end, MJD seconds."""

NARROW_CHANNEL_HZ = 6200.0
"""Where channels are wider, the sky itself differs from one to the next on the long baselines of remote stations, and
their difference is no measure of noise (simulated: 2.2 × the median on a good station at 24 kHz)."""


@dataclass(frozen=True)
class Limits:
    """When a station is bad.

    Attributes
    ----------
    dead_below, noisy_above, cross_noisy_above : float
        Amplitude of XX and YY, and of XY and YX, as fractions of the median over the stations.
    min_subband_fraction : float
        Of the subbands in which a station is seen it must be bad in so many.
    max_bad_time_fraction : float
        A station that is bad for longer than this part of the time is bad altogether.
    """

    dead_below: float
    noisy_above: float
    cross_noisy_above: float
    min_subband_fraction: float
    max_bad_time_fraction: float


@dataclass(frozen=True)
class StationStatistics:
    """What one subband says of the stations.

    Attributes
    ----------
    names : tuple of str
        The stations.
    spans : tuple of (float, float)
        Intervals of time, MJD s.
    amplitude, noise : ndarray, shape (n_spans, n_stations)
        rms of XX and YY, and of XY and YX; NaN without usable data.
    difference : ndarray, shape (n_stations,)
        rms of the difference of neighbouring raw channels; NaN where it is not known or says nothing.
    """

    names: tuple[str, ...]
    spans: tuple[Span, ...]
    amplitude: Floats
    noise: Floats
    difference: Floats

    @classmethod
    def from_json(cls, value: Mapping[str, Any], channel_width_hz: float) -> StationStatistics:
        """Read what the node command ``statistics`` wrote; `channel_width_hz` is that of the raw data."""
        stations = value["stations"]
        names = tuple(stations["names"])
        shape = (len(stations["spans_mjd_s"]), len(names))
        known = value["aoflagger"].get("difference", {}) if channel_width_hz <= NARROW_CHANNEL_HZ else {}
        return cls(
            names,
            tuple((float(start), float(end)) for start, end in stations["spans_mjd_s"]),
            np.array(stations["amplitude"], dtype=float).reshape(shape),
            np.array(stations["noise"], dtype=float).reshape(shape),
            np.array([known.get(name, np.nan) for name in names], dtype=float),
        )


@dataclass(frozen=True)
class BadStation:
    """A station that is flagged.

    Attributes
    ----------
    reason : str
        What is wrong with it.
    spans : tuple of (float, float)
        When, MJD s; empty: always.
    subbands : tuple of str
        Where it was seen.
    n_subbands : int
        Subbands that could have shown it.
    figures : mapping
        Medians over the subbands in which it was seen of its figures, as fractions of the median station.
    """

    reason: str
    spans: tuple[Span, ...] = ()
    subbands: tuple[str, ...] = ()
    n_subbands: int = 0
    figures: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return {
            "reason": self.reason,
            "spans_mjd_s": [list(span) for span in self.spans],
            "subbands": list(self.subbands),
            "n_subbands": self.n_subbands,
            "figures": dict(self.figures),
        }


def find_bad_stations(subbands: Mapping[str, StationStatistics], limits: Limits) -> dict[str, BadStation]:
    """Judge the stations by all subbands.

    Parameters
    ----------
    subbands : mapping
        What each subband says, by its name.
    limits : Limits
        When a station is bad.

    Returns
    -------
    dict
        Those that are flagged, by name.
    """
    if not subbands:
        return {}
    cube = _cube(subbands)
    return dict(sorted((_at_times(cube, limits) | _always(cube, limits)).items()))


@dataclass(frozen=True)
class _Cube:
    """The figures of all subbands as fractions of the median station.

    ``amplitude`` and ``noise`` have shape (n_subbands, n_spans, n_stations), ``difference`` (n_subbands, n_stations);
    NaN where nothing is known.
    """

    subbands: tuple[str, ...]
    spans: tuple[Span, ...]
    names: tuple[str, ...]
    amplitude: Floats
    noise: Floats
    difference: Floats


def _cube(subbands: Mapping[str, StationStatistics]) -> _Cube:
    spans = tuple(sorted({span for entry in subbands.values() for span in entry.spans}))
    names = tuple(sorted({name for entry in subbands.values() for name in entry.names}))
    amplitude, noise = np.full((2, len(subbands), len(spans), len(names)), np.nan)
    difference = np.full((len(subbands), len(names)), np.nan)
    for index, entry in enumerate(subbands.values()):
        columns = [names.index(name) for name in entry.names]
        cells = np.ix_([spans.index(span) for span in entry.spans], columns)
        amplitude[index][cells], noise[index][cells] = entry.amplitude, entry.noise
        difference[index, columns] = entry.difference
    return _Cube(tuple(subbands), spans, names, amplitude, noise, difference)


def _relative(values: Floats) -> Floats:
    """Values as fractions of the median over the last axis; NaN where fewer than three are known or it is 0."""
    middle = _median(values, axis=-1)[..., None]
    enough = (np.isfinite(values).sum(axis=-1) > 2)[..., None] & (middle > 0)
    result: Floats = np.divide(values, middle, out=np.full(values.shape, np.nan), where=enough)
    return result


def _median(values: Floats, axis: int) -> Floats:
    """Median of what is known along an axis, NaN of nothing."""
    known = np.isfinite(values).any(axis=axis)
    filled = np.where(np.expand_dims(known, axis), values, 0.0)
    return np.asarray(np.where(known, np.nanmedian(filled, axis=axis), np.nan))


@dataclass(frozen=True)
class _Judgement:
    """What is wrong where: figures and flags with subbands along the first axis and stations along the last."""

    figures: dict[str, Floats]
    limits: Limits

    @property
    def dead(self) -> Flags:
        # Comparisons with NaN, with what is not known, are false.
        return np.asarray(self.figures["amplitude"] < self.limits.dead_below)

    @property
    def bad(self) -> Flags:
        limits, figures = self.limits, self.figures
        noisy = (figures["amplitude"] > limits.noisy_above) | (figures["noise"] > limits.cross_noisy_above)
        if "difference" in figures:
            noisy = noisy | (figures["difference"] > limits.noisy_above)
        return np.asarray(self.dead | noisy & self.seen)

    @property
    def seen(self) -> Flags:
        return np.isfinite(self.figures["amplitude"])

    def in_most_subbands(self) -> Flags:
        """Where enough subbands agree, without their axis."""
        bad, seen = self.bad.sum(axis=0), self.seen.sum(axis=0)
        return np.asarray((bad > 0) & (bad >= self.limits.min_subband_fraction * seen))

    def of(self, station: int, when: Flags | None = None) -> _Judgement:
        """One station, in some of the spans if there are any; shapes (n_subbands, n_chosen)."""
        own = {name: values[..., station] for name, values in self.figures.items()}
        chosen = {name: v[:, None] if when is None else v[:, when] for name, v in own.items()}
        return _Judgement(chosen, self.limits)


def _always(cube: _Cube, limits: Limits) -> dict[str, BadStation]:
    figures = {
        "amplitude": _relative(_median(cube.amplitude, axis=1)),
        "noise": _relative(_median(cube.noise, axis=1)),
        "difference": _relative(cube.difference),
    }
    judged = _Judgement(figures, limits)
    chosen = np.flatnonzero(judged.in_most_subbands()).tolist()
    return {cube.names[k]: _bad_station(cube, judged.of(k)) for k in chosen}


def _at_times(cube: _Cube, limits: Limits) -> dict[str, BadStation]:
    figures = {"amplitude": _relative(cube.amplitude), "noise": _relative(cube.noise)}
    judged = _Judgement(figures, limits)
    bad, present = judged.in_most_subbands(), np.asarray(judged.seen.any(axis=0))
    found = {}
    for k in np.flatnonzero(bad.any(axis=0)).tolist():
        spans, all_spans = _chosen(cube, bad[:, k]), _chosen(cube, present[:, k])
        too_long = _length_s(spans) > limits.max_bad_time_fraction * _length_s(all_spans)
        stretches = () if too_long else join_spans(spans)
        found[cube.names[k]] = _bad_station(cube, judged.of(k, bad[:, k]), stretches)
    return found


def _chosen(cube: _Cube, when: Flags) -> tuple[Span, ...]:
    return tuple(cube.spans[row] for row in np.flatnonzero(when).tolist())


def _bad_station(cube: _Cube, judged: _Judgement, spans: tuple[Span, ...] = ()) -> BadStation:
    bad = judged.bad
    faulty, seen = np.flatnonzero(bad.any(axis=1)).tolist(), int(judged.seen.any(axis=1).sum())
    known = {
        key: float(f"{np.nanmedian(values[bad]):.3g}")
        for key, values in judged.figures.items()
        if np.isfinite(values[bad]).any()
    }
    word = "dead" if 2 * judged.dead.sum() > bad.sum() else "noisy"
    when = f" for {_length_s(spans):.0f} s" if spans else ""
    text = ", ".join(f"{MEANING[key]} {value:g}" for key, value in known.items())
    reason = f"{word}{when} in {len(faulty)} of {seen} subbands; times the median: {text}"
    return BadStation(reason, spans, tuple(cube.subbands[row] for row in faulty), seen, known)


MEANING = {
    "amplitude": "amplitude",
    "noise": "amplitude of XY and YX",
    "difference": "difference of channels",
}


def join_spans(spans: Sequence[Span]) -> tuple[Span, ...]:
    """Join spans that follow one another."""
    joined: list[Span] = []
    for start, end in sorted(spans):
        if joined and start <= joined[-1][1] + 1e-3:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return tuple(joined)


def _length_s(spans: Sequence[Span]) -> float:
    return sum(end - start for start, end in spans)
