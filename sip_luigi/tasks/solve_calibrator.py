"""SolveCalibrator: the gains that a standard calibrator asks for."""

from __future__ import annotations

import math
from typing import Any

from sip_luigi.domain.calibrators import CALIBRATORS, Calibrator, calibrator_model, calibrator_near
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.parset import Parset
from sip_luigi.programs.dp3_calibrate import solve_calibrator_steps
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.dp3_stage import Dp3Stage, described, shape_of
from sip_luigi.tasks.node_stage import Steps
from sip_luigi.tasks.stations import bad_stations

CALIBRATOR_RADIUS_DEG = 1.0
SOLUTIONS = "calibrator.h5"


class SolveCalibrator(Dp3Stage):
    """Solve one subband of a calibrator's observation for the gains of each channel."""

    stage = "solve_calibrator"

    def science(self) -> dict[str, Any]:
        """How it is solved."""
        settings = self.ctx.settings
        return {
            **settings.calibrator.solving(),
            "beam": settings.calibration.beam,
            "flag_bad_stations": settings.calibration.flag_bad_stations,
        }

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Write the calibrator's model, run DP3, look at the solutions."""
        settings = self.ctx.settings
        found, preprocessed = described(inputs["vds"]), inputs["data"].measures["verify_measurementset"]
        calibrator = calibrator_of(self.obs_id, found["field_ra_rad"], found["field_dec_rad"])
        flags = settings.calibration.flag_bad_stations
        stations = bad_stations(inputs) if flags else {}
        skymodel, solutions = f"{part}/calibrator.skymodel", f"{part}/{SOLUTIONS}"
        parset = solve_calibrator_steps(
            settings.calibrator,
            f"{self.dependencies['data'].product().path}/{self.measurementset}",
            skymodel,
            shape_of(preprocessed),
            threads=settings.dppp.threads,
            use_beam=bool(found["has_beam_tables"]) and settings.calibration.beam,
            bad_stations=[name for name, entry in stations.items() if not entry.spans],
            bad_times={name: entry.spans for name, entry in stations.items() if entry.spans},
            solutions=solutions,
        )
        inspect = {
            "paths": [solutions],
            "log": f"{self.job_directory}/log",
            "min_converged_fraction": settings.calibrator.min_converged_fraction,
        }
        return (
            {"write": skymodel, "text": calibrator_model(calibrator).text()},
            *self.run_parset(part, Parset.from_mapping(parset).text()),
            {"call": "inspect_solutions", "request": inspect},
            {"note": calibrator.name, "name": "calibrator"},
        )


def calibrator_of(obs_id: str, ra_rad: float, dec_rad: float) -> Calibrator:
    """The standard calibrator that an observation points at.

    Raises
    ------
    ConfigurationError
        It points at none.
    """
    calibrator = calibrator_near(ra_rad, dec_rad, CALIBRATOR_RADIUS_DEG)
    if calibrator is None:
        known = ", ".join(entry.name for entry in CALIBRATORS)
        raise ConfigurationError(
            f"{obs_id}: none of the calibrators {known} is within {CALIBRATOR_RADIUS_DEG:g} degree of its phase "
            f"centre ({math.degrees(ra_rad):.3f}, {math.degrees(dec_rad):+.3f}); name another calibrator_obs_id"
        )
    return calibrator
