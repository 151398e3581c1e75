"""DP3: flagging, the A-team and averaging, one pass over the raw data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from sip_luigi.domain.ateam import Action, AteamDecision
from sip_luigi.domain.ateam_model import NAMES
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.instrument import is_lba
from sip_luigi.domain.setting import Section, setting
from sip_luigi.programs.dp3 import DataShape, ParsetMapping, count_step, head_keys, numbered, storage_keys
from sip_luigi.programs.dp3_averaging import Averaging


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
    ateam: str = setting(
        "auto",
        "What is done about bright sources in the side lobes: 'clip' flags what a model through the station beam says "
        "is bright, 'demix' solves for what is near and subtracts it, 'auto' demixes what is near and clips the rest",
        choices=("auto", "clip", "demix", "none"),
    )
    ateam_sources: str = setting("CasA CygA TauA VirA", "The sources, patches of the model")
    ateam_skymodel: str = setting("", "LOFAR text model with these patches; empty: the one that comes along")
    demix_within_deg: float = setting(
        30.0, "What is nearer to the phase centre is demixed with 'auto'", unit="deg", low=0, high=180
    )
    demix_interval_s: float = setting(
        30.0, "Solution interval of demixing; shorter ones diverge with few stations", unit="s", low=0.001
    )
    demix_width_hz: float = setting(
        48828.125, "Width of a channel that demixing solves for", unit="Hz", low=1
    )
    clip_hba_jy: float = setting(5.0, "Flag where the model is brighter, high band", unit="Jy", low=0.001)
    clip_lba_jy: float = setting(50.0, "The same, low band", unit="Jy", low=0.001)
    clip_interval_s: float = setting(5.0, "How often the model of the clip is computed", unit="s", low=0.001)
    average_to_s: float = setting(4.0, "Average to this time resolution at most; 0: do not", unit="s", low=0)
    average_to_hz: float = setting(
        48828.125, "Average to this channel width at most; 0: do not", unit="Hz", low=0
    )
    max_smearing: float = setting(
        0.02,
        "Average less where the edge of the field would lose more than this fraction of its flux; 0: do not care",
        low=0,
        high=1,
    )
    smearing_radius_fwhm: float = setting(
        0.65,
        "Where the edge of the field is, in widths of the station beam; half of the default [imaging] "
        "field_of_view_fwhm",
        low=0.01,
        high=10,
    )
    smearing_max_uv_lambda: float = setting(
        8000.0, "Longest baseline that will be imaged and must not smear; 0: all", unit="λ", low=0
    )
    time_step: int = setting(0, "Time slots averaged into one; 0: follows from average_to_s", low=0)
    freq_step: int = setting(0, "Channels averaged into one; 0: follows from average_to_hz", low=0)
    dysco: bool = setting(True, "Compress the output with Dysco")
    dysco_data_bits: int = setting(10, "Bits of a visibility", low=2, high=16)
    dysco_weight_bits: int = setting(12, "Bits of a weight", low=2, high=16)
    statistics_interval_s: float = setting(
        300.0, "Stations are judged over intervals of this length", unit="s", low=1
    )
    max_flagged_fraction: float = setting(
        0.9, "A subband of which more is flagged (autocorrelations left out) is lost", low=0, high=1
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        unknown = [] if self.ateam_skymodel else [name for name in self.ateam_names if name not in NAMES]
        if unknown:
            raise ConfigurationError(
                f"[dppp] ateam_sources = {self.ateam_sources}: expected names of {', '.join(NAMES)}, found "
                f"{', '.join(unknown)}; name an ateam_skymodel that has others"
            )

    @property
    def ateam_names(self) -> tuple[str, ...]:
        """Sources of the A-team to think about."""
        return tuple(self.ateam_sources.replace(",", " ").split())


@dataclass(frozen=True)
class Files:
    """Where the parset finds and leaves its files: all in the directory of the product.

    Attributes
    ----------
    folder : str
        The directory.
    """

    folder: str

    @property
    def strategy(self) -> str:
        """AOFlagger's strategy."""
        return f"{self.folder}/strategy.lua"

    def model(self, action: Action) -> str:
        """Sky model of the sources that are clipped or demixed."""
        return f"{self.folder}/ateam.{action}.skymodel"

    def counts(self, step: str) -> str:
        """Flagged fractions after a step."""
        return f"{self.folder}/flags.{step}.json"


def preprocess_steps(
    options: Preprocessing,
    msin: str,
    msout: str,
    shape: DataShape,
    averaging: Averaging,
    *,
    ateam: AteamDecision,
    antenna_set: str,
    files: Files,
) -> ParsetMapping:
    """Parset that flags, removes the A-team, averages and compresses in one pass.

    After every step that flags the flags are counted, see :func:`flag_causes`.

    Parameters
    ----------
    options : Preprocessing
        What to do.
    msin, msout : str
        MeasurementSet read and written.
    shape : DataShape
        Shape of the input.
    averaging : Averaging
        How far it is averaged.
    ateam : AteamDecision
        What is clipped and demixed.
    antenna_set : str
        As the MeasurementSet names it.
    files : Files
        Where strategy, models and counts lie.
    """
    flagging = [*_preflaggers(options)]
    if options.aoflagger:
        flagging.append(_aoflagger(options, files.strategy))
    if ateam.named("clip"):
        flagging.append(_clip(options, shape, antenna_set, files.model("clip")))
    steps = [count_step(files.counts(BEFORE), f"{COUNT}{BEFORE}")]
    for step in flagging:
        steps += [step, count_step(files.counts(step["name"]), f"{COUNT}{step['name']}")]
    if ateam.named("demix"):
        steps.append(_demix(options, shape, averaging, ateam.named("demix"), files))
    elif averaging.time_step * averaging.freq_step > 1:
        steps.append(
            {
                "name": "average",
                "type": "averager",
                "timestep": averaging.time_step,
                "freqstep": averaging.freq_step,
            }
        )
    return {
        **head_keys(msin, msout, options.threads),
        "msin.datacolumn": options.data_column,
        **storage_keys(options, averaging.shape(shape).n_times),
        **numbered(steps),
    }


COUNT = "count_"
"""How the names of the steps that count begin."""
BEFORE = "before"
"""What was flagged in the raw data."""


def flag_causes(parset: ParsetMapping) -> dict[str, str]:
    """Files with the fraction flagged after each cause, in order, :data:`BEFORE` first.

    Parameters
    ----------
    parset : dict
        From :func:`preprocess_steps`.
    """
    return {
        step.removeprefix(COUNT): parset[f"{step}.jsonfilename"]
        for step in parset["steps"]
        if step.startswith(COUNT)
    }


def _preflaggers(options: Preprocessing) -> Iterator[ParsetMapping]:
    if options.flag_autocorrelations:
        yield {"name": "autocorrelations", "type": "preflagger", "corrtype": "auto"}
    if options.min_elevation_deg:
        # The complement, because DP3 takes no negative elevation: what is below the horizon goes too.
        yield {
            "name": "elevation",
            "type": "preflagger",
            "mode": "setcomplement",
            "elevation": f"{options.min_elevation_deg:g}deg..90deg",
        }
    if options.min_amplitude:
        yield {"name": "zeros", "type": "preflagger", "amplmin": options.min_amplitude}


def _clip(options: Preprocessing, shape: DataShape, antenna_set: str, model: str) -> ParsetMapping:
    return {
        "name": "clip",
        "type": "clipper",
        "sourcedb": model,
        # Without the beam it flags everything and ends well.
        "usebeammodel": True,
        "amplmax": options.clip_lba_jy if is_lba(antenna_set) else options.clip_hba_jy,
        "timestep": _slots(options.clip_interval_s, shape.interval_s),
        "freqstep": _slots(options.demix_width_hz, shape.channel_width_hz),
    }


def _demix(
    options: Preprocessing, shape: DataShape, averaging: Averaging, sources: Sequence[str], files: Files
) -> ParsetMapping:
    # Both steps have to be multiples of those of the averaging, which demixing does too.
    slots = _slots(options.demix_interval_s, averaging.interval_s)
    times = min(slots, max(1, shape.n_times // averaging.time_step)) * averaging.time_step
    channels = shape.n_channels // averaging.freq_step
    wanted = min(_slots(options.demix_width_hz, averaging.channel_width_hz), channels)
    freqs = next(step for step in range(wanted, 0, -1) if channels % step == 0) * averaging.freq_step
    return {
        "name": "demix",
        "type": "demixer",
        "skymodel": files.model("demix"),
        "subtractsources": list(sources),
        "instrumentmodel": f"{files.folder}/demix.instrument",
        "timestep": averaging.time_step,
        "freqstep": averaging.freq_step,
        "demixtimestep": times,
        "demixfreqstep": freqs,
        # Either of them turned round ruins the data, and DP3 ends well.
        "ignoretarget": False,
        "uselbfgssolver": False,
    }


def _slots(wanted: float, present: float) -> int:
    return max(1, round(wanted / present))


def _aoflagger(options: Preprocessing, strategy_path: str) -> ParsetMapping:
    return {
        "name": "aoflagger",
        "type": "aoflagger",
        "strategy": strategy_path,
        "memorymax": options.aoflagger_memory_gb,
        # The autocorrelations are flagged and of no use: without them a fifth of the time is saved.
        "autocorr": not options.flag_autocorrelations,
    }
