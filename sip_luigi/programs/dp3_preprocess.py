"""DP3: flagging, the A-team and averaging, one pass over the raw data."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.setting import Section, setting
from sip_luigi.programs.dp3_parset import DataShape, ParsetMapping, count_step, head, numbered, storage_keys


@dataclass(frozen=True)
class Preprocessing(Section):
    """Flag and average, DP3."""

    section: ClassVar[str] = "dppp"

    executable: str = setting("DP3.py", "DP3, a name on PATH or a path", science=False)
    threads: int = setting(1, "Threads of one DP3; subbands run side by side", low=1, high=256, science=False)
    parset: str = setting("", "File of DP3 keys that go over the generated ones; empty: none", science=False)
    data_column: str = setting("DATA", "Column of the raw visibilities")
    flag_autocorrelations: bool = setting(True, "Flag the autocorrelations")
    min_elevation_deg: float = setting(
        20.0, "Flag what was observed lower; 0: nothing", unit="deg", low=0, high=90
    )
    min_amplitude: float = setting(
        1e-30, "Flag visibilities with smaller amplitudes: the correlator's zeros", low=0
    )
    aoflagger: bool = setting(True, "Search for interference with AOFlagger")
    strategy: str = setting(
        "lofar-default", "AOFlagger strategy: a name of the dp3 package or a path with a '/'"
    )
    aoflagger_memory_gb: float = setting(
        1.0, "Memory of AOFlagger; it sets how many time slots are searched together", unit="GB", low=0.01
    )
    average_to_s: float = setting(
        4.0, "Average to this time resolution, never finer; 0: do not", unit="s", low=0
    )
    average_to_hz: float = setting(
        48828.125, "Average to this channel width, never finer; 0: do not", unit="Hz", low=0
    )
    time_step: int = setting(0, "Time slots averaged into one; 0: follows from average_to_s", low=0)
    freq_step: int = setting(0, "Channels averaged into one; 0: follows from average_to_hz", low=0)
    dysco: bool = setting(True, "Compress the output with Dysco")
    dysco_data_bits: int = setting(10, "Bits of a visibility", low=2, high=16)
    dysco_weight_bits: int = setting(12, "Bits of a weight", low=2, high=16)
    max_flagged_fraction: float = setting(
        0.9, "A subband of which more is flagged (autocorrelations left out) is lost", low=0, high=1
    )


def averaging_factors(options: Preprocessing, shape: DataShape) -> tuple[int, int]:
    """How many time slots and channels become one.

    Factors given in the options count as they are. Otherwise the data become as coarse as asked but not
    coarser; data that are coarser already stay as they are. Only divisors of the number of channels are
    taken, so that all channels stay of equal width.

    Returns
    -------
    time_step, freq_step : int
        Both at least 1.
    """
    time_step = options.time_step or _factor(options.average_to_s, shape.interval_s)
    wanted = options.freq_step or _factor(options.average_to_hz, shape.channel_width_hz)
    limit = min(wanted, shape.n_channels)
    freq_step = next(step for step in range(limit, 0, -1) if shape.n_channels % step == 0)
    return min(time_step, shape.n_times), freq_step


def _factor(wanted: float, present: float) -> int:
    # LOFAR's "1 s" is 1.00139 s and its "2 s" 2.00278 s: half a per cent more than asked is as asked.
    return max(1, math.floor(wanted * 1.005 / present))


def averaged_shape(options: Preprocessing, shape: DataShape) -> DataShape:
    """Shape after preprocessing."""
    time_step, freq_step = averaging_factors(options, shape)
    return DataShape(
        n_times=math.ceil(shape.n_times / time_step),
        n_channels=shape.n_channels // freq_step,
        interval_s=shape.interval_s * time_step,
        channel_width_hz=shape.channel_width_hz * freq_step,
    )


def preprocess_steps(
    options: Preprocessing,
    msin: str,
    msout: str,
    shape: DataShape,
    *,
    strategy_path: str = "",
    statistics_path: str = "",
) -> ParsetMapping:
    """Parset that flags, averages and compresses in one pass.

    Parameters
    ----------
    options : Preprocessing
        What to do.
    msin, msout : str
        MeasurementSet read and written.
    shape : DataShape
        Shape of the input.
    strategy_path : str
        AOFlagger's strategy file as seen by DP3, see :func:`sip_luigi.programs.environment.strategy_file`.
    statistics_path : str, optional
        JSON file for the flagged fraction of each station.
    """
    time_step, freq_step = averaging_factors(options, shape)
    steps: list[ParsetMapping] = []
    if options.flag_autocorrelations:
        steps.append({"name": "autocorrelations", "type": "preflagger", "corrtype": "auto"})
    if options.min_elevation_deg:
        # The complement, because DP3 takes no negative elevation: what is below the horizon goes too.
        steps.append(
            {
                "name": "elevation",
                "type": "preflagger",
                "mode": "setcomplement",
                "elevation": f"{options.min_elevation_deg:g}deg..90deg",
            }
        )
    if options.min_amplitude:
        steps.append({"name": "zeros", "type": "preflagger", "amplmin": options.min_amplitude})
    if options.aoflagger:
        steps.append(_aoflagger(options, strategy_path))
    if time_step * freq_step > 1:
        steps.append({"name": "average", "type": "averager", "timestep": time_step, "freqstep": freq_step})
    steps.append(count_step(statistics_path))
    return {
        **head(msin, msout, options.threads),
        "msin.datacolumn": options.data_column,
        **storage_keys(options, averaged_shape(options, shape).n_times),
        **numbered(steps),
    }


def _aoflagger(options: Preprocessing, strategy_path: str) -> ParsetMapping:
    if not strategy_path:
        raise ConfigurationError(
            "AOFlagger needs the path of its strategy file; see environment.strategy_file"
        )
    return {
        "name": "aoflagger",
        "type": "aoflagger",
        "strategy": strategy_path,
        "memorymax": options.aoflagger_memory_gb,
        # The autocorrelations are flagged and of no use: without them a fifth of the time is saved.
        "autocorr": not options.flag_autocorrelations,
    }
