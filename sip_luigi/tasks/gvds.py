"""DescribeObservation: the GVDS, from the descriptions of all subbands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import QuorumLost
from sip_luigi.domain.geometry import elevation_rad
from sip_luigi.domain.product import Manifest
from sip_luigi.domain.vds import Gvds, combine, parse_vds
from sip_luigi.tasks.base import HeadStage, Inputs


class DescribeObservation(HeadStage):
    """Put the descriptions of the subbands together; those that could not be described are left out."""

    stage = "gvds"

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
        usable = {name: manifest for name, manifest in inputs.items() if not manifest.loss}
        parts = []
        for name in usable:
            path = Path(self.dependencies[name].product().path)
            parts.append(parse_vds(path.read_text(encoding="utf-8"), path))
        gvds = combine(parts, self.obs_id)
        part.write_text(gvds.text(), encoding="utf-8")
        return observation_measures(gvds, list(usable.values()))


def observation_measures(gvds: Gvds, described: list[Manifest]) -> dict[str, Any]:
    """What later stages need to know of the observation as a whole."""
    ra, dec = gvds.field_ra_rad[0], gvds.field_dec_rad[0]
    return {
        "pointing_rad": [ra, dec],
        "elevation_rad": elevation_rad(ra, dec, (gvds.start_time_s + gvds.end_time_s) / 2),
        "duration_s": gvds.end_time_s - gvds.start_time_s,
        "start_freq_hz": min(gvds.start_freqs_hz),
        "end_freq_hz": max(gvds.end_freqs_hz),
        "n_stations": len(gvds.parts[0].station_names),
        "max_baseline_m": max(manifest.measures["max_baseline_m"] for manifest in described),
    }
