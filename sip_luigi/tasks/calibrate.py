"""Calibrate: solve for station gains against the sky model of the cycle, and apply them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sip_luigi.programs.dp3 import calibrate_steps, solution_paths
from sip_luigi.tasks.base import Inputs, Steps
from sip_luigi.tasks.cycle import CycleStage
from sip_luigi.tasks.dp3_stage import Dp3Stage, described, shape_of


class Calibrate(CycleStage, Dp3Stage):
    """Calibrate one subband, with the station beam where the data describe it."""

    stage = "calibrate"
    decided_by = "judgement"

    @property
    def patch(self) -> str:
        """``[calibration] parset``."""
        return self.ctx.settings.calibration.parset

    def science(self) -> dict[str, Any]:
        """Settings of ``[calibration]``, and how the output is stored."""
        dppp = self.ctx.settings.dppp
        storage = [dppp.dysco, dppp.dysco_data_bits, dppp.dysco_weight_bits]
        return {**self.ctx.settings.calibration.science(), "parset": self.patch_text(), "storage": storage}

    def passes(self, inputs: Inputs) -> str:
        """No cycle follows one that was the last."""
        judgement = inputs.get("judgement")
        if judgement is None or judgement.measures["judgement"]["goes_on"]:
            return ""
        return str(judgement.measures["judgement"]["reason"])

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Write the sky model, run DP3, then look at data and solutions."""
        settings = self.ctx.settings
        preprocessed = inputs["data"].measures["verify_measurementset"]
        bad = {entry["station"]: entry["reason"] for entry in preprocessed["bad_stations"]}
        has_beam = bool(described(inputs["vds"])["has_beam_tables"])
        skymodel, output = f"{part}/sky.skymodel", f"{part}/{self.measurementset}"
        source = f"{self.dependencies['data'].product().path}/{self.measurementset}"
        solutions = f"{part}/solutions"
        parset = calibrate_steps(
            settings.calibration,
            source,
            output,
            skymodel,
            shape_of(preprocessed),
            storage=settings.dppp,
            use_beam=has_beam,
            bad_stations=bad,
            solutions_prefix=solutions,
            statistics_path=f"{part}/flags.json",
        )
        if not has_beam and settings.calibration.beam:
            self.warn("no LOFAR beam tables in the MeasurementSet: calibrated WITHOUT the station beam")
        model = Path(self.dependencies["skymodel"].product().path).read_text(encoding="utf-8")
        verify = {"path": output, "max_flagged_fraction": settings.calibration.max_flagged_fraction}
        paths = list(solution_paths(settings.calibration, solutions))
        return (
            {"write": skymodel, "text": model},
            *self.run_parset(part, self.patched(parset)),
            {"call": "inspect_solutions", "request": {"paths": paths}},
            {"call": "verify_measurementset", "request": verify},
            {"note": has_beam and settings.calibration.beam, "name": "beam"},
            {"note": bad if settings.calibration.flag_bad_stations else {}, "name": "flagged_stations"},
        )
