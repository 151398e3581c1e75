"""Calibrate: solve for station gains against the sky model of the cycle, and apply them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from sip_luigi.domain.parset import Parset
from sip_luigi.domain.transfer import Corrections, Instrument, corrections_at
from sip_luigi.node.h5parm import read_h5parm
from sip_luigi.programs.dp3 import ParsetMapping, dp3_command
from sip_luigi.programs.dp3_calibrate import (
    calibrate_passes,
    compared_slots,
    model_steps,
    solution_paths,
)
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.cycle import CycleStage
from sip_luigi.tasks.dp3_stage import Dp3Stage, described, shape_of
from sip_luigi.tasks.node_stage import Steps
from sip_luigi.tasks.preprocess import carried
from sip_luigi.tasks.stations import bad_stations, flagged_stations

GAINS, VISIBILITIES = "gains.json", "visibilities.json"
"""Names in the product of what the report shows of solutions and calibrated data."""


class Calibrate(CycleStage, Dp3Stage):
    """Calibrate one subband, with the station beam where the data describe it.

    With a calibrator its bandpass and clocks are applied first, and the sky model tells phases and drifts alone.
    """

    stage = "calibrate"
    version = 5

    @property
    def patch(self) -> str:
        """``[calibration] parset``."""
        return self.ctx.settings.calibration.parset

    def science(self) -> dict[str, Any]:
        """Settings of ``[calibration]``, and how the output is stored."""
        settings = self.ctx.settings
        storage = [settings.dppp.dysco, settings.dppp.dysco_data_bits, settings.dppp.dysco_weight_bits]
        found = {**settings.calibration.science(), "parset": self.patch_text(), "storage": storage}
        if settings.calibration.calibrator_obs_id:
            found["transfer"] = vars(settings.calibrator.transfer())
        return found

    def passes(self, inputs: Inputs) -> str:
        """No cycle follows one that was the last."""
        judgement = inputs.get("judgement")
        if judgement is None or judgement.measures["judgement"]["goes_on"]:
            return ""
        return str(judgement.measures["judgement"]["reason"])

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Write model and transferred solutions, run DP3, then look at data and solutions."""
        settings = self.ctx.settings
        options = settings.calibration
        preprocessed = inputs["data"].measures["verify_measurementset"]
        stations = bad_stations(inputs)
        has_beam = bool(described(inputs["vds"])["has_beam_tables"])
        skymodel, output = f"{part}/sky.skymodel", f"{part}/{self.measurementset}"
        transferred = f"{part}/calibrator.h5" if "calibrator" in inputs else ""
        solutions = f"{part}/solutions"
        passes = calibrate_passes(
            options,
            f"{self.dependencies['data'].product().path}/{self.measurementset}",
            output,
            skymodel,
            shape_of(preprocessed),
            storage=settings.dppp,
            use_beam=has_beam,
            bad_stations=[name for name, entry in stations.items() if not entry.spans],
            bad_times={name: entry.spans for name, entry in stations.items() if entry.spans},
            transferred=transferred,
            solutions_prefix=solutions,
            statistics_path=f"{part}/flags.json",
        )
        if not has_beam and options.beam:
            self.warn("no LOFAR beam tables in the MeasurementSet: calibrated WITHOUT the station beam")
        model = self.text_of("skymodel", inputs)
        flagged = flagged_stations(stations, options)
        return (
            {"write": skymodel, "text": model},
            *(self._transfer(inputs, transferred) if transferred else ()),
            *self._run(part, passes, f"{solutions}.gain.h5"),
            self._inspection(part, output, solution_paths(options, solutions)),
            *self._comparison(inputs, part, solutions),
            {
                "call": "verify_measurementset",
                "request": {
                    "path": output,
                    "max_flagged_fraction": options.max_flagged_fraction,
                    "visibilities": f"{part}/{VISIBILITIES}",
                },
            },
            {"note": has_beam and options.beam, "name": "beam"},
            {"note": {**self._unusable(inputs), **flagged}, "name": "flagged_stations"},
            *carried(inputs["data"]),
        )

    def foretell(self, inputs: Inputs) -> dict[str, Any]:
        """Calibrated data have the shape of preprocessed ones."""
        beam = bool(described(inputs["vds"])["has_beam_tables"]) and self.ctx.settings.calibration.beam
        return {**inputs["data"].measures, "beam": beam}

    def _run(self, part: str, passes: Mapping[str, ParsetMapping], gains: str) -> Steps:
        """Run DP3; between two passes the flux scale is taken out of the gains."""
        texts = {name: self.patched(parset, *passes.values()) for name, parset in passes.items()}
        *first, last = (self.run_parset(part, text, name) for name, text in texts.items())
        kept = {"call": "keep_flux_scale", "request": {"path": gains}}
        return (*(step for steps in first for step in (*steps, kept)), *last)

    def _inspection(self, part: str, output: str, paths: tuple[str, ...]) -> dict[str, Any]:
        options = self.ctx.settings.calibration
        request: dict[str, Any] = {
            "paths": list(paths),
            "gains": f"{part}/{GAINS}",
            "log": f"{self.job_directory}/log",
            "min_converged_fraction": options.min_converged_fraction,
        }
        if options.flag_bad_solutions:
            request |= {
                "measurementset": output,
                "amplitude_outlier_factor": options.amplitude_outlier_factor,
                "max_phase_scatter_rad": options.max_phase_scatter_rad,
            }
        return {"call": "inspect_solutions", "request": request}

    def _comparison(self, inputs: Inputs, part: str, solutions: str) -> Steps:
        """Predict one channel in the middle and compare; the prediction is removed with the comparison."""
        settings = self.ctx.settings
        options = settings.calibration
        if not options.check_model:
            return ()
        shape = inputs["data"].measures["verify_measurementset"]
        channel = shape["n_channels"] // 2
        predicted, parset_path = f"{part}/model.MS", f"{part}/model.parset"
        parset = model_steps(
            f"{self.dependencies['data'].product().path}/{self.measurementset}",
            predicted,
            f"{part}/sky.skymodel",
            channel,
            time_slots=compared_slots(shape["n_times"], shape["n_rows"]),
            threads=settings.dppp.threads,
            use_beam=bool(described(inputs["vds"])["has_beam_tables"]) and options.beam,
        )
        request = {
            "path": f"{part}/{self.measurementset}",
            "model": predicted,
            "channel": channel,
            "uv_min_lambda": options.uv_min_lambda,
            "interval_s": options.phase_interval_s if options.solve_phase else options.gain_interval_s,
            "phases": f"{solutions}.phase.h5" if options.solve_phase else "",
            "limits": options.limits(),
        }
        return (
            {"write": parset_path, "text": Parset.from_mapping(parset).text()},
            {"argv": list(dp3_command(settings.dppp.executable, parset_path))},
            {"call": "model_agreement", "request": request},
        )

    def _unusable(self, inputs: Inputs) -> dict[str, str]:
        reasons: dict[str, str] = inputs["calibrator"].measures["unusable"] if "calibrator" in inputs else {}
        return reasons

    def _transfer(self, inputs: Inputs, path: str) -> Steps:
        """Write the calibrator's solutions for the channels of this subband."""
        found = described(inputs["vds"])
        n_channels = inputs["data"].measures["verify_measurementset"]["n_channels"]
        start_hz: float = found["start_freqs_hz"][0]
        width_hz = (found["end_freqs_hz"][-1] - start_hz) / n_channels
        freq_hz = start_hz + width_hz * (np.arange(n_channels) + 0.5)
        instrument = self._instrument(inputs)
        corrections = corrections_at(instrument, freq_hz, self.ctx.settings.calibrator.transfer())
        if corrections.interpolated:
            self.warn("the calibrator has no solutions at these frequencies: its bandpass is interpolated")
        measures = inputs["calibrator"].measures
        note = {
            "name": "calibrator",
            "note": {
                "calibrator": measures["calibrator"],
                "interpolated": corrections.interpolated,
                "lost": measures["lost"],
            },
        }
        return (self._written(instrument, freq_hz, corrections, path), note)

    def _written(
        self, instrument: Instrument, freq_hz: Any, corrections: Corrections, path: str
    ) -> dict[str, Any]:
        request = {
            "path": path,
            "stations": list(instrument.stations),
            "freq_hz": freq_hz.tolist(),
            "amplitude": corrections.amplitude.tolist(),
            "phase": corrections.phase_rad.tolist(),
            "weight": corrections.weight.tolist(),
        }
        return {"call": "transfer_solutions", "request": request}

    def _instrument(self, inputs: Inputs) -> Instrument:
        bandpass, *_ = read_h5parm(self.dependencies["calibrator"].product().path)
        stations: dict[str, dict[str, Any]] = inputs["calibrator"].measures["stations"]
        known = [stations.get(name, {}) for name in bandpass.stations]
        return Instrument(
            bandpass.stations,
            bandpass.freq_hz,
            bandpass.values[0],
            bandpass.good[0],
            np.array([entry.get("delay_ns", 0.0) * 1e-9 for entry in known]),
            np.array([entry.get("xy_offset_rad", 0.0) for entry in known]),
        )
