"""CombineCalibrator: from the gains of a calibrator to what the instrument does to any source."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sip_luigi.domain.errors import BadData, QuorumLost
from sip_luigi.domain.quorum import Quorum
from sip_luigi.domain.transfer import GainSolutions, Separation, is_known, separate, stack
from sip_luigi.node.h5parm import read_h5parm, write_h5parm
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.head_stage import HeadStage
from sip_luigi.tasks.solve_calibrator import SOLUTIONS


class CombineCalibrator(HeadStage):
    """Clean the bandpass over all subbands of a calibrator, and tell clocks from the ionosphere."""

    stage = "combine_calibrator"

    def science(self) -> dict[str, Any]:
        """How solutions are cleaned and taken apart, and how many may be missing."""
        settings = self.ctx.settings.calibrator
        return {**vars(settings.transfer()), "min_subband_fraction": settings.min_subband_fraction}

    def path(self) -> Path:
        """An h5parm in the job directory of the calibrator."""
        return self.ctx.layout.directory / f"{self.obs_id}.instrument.h5"

    def refuse_lost(self, inputs: Inputs) -> None:
        """Go on with the subbands that are solved, while they are enough."""
        quorum = Quorum(self.ctx.settings.calibrator.min_subband_fraction, max_gap_fraction=1.0)
        self._require(quorum, inputs, {n: m.loss.reason for n, m in inputs.items() if m.loss})

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Read the solutions of all subbands, separate, write amplitudes as h5parm and the rest as measures."""
        options = self.ctx.settings.calibrator
        solved = {name: self._solutions(name) for name, manifest in inputs.items() if not manifest.loss}
        lost = {name: manifest.loss.reason for name, manifest in inputs.items() if manifest.loss}
        solutions, left_out = stack(solved)
        lost |= left_out
        self._require(Quorum(options.min_subband_fraction, max_gap_fraction=1.0), inputs, lost)
        try:
            found = separate(solutions, options.transfer())
        except BadData as error:
            raise QuorumLost(f"calibrator {self.obs_id}: {error}") from error
        instrument = found.instrument
        write_h5parm(
            str(part),
            instrument.stations,
            instrument.freq_hz.tolist(),
            {"amplitude": np.nan_to_num(instrument.amplitude)},
            instrument.good,
        )
        for name, reason in lost.items():
            self.warn(f"{name} is missing: {reason}; its bandpass is interpolated where others are near")
        names = {m.measures["calibrator"] for m in inputs.values() if not m.loss}
        return {
            "calibrator": ", ".join(sorted(names)),
            "reference": found.reference,
            "lost": lost,
            "unusable": found.unusable,
            "stations": self._stations(found),
        }

    def _require(self, quorum: Quorum, inputs: Inputs, lost: dict[str, str]) -> None:
        if problem := quorum.problem([name not in lost for name in inputs]):
            reasons = "; ".join(f"{name}: {reason}" for name, reason in lost.items())
            raise QuorumLost(
                f"calibrator {self.obs_id}: {problem}. Lost: {reasons}. Try them again with sip retry {self.obs_id} "
                "--lost, name another calibrator_obs_id, or none"
            )

    def _solutions(self, subband: str) -> GainSolutions:
        with self.fetched(subband, SOLUTIONS) as path:
            tables = {table.kind: table for table in read_h5parm(str(path))}
        amplitude, phase = tables["amplitude"], tables["phase"]
        return GainSolutions(
            amplitude.stations, amplitude.freq_hz, amplitude.values, phase.values, amplitude.good & phase.good
        )

    def _stations(self, found: Separation) -> dict[str, dict[str, Any]]:
        options = self.ctx.settings.calibrator.transfer()
        entries = {}
        for index, name in enumerate(found.instrument.stations):
            if name in found.unusable:
                continue
            clock = found.clocks.get(name)
            entries[name] = {
                "delay_ns": float(found.instrument.delay_s[index] * 1e9),
                "clock_known": clock is None or is_known(clock, options),
                "xy_offset_rad": float(found.instrument.xy_offset_rad[index]),
                "bandpass_scatter": float(found.scatter[index]),
                "outlier_fraction": float(found.outliers[index]),
            }
            if clock and np.isfinite(clock.delay_error_s):
                entries[name] |= {
                    "delay_error_ns": clock.delay_error_s * 1e9,
                    "phase_residual_rad": clock.residual_rad,
                    "tec_tecu": float(np.median(clock.tec_tecu)),
                }
        return entries
