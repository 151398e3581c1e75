"""How far the data are averaged: as coarse as wished, as long as the edge of the field does not smear."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from sip_luigi.domain.smearing import Field, bandwidth_smearing, time_smearing
from sip_luigi.programs.dp3 import DataShape


class AveragingOptions(Protocol):
    """The keys of ``[dppp]`` that say how far to average."""

    @property
    def average_to_s(self) -> float:
        """Coarsest time resolution."""

    @property
    def average_to_hz(self) -> float:
        """Coarsest channel width."""

    @property
    def time_step(self) -> int:
        """Time slots averaged into one, 0 where it follows."""

    @property
    def freq_step(self) -> int:
        """Channels averaged into one, 0 where it follows."""

    @property
    def max_smearing(self) -> float:
        """Most flux lost at the edge of the field, 0 for any."""


@dataclass(frozen=True)
class Averaging:
    """How far the data are averaged, and why.

    Attributes
    ----------
    time_step, freq_step : int
        Time slots and channels that become one, both at least 1.
    interval_s, channel_width_hz : float
        What they become.
    time_smearing, bandwidth_smearing : float
        Part of the flux that is lost at the edge of the field.
    reason : str
        What decided.
    warning : str
        What an operator has to know, or nothing.
    """

    time_step: int
    freq_step: int
    interval_s: float
    channel_width_hz: float
    time_smearing: float
    bandwidth_smearing: float
    reason: str = ""
    warning: str = ""

    @property
    def smearing(self) -> float:
        """Part of the flux that both take."""
        return self.time_smearing + self.bandwidth_smearing

    def shape(self, before: DataShape) -> DataShape:
        """Shape of the averaged data."""
        return DataShape(
            n_times=math.ceil(before.n_times / self.time_step),
            n_channels=before.n_channels // self.freq_step,
            interval_s=self.interval_s,
            channel_width_hz=self.channel_width_hz,
        )

    def as_dict(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def choose_averaging(options: AveragingOptions, shape: DataShape, field: Field) -> Averaging:
    """Choose how many time slots and channels become one.

    Factors given in the options count as they are. Otherwise the data become as coarse as asked, not coarser, and
    not so coarse that the edge of the field loses more than `max_smearing`: what costs more, time or frequency, is
    made finer first. To data that smear more as they come, averaging adds half of that at most. Only divisors of the
    number of channels are taken, so that all channels stay of equal width.
    """
    wanted_time = min(options.time_step or _factor(options.average_to_s, shape.interval_s), shape.n_times)
    wanted_freq = _divisor(
        shape.n_channels, options.freq_step or _factor(options.average_to_hz, shape.channel_width_hz)
    )
    chosen = wanted = _averaged(shape, field, wanted_time, wanted_freq)
    raw, limit = _averaged(shape, field, 1, 1).smearing, options.max_smearing
    allowed = limit if raw <= limit else raw + limit / 2
    while limit and chosen.smearing > allowed:
        finer = _finer(options, shape, field, chosen)
        if finer is None:
            break
        chosen = finer
    return Averaging(
        **{
            **chosen.as_dict(),
            "reason": _reason(options, chosen, wanted),
            "warning": _warning(options, chosen),
        }
    )


def _averaged(shape: DataShape, field: Field, time_step: int, freq_step: int) -> Averaging:
    interval_s, width_hz = shape.interval_s * time_step, shape.channel_width_hz * freq_step
    return Averaging(
        time_step,
        freq_step,
        interval_s,
        width_hz,
        time_smearing(field, interval_s),
        bandwidth_smearing(field, width_hz),
    )


def _finer(options: AveragingOptions, shape: DataShape, field: Field, now: Averaging) -> Averaging | None:
    time_is_free = now.time_step > 1 and not options.time_step
    freq_is_free = now.freq_step > 1 and not options.freq_step
    if time_is_free and (now.time_smearing >= now.bandwidth_smearing or not freq_is_free):
        return _averaged(shape, field, now.time_step - 1, now.freq_step)
    if freq_is_free:
        return _averaged(shape, field, now.time_step, _divisor(shape.n_channels, now.freq_step - 1))
    return None


def _reason(options: AveragingOptions, chosen: Averaging, wanted: Averaging) -> str:
    limit = f"max_smearing = {options.max_smearing:g}"
    time = limit if chosen.time_step < wanted.time_step else "average_to_s"
    freq = limit if chosen.freq_step < wanted.freq_step else "average_to_hz"
    time, freq = ("time_step" if options.time_step else time), ("freq_step" if options.freq_step else freq)
    return (
        f"{chosen.time_step} time slots to {chosen.interval_s:.3g} s ({time}), {chosen.freq_step} channels to "
        f"{chosen.channel_width_hz / 1e3:.4g} kHz ({freq}); the edge of the field loses {chosen.smearing:.2%}"
    )


def _warning(options: AveragingOptions, chosen: Averaging) -> str:
    if not options.max_smearing or chosen.smearing <= options.max_smearing:
        return ""
    given = options.time_step or options.freq_step
    remedy = (
        "let time_step and freq_step be 0, or image a smaller field" if given else "image a smaller field"
    )
    return (
        f"sources at the edge of the field lose {chosen.smearing:.1%} of their peak by smearing "
        f"({chosen.time_smearing:.1%} in time, {chosen.bandwidth_smearing:.1%} in frequency), more than "
        f"max_smearing = {options.max_smearing:g}"
        + (", with the steps given" if given else ": the data come as coarse as that")
        + f"; {remedy}"
    )


def _divisor(number: int, limit: int) -> int:
    return next(step for step in range(min(limit, number), 0, -1) if number % step == 0)


def _factor(wanted: float, present: float) -> int:
    # LOFAR's "1 s" is 1.00139 s and its "2 s" 2.00278 s: half a per cent more than asked is as asked.
    return max(1, math.floor(wanted * 1.005 / present))
