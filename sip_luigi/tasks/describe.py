"""DescribeSubband: the VDS of one raw MeasurementSet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from sip_luigi.domain.vds import Vds
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.head_stage import HeadStage
from sip_luigi.tasks.subband import SubbandStage


class DescribeSubband(SubbandStage, HeadStage):
    """Look at the raw data on their storage node; what cannot be processed is refused here."""

    stage = "describe"

    def science(self) -> dict[str, Any]:
        """The data themselves."""
        return {"raw": self.raw.identity}

    def path(self) -> Path:
        """``vds/<subband>.vds``."""
        return self.ctx.layout.vds / f"{self.subband}.vds"

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Describe the MeasurementSet and write its VDS."""
        found = self.foretell(inputs)
        part.write_text(self.vds(found).text(), encoding="utf-8")
        if not found["has_beam_tables"]:
            self.warn("the MeasurementSet has no LOFAR beam tables: the station beam is not known")
        return found

    def foretell(self, inputs: Inputs) -> dict[str, Any]:
        """What the node finds in the data; asking writes nothing."""
        raw = self.raw
        return dict(self.ctx.connections[raw.node].call("describe", {"path": raw.path})["summary"])

    def vds(self, found: Mapping[str, Any]) -> Vds:
        """The VDS, from what the node found."""
        raw = self.raw
        file_sys = file_system(raw.node, raw.path, self._disks())
        return vds_of(found, raw.path, file_sys, str(self.ctx.cluster.path or ""))

    def _disks(self) -> tuple[str, ...]:
        return self.ctx.cluster.node(self.raw.node).local_disks


def vds_of(summary: Mapping[str, Any], path: str, file_sys: str, cluster_desc: str) -> Vds:
    """The VDS of a MeasurementSet, from what the node found in it."""
    return Vds(
        name=path,
        file_name=path,
        file_sys=file_sys,
        cluster_desc=cluster_desc,
        start_time_s=summary["start_time_mjd_s"],
        end_time_s=summary["end_time_mjd_s"],
        step_time_s=summary["step_s"],
        n_chan=(summary["n_channels"],),
        start_freqs_hz=tuple(summary["start_freqs_hz"]),
        end_freqs_hz=tuple(summary["end_freqs_hz"]),
        corr_names=tuple(summary["corr_names"]),
        field_ra_rad=(summary["field_ra_rad"],),
        field_dec_rad=(summary["field_dec_rad"],),
        field_type=(summary["field_direction_type"],),
        station_names=tuple(summary["station_names"]),
        data_file_name=summary["data_file_name"],
        data_file_is_regular=summary["data_file_is_regular"],
        data_tile_shape=tuple(summary["data_tile_shape"]),
        data_cube_shape=tuple(summary["data_cube_shape"]),
    )


def file_system(node: str, path: str, disks: tuple[str, ...]) -> str:
    """File system of a path as a VDS names it, ``lse007:/data1``: the node's longest disk that holds it."""
    holding = [disk for disk in disks if PurePosixPath(path).is_relative_to(disk)]
    return f"{node}:{max(holding, key=len)}" if holding else f"{node}:/"
