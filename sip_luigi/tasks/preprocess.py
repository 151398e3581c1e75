"""Preprocess: flag, take care of the A-team and average, one pass of DP3."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from sip_luigi.domain.ateam import DIVERGED, AteamDecision, Pointing, decide_ateam
from sip_luigi.domain.ateam_model import ateam_model, year_of
from sip_luigi.domain.errors import BadProduct, ConfigurationError
from sip_luigi.domain.keys import digest
from sip_luigi.domain.product import Manifest
from sip_luigi.domain.skymodel import SkyModel
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.domain.smearing import Field, field_of
from sip_luigi.programs.dp3_averaging import Averaging, choose_averaging
from sip_luigi.programs.dp3_preprocess import Files, Preprocessing, flag_causes, preprocess_steps
from sip_luigi.programs.environment import strategy_file
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.dp3_stage import Dp3Stage, described, shape_of
from sip_luigi.tasks.node_stage import Steps

STATISTICS, FLAGS = "statistics.json", "flags.json"
"""Names in the product of the statistics, and of what the report shows of them."""


class Preprocess(Dp3Stage):
    """Flag interference and the A-team and average one subband."""

    stage = "preprocess"
    version = 3
    demix_failed = ""
    """Why demixing was given up, once it was."""

    @property
    def settings(self) -> Preprocessing:
        """``[dppp]``."""
        return self.ctx.settings.dppp

    def science(self) -> dict[str, Any]:
        """Settings of ``[dppp]`` and the user's own keys."""
        # By content: a strategy and a sky model may be edited.
        return {
            **self.settings.science(),
            "strategy": digest(self.strategy()),
            "ateam_skymodel": digest(self.own_model().text() if self.settings.ateam_skymodel else ""),
            "parset": self.patch_text(),
        }

    def strategy(self) -> str:
        """Text of AOFlagger's strategy; it goes to the node with the job."""
        settings = self.settings
        return strategy_file(settings.strategy).read_text(encoding="utf-8") if settings.aoflagger else ""

    @property
    def patch(self) -> str:
        """``[dppp] parset``."""
        return self.settings.parset

    def own_model(self) -> SkyModel:
        """The user's model of the A-team."""
        path = Path(self.settings.ateam_skymodel)
        model = parse_skymodel(path.read_text(encoding="utf-8"), path)
        known = {patch.name for patch in model.patches}
        missing = [name for name in self.settings.ateam_names if name not in known]
        if missing:
            raise ConfigurationError(
                f"[dppp] ateam_skymodel = {path}: no patch {', '.join(missing)} of ateam_sources in it; it has "
                f"{', '.join(sorted(known)) or 'none'}"
            )
        return model

    def ateam_model(self, found: Mapping[str, Any]) -> SkyModel:
        """Model of the sources that are thought about, as bright as they were then."""
        names = self.settings.ateam_names
        if self.settings.ateam_skymodel:
            return self.own_model().of_patches(names)
        return ateam_model(names, year_of(found["start_time_mjd_s"]))

    def ateam(self, found: Mapping[str, Any]) -> AteamDecision:
        """What is done about the A-team, from what DescribeSubband found; the same for all of a pointing."""
        pointing = Pointing(
            found["field_ra_rad"],
            found["field_dec_rad"],
            found["start_time_mjd_s"],
            found["end_time_mjd_s"],
            found["has_beam_tables"],
            self.field(found).radius_rad,
        )
        settings = self.settings
        decision = decide_ateam(
            pointing, self.ateam_model(found).patches, settings.ateam, settings.demix_within_deg
        )
        if self.demix_failed:
            return decision.instead(self.demix_failed, has_beam=pointing.has_beam)
        return decision

    def field(self, found: Mapping[str, Any]) -> Field:
        """The field that must not smear."""
        settings = self.settings
        return field_of(
            found["frequency_hz"],
            found["antenna_set"],
            settings.smearing_radius_fwhm,
            found["max_baseline_m"],
            settings.smearing_max_uv_lambda,
        )

    def averaging(self, found: Mapping[str, Any]) -> Averaging:
        """How far the data are averaged."""
        return choose_averaging(self.settings, shape_of(found), self.field(found))

    def make(self, inputs: Inputs, log: TextIO) -> None:
        """Run the job; where demixing made the data worse, run it again without."""
        try:
            super().make(inputs, log)
        except BadProduct as error:
            if DIVERGED not in str(error) or self.demix_failed:
                raise
            self.demix_failed = DIVERGED
            self.warn(f"{error}. It is clipped instead")
            super().make(inputs, log)

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Run DP3, then look at what came out."""
        found, files = described(inputs["vds"]), Files(part)
        ateam, averaging = self.ateam(found), self.averaging(found)
        self._say(ateam, averaging)
        output = f"{part}/{self.measurementset}"
        parset = preprocess_steps(
            self.settings,
            f"{self.dependencies['data'].product().path}/{self.measurementset}",
            output,
            shape_of(found),
            averaging,
            ateam=ateam,
            antenna_set=found["antenna_set"],
            files=files,
        )
        return (
            *([{"write": files.strategy, "text": self.strategy()}] if self.settings.aoflagger else []),
            *self._models(ateam, found, files),
            *self.run_parset(part, self.patched(parset)),
            {"call": "verify_measurementset", "request": self._verification(output, averaging, found)},
            {
                "call": "statistics",
                "request": self._statistics(
                    output, part, flag_causes(parset), demixed=bool(ateam.named("demix"))
                ),
            },
            {"note": ateam.as_dict(), "name": "ateam"},
            {"note": averaging.as_dict(), "name": "averaging"},
        )

    def foretell(self, inputs: Inputs) -> dict[str, Any] | None:
        """The shape that averaging gives; None where a parset of one's own may give another."""
        if self.patch:
            return None
        found = described(inputs["vds"])
        averaging = self.averaging(found)
        after = averaging.shape(shape_of(found))
        shape = {
            "n_times": after.n_times,
            "n_channels": after.n_channels,
            "step_s": after.interval_s,
            "channel_width_hz": after.channel_width_hz,
            "n_rows": after.n_times * found["n_baselines"],
            "bad_stations": [],
        }
        return {
            "verify_measurementset": shape,
            "ateam": self.ateam(found).as_dict(),
            "averaging": averaging.as_dict(),
            "statistics": {},
        }

    def _say(self, ateam: AteamDecision, averaging: Averaging) -> None:
        if averaging.warning:
            self.warn(averaging.warning)
        if ateam.without_beam:
            names = ", ".join(ateam.without_beam)
            self.warn(
                f"no LOFAR beam tables in the MeasurementSet: {names} NOT clipped, their side lobes stay"
            )

    def _models(self, ateam: AteamDecision, found: Mapping[str, Any], files: Files) -> Steps:
        model = self.ateam_model(found)
        return tuple(
            {"write": files.model(action), "text": model.of_patches(ateam.named(action)).text()}
            for action in ("clip", "demix")
            if ateam.named(action)
        )

    def _verification(self, output: str, averaging: Averaging, found: Mapping[str, Any]) -> dict[str, Any]:
        request: dict[str, Any] = {
            "path": output,
            "max_flagged_fraction": self.settings.max_flagged_fraction,
        }
        if not self.patch:
            expected = averaging.shape(shape_of(found))
            request["reference"] = {"n_times": expected.n_times, "n_channels": expected.n_channels}
        return request

    def _statistics(self, output: str, part: str, causes: dict[str, str], *, demixed: bool) -> dict[str, Any]:
        return {
            "path": output,
            "output": f"{part}/{STATISTICS}",
            "summary": f"{part}/{FLAGS}",
            "interval_s": self.settings.statistics_interval_s,
            # A parset of one's own may leave out the steps that count.
            "causes": {} if self.patch else causes,
            "demixed": demixed,
        }


def carried(preprocessed: Manifest) -> Steps:
    """Steps that put into a later product's manifest what was decided here, for the report."""
    measures = preprocessed.measures
    return tuple({"note": measures[name], "name": name} for name in ("ateam", "averaging", "statistics"))
