"""From the gain solutions of a calibrator to the corrections of a target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sip_luigi.domain.bandpass import clean_bandpass, dead_stations, interpolated, smooth_at
from sip_luigi.domain.clock import ClockFit, fit_clock, polarisation_offset
from sip_luigi.domain.errors import BadData

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MIN_GOOD_FRACTION = 0.3
"""A station with fewer good solutions of the calibrator is not used on the target."""

NEAR = 0.1
"""A solved frequency nearer than this part of the smoothing is the same frequency."""


@dataclass(frozen=True)
class GainSolutions:
    """Diagonal gains of some stations.

    Attributes
    ----------
    stations : tuple of str
        Names along the third axis.
    freq_hz : ndarray, shape (n_freq,)
        Frequencies, rising.
    amplitude, phase_rad : ndarray, shape (n_times, n_freq, n_stations, 2)
        The gains.
    good : ndarray
        Which solutions count; same shape.
    """

    stations: tuple[str, ...]
    freq_hz: Floats
    amplitude: Floats
    phase_rad: Floats
    good: Bools


@dataclass(frozen=True)
class CalibratorOptions:
    """How calibrator solutions are cleaned and taken apart.

    Attributes
    ----------
    outlier_sigma : float
        Solutions farther from the median than this are left out.
    smooth_hz : float
        Full width of the smoothing of the bandpass.
    max_gap_hz : float
        As far from the next known frequency a bandpass is still interpolated.
    max_delay_s, max_clock_error_s : float
        Largest clock offset looked for; a clock that is known less well than the second is not transferred.
    """

    outlier_sigma: float
    smooth_hz: float
    max_gap_hz: float
    max_delay_s: float
    max_clock_error_s: float


@dataclass(frozen=True)
class Instrument:
    """What a calibrator tells of the instrument: the part of the gains that is the target's too.

    Attributes
    ----------
    stations : tuple of str
        Names.
    freq_hz : ndarray, shape (n_freq,)
        Where amplitudes are known.
    amplitude, good : ndarray, shape (n_freq, n_stations, 2)
        Bandpass, and which values count.
    delay_s : ndarray, shape (n_stations,)
        Clocks against the reference, 0 where they could not be told from the ionosphere.
    xy_offset_rad : ndarray, shape (n_stations,)
        Phase of X minus that of Y, against the reference.
    """

    stations: tuple[str, ...]
    freq_hz: Floats
    amplitude: Floats
    good: Bools
    delay_s: Floats
    xy_offset_rad: Floats


@dataclass(frozen=True)
class Separation:
    """The instrument, and what an astronomer wants to know of how it was found.

    Attributes
    ----------
    instrument : Instrument
        What is transferred.
    reference : str
        Station whose phases are zero.
    clocks : dict
        :class:`~sip_luigi.domain.clock.ClockFit` by station; the reference has none.
    scatter, outliers : ndarray, shape (n_stations,)
        Of the bandpass, see :class:`~sip_luigi.domain.bandpass.Bandpass`.
    unusable : dict
        Stations that must not be used on the target, with the reason.
    """

    instrument: Instrument
    reference: str
    clocks: dict[str, ClockFit]
    scatter: Floats
    outliers: Floats
    unusable: dict[str, str]


@dataclass(frozen=True)
class Corrections:
    """Gains for the channels of one subband of the target.

    Attributes
    ----------
    amplitude, phase_rad, weight : ndarray, shape (n_freq, n_stations, 2)
        Weight 0 makes flags.
    interpolated : bool
        Whether the calibrator lacks these frequencies.
    """

    amplitude: Floats
    phase_rad: Floats
    weight: Floats
    interpolated: bool


def stack(parts: Mapping[str, GainSolutions]) -> tuple[GainSolutions, dict[str, str]]:
    """Put the subbands of an observation together, in order of frequency.

    Returns
    -------
    solutions : GainSolutions
        Of all stations that any subband has.
    left_out : dict
        Subbands with another number of solutions in time than most, with the reason.
    """
    lengths = [len(part.amplitude) for part in parts.values()]
    n_times = max(set(lengths), key=lengths.count)
    left_out = {
        name: f"{len(part.amplitude)} solutions in time, the others have {n_times}"
        for name, part in parts.items()
        if len(part.amplitude) != n_times
    }
    used = sorted((part for name, part in parts.items() if name not in left_out), key=lambda p: p.freq_hz[0])
    stations = tuple(dict.fromkeys(name for part in used for name in part.stations))
    aligned = [_with_stations(part, stations) for part in used]
    return (
        GainSolutions(
            stations,
            np.concatenate([part.freq_hz for part in aligned]),
            np.concatenate([part.amplitude for part in aligned], axis=1),
            np.concatenate([part.phase_rad for part in aligned], axis=1),
            np.concatenate([part.good for part in aligned], axis=1),
        ),
        left_out,
    )


def _with_stations(part: GainSolutions, stations: Sequence[str]) -> GainSolutions:
    index = [stations.index(name) for name in part.stations]
    shape = (*part.amplitude.shape[:2], len(stations), 2)

    def spread(values: NDArray[np.generic], empty: float | bool) -> NDArray[np.generic]:
        wider = np.full(shape, empty, dtype=values.dtype)
        wider[:, :, index] = values
        return wider

    return GainSolutions(
        tuple(stations),
        part.freq_hz,
        np.asarray(spread(part.amplitude, np.nan), dtype=float),
        np.asarray(spread(part.phase_rad, np.nan), dtype=float),
        np.asarray(spread(part.good, False), dtype=bool),
    )


def separate(solutions: GainSolutions, options: CalibratorOptions) -> Separation:
    """Clean the bandpass, and tell clocks and offsets from the ionosphere.

    Raises
    ------
    BadData
        No station has usable solutions.
    """
    bandpass = clean_bandpass(
        solutions.amplitude, solutions.good, solutions.freq_hz, options.outlier_sigma, options.smooth_hz
    )
    unusable = _unusable(solutions, dead_stations(bandpass))
    if len(unusable) == len(solutions.stations):
        raise BadData("no station has usable calibrator solutions; look at the calibrator's data")
    reference = _reference(solutions, unusable)
    here = solutions.stations.index(reference)
    phase = solutions.phase_rad - solutions.phase_rad[:, :, here : here + 1]
    good = solutions.good & solutions.good[:, :, here : here + 1]
    n_stations = len(solutions.stations)
    delay_s, offset = np.zeros(n_stations), np.zeros(n_stations)
    clocks = {}
    for index, name in enumerate(solutions.stations):
        if name in unusable or name == reference:
            continue
        fit = fit_clock(phase[:, :, index], good[:, :, index], solutions.freq_hz, options.max_delay_s)
        clocks[name] = fit
        offset[index] = polarisation_offset(phase[:, :, index], good[:, :, index])
        if is_known(fit, options):
            delay_s[index] = fit.delay_s
    kept = bandpass.good & ~np.isin(solutions.stations, list(unusable))[None, :, None]
    instrument = Instrument(solutions.stations, solutions.freq_hz, bandpass.amplitude, kept, delay_s, offset)
    return Separation(instrument, reference, clocks, bandpass.scatter, bandpass.outliers, unusable)


def is_known(fit: ClockFit, options: CalibratorOptions) -> bool:
    """Whether a clock could be told from the ionosphere."""
    return fit.delay_error_s <= options.max_clock_error_s and abs(fit.delay_s) <= options.max_delay_s


def corrections_at(instrument: Instrument, freq_hz: Floats, options: CalibratorOptions) -> Corrections:
    """Gains at the channels of a subband of the target.

    Raises
    ------
    BadData
        The calibrator was not observed, or was lost, at these frequencies and near them.
    """
    known_hz, good = instrument.freq_hz, instrument.good
    amplitude = smooth_at(known_hz, instrument.amplitude, good, freq_hz, options.smooth_hz)
    # A parabola through points on one side alone leads astray: across gaps a wider one is taken.
    missing = interpolated(known_hz, good, freq_hz, max(NEAR * options.smooth_hz, _half_spacing(freq_hz)))
    wide = smooth_at(known_hz, instrument.amplitude, good, freq_hz, 2.0 * options.max_gap_hz)
    amplitude = np.where(np.isfinite(amplitude) & ~missing[:, None, None], amplitude, wide)
    if not np.isfinite(amplitude).any():
        raise BadData(
            f"no calibrator solutions within {options.max_gap_hz / 1e6:g} MHz of {freq_hz.mean() / 1e6:.3f} MHz; "
            "observe the calibrator with the subbands of the target, or raise [calibrator] max_gap_hz"
        )
    clock = 2.0 * np.pi * freq_hz[:, None] * instrument.delay_s
    sign = np.array([0.5, -0.5])
    phase = clock[:, :, None] + sign * instrument.xy_offset_rad[None, :, None]
    weight = np.isfinite(amplitude) & (amplitude > 0)
    return Corrections(
        np.where(weight, amplitude, 1.0),
        np.where(weight, np.angle(np.exp(1j * phase)), 0.0),
        weight.astype(float),
        bool(missing.any()),
    )


def _half_spacing(freq_hz: Floats) -> float:
    return 0.6 * float(np.diff(freq_hz).max()) if len(freq_hz) > 1 else 0.0


def _unusable(solutions: GainSolutions, dead: Bools) -> dict[str, str]:
    fraction = solutions.good.mean(axis=(0, 1, 3))
    reasons = {}
    for name, part, is_dead in zip(solutions.stations, fraction, dead, strict=True):
        if part < MIN_GOOD_FRACTION:
            reasons[name] = f"calibrator: {part:.0%} of the solutions are good"
        elif is_dead:
            reasons[name] = "calibrator: gain far below that of the others"
    return reasons


def _reference(solutions: GainSolutions, unusable: Mapping[str, str]) -> str:
    """The station with most good solutions, in the core where there is one: its clock is that of most others."""
    fraction = solutions.good.mean(axis=(0, 1, 3))
    usable = [index for index, name in enumerate(solutions.stations) if name not in unusable]
    best = max(
        usable, key=lambda i: (solutions.stations[i].startswith("CS"), round(float(fraction[i]), 2), -i)
    )
    return solutions.stations[best]
