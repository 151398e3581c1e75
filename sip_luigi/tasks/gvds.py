"""DescribeObservation: the GVDS, from the descriptions of all subbands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import QuorumLost
from sip_luigi.domain.geometry import elevation_rad
from sip_luigi.domain.gvds import combine, odd_ones
from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.domain.vds import Gvds, Vds, parse_vds
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.describe import DescribeSubband
from sip_luigi.tasks.head_stage import HeadStage


class DescribeObservation(HeadStage):
    """Put the descriptions of the subbands together.

    Those that could not be described, or that are not of the field, step and correlations of most, are left out.
    """

    stage = "gvds"
    version = 3

    def path(self) -> Path:
        """``vds/<obs_id>.gvds``."""
        return self.ctx.layout.gvds

    def refuse_lost(self, inputs: Inputs) -> None:
        """Some subbands may be missing, not all."""
        losses = {name: manifest.loss for name, manifest in inputs.items()}
        if all(losses.values()):
            reasons = "; ".join(f"{name}: {loss.reason}" for name, loss in losses.items() if loss)
            raise QuorumLost(f"none of the subbands can be processed. {reasons}")

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Combine the VDS files."""
        parts = {name: self._read(name) for name, manifest in inputs.items() if not manifest.loss}
        odd = odd_ones(list(parts.values()))
        left_out = {name: odd[vds.name] for name, vds in parts.items() if vds.name in odd}
        for reason in left_out.values():
            self.warn(f"left out: {reason}")
        used = [name for name in parts if name not in left_out]
        gvds = combine([parts[name] for name in used], self.obs_id)
        part.write_text(gvds.text(), encoding="utf-8")
        return observation_measures(gvds, [inputs[name] for name in used]) | {"left_out": left_out}

    def foretell(self, inputs: Inputs) -> dict[str, Any]:
        """The same, of subbands whose descriptions may not have been written."""
        used = {name: manifest for name, manifest in inputs.items() if not manifest.loss}
        tasks = {name: task for name, task in self.dependencies.items() if isinstance(task, DescribeSubband)}
        gvds = combine([tasks[name].vds(manifest.measures) for name, manifest in used.items()], self.obs_id)
        return observation_measures(gvds, list(used.values()))

    def _read(self, subband: str) -> Vds:
        path = Path(self.dependencies[subband].product().path)
        return parse_vds(path.read_text(encoding="utf-8"), path)


def losses(gvds: Manifest, stages: Mapping[str, Manifest], subbands: Iterable[str]) -> dict[str, Loss | None]:
    """What became of each subband: lost in its chain, left out of the observation, or None, usable.

    Parameters
    ----------
    gvds : Manifest
        Of :class:`DescribeObservation`.
    stages : mapping
        Manifest of the last stage of each subband's chain.
    subbands : iterable of str
        Those to tell of, in this order.
    """
    left_out = gvds.measures.get("left_out", {})
    # What does not belong to the observation fails later too, for reasons that follow from that.
    return {
        name: Loss(DescribeObservation.stage, left_out[name]) if name in left_out else stages[name].loss
        for name in subbands
    }


def observation_measures(gvds: Gvds, described: list[Manifest]) -> dict[str, Any]:
    """What later stages need to know of the observation as a whole."""
    ra, dec = gvds.field_ra_rad[0], gvds.field_dec_rad[0]
    return {
        "pointing_rad": [ra, dec],
        "elevation_rad": elevation_rad(ra, dec, (gvds.start_time_s + gvds.end_time_s) / 2),
        "start_time_mjd_s": gvds.start_time_s,
        "duration_s": gvds.end_time_s - gvds.start_time_s,
        "start_freq_hz": min(gvds.start_freqs_hz),
        "end_freq_hz": max(gvds.end_freqs_hz),
        "n_stations": len(gvds.parts[0].station_names),
        "antenna_set": described[0].measures.get("antenna_set", ""),
        "max_baseline_m": max(manifest.measures["max_baseline_m"] for manifest in described),
    }
