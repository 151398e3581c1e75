"""What the parsets of all DP3 stages have in common.

A parset is a mapping from key to value; :meth:`sip_luigi.domain.parset.Parset.from_mapping` writes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from sip_luigi.domain.errors import ConfigurationError

ParsetMapping = dict[str, Any]


@dataclass(frozen=True)
class DataShape:
    """Extent of a MeasurementSet in time and frequency.

    Attributes
    ----------
    n_times, n_channels : int
        Number of time slots and of channels.
    interval_s : float
        Length of a time slot.
    channel_width_hz : float
        Width of a channel.
    """

    n_times: int
    n_channels: int
    interval_s: float
    channel_width_hz: float

    def __post_init__(self) -> None:
        if min(self.n_times, self.n_channels) < 1 or not min(self.interval_s, self.channel_width_hz) > 0:
            raise ConfigurationError(f"expected positive numbers of times, channels and widths, found {self}")


class Compression(Protocol):
    """How visibilities are stored, see :class:`sip_luigi.programs.dp3_preprocess.Preprocessing`."""

    @property
    def dysco(self) -> bool:
        """Whether Dysco compresses them."""

    @property
    def dysco_data_bits(self) -> int:
        """Bits of a visibility."""

    @property
    def dysco_weight_bits(self) -> int:
        """Bits of a weight."""


def dp3_command(executable: str, parset_path: str) -> tuple[str, ...]:
    """Argument list that runs a parset."""
    return (executable, parset_path)


def head_keys(msin: str, msout: str, threads: int) -> ParsetMapping:
    """What is read and written; keys that DP3 does not know are refused."""
    return {"msin": msin, "msout": msout, **_run_keys(threads)}


def _run_keys(threads: int) -> ParsetMapping:
    return {"checkparset": 1, "numthreads": threads, "showprogress": True}


def storage_keys(options: Compression, n_times: int) -> ParsetMapping:
    """How the output is stored."""
    # Dysco stops the program when it is given a single time slot.
    if not options.dysco or n_times < 2:
        return {}
    return {
        "msout.storagemanager": "dysco",
        "msout.storagemanager.databitrate": options.dysco_data_bits,
        "msout.storagemanager.weightbitrate": options.dysco_weight_bits,
    }


def count_step(statistics_path: str, name: str = "count") -> ParsetMapping:
    """Step that counts flags; with a path it writes the flagged fraction of each station there as JSON."""
    step: ParsetMapping = {"name": name, "type": "counter"}
    if statistics_path:
        step |= {"savetojson": True, "jsonfilename": statistics_path}
    return step


def numbered(steps: list[ParsetMapping]) -> ParsetMapping:
    """Steps in their order, each one's keys under its name."""
    parset: ParsetMapping = {"steps": [step["name"] for step in steps]}
    for step in steps:
        parset |= {f"{step['name']}.{key}": value for key, value in step.items() if key != "name"}
    return parset


def reading_pass(msin: str, threads: int, steps: list[ParsetMapping]) -> ParsetMapping:
    """Parset of a pass that writes no data."""
    # Without a last step of its own, with msout empty or left out, DP3 writes into its input.
    nothing: ParsetMapping = {"name": "nothing", "type": "null"}
    return {"msin": msin, **_run_keys(threads), **numbered([*steps, nothing])}
