"""Preprocess: flag and average, one pass of DP3."""

from __future__ import annotations

from typing import Any

from sip_luigi.domain.keys import digest
from sip_luigi.programs.dp3_preprocess import averaged_shape, preprocess_steps
from sip_luigi.programs.environment import strategy_file
from sip_luigi.tasks.base import Inputs, Steps
from sip_luigi.tasks.dp3_stage import Dp3Stage, described, shape_of


class Preprocess(Dp3Stage):
    """Flag interference and average one subband."""

    stage = "preprocess"

    def science(self) -> dict[str, Any]:
        """Settings of ``[dppp]`` and the user's own keys."""
        settings = self.ctx.settings.dppp
        # By content: a strategy file may be edited.
        return {**settings.science(), "strategy": digest(self.strategy()), "parset": self.patch_text()}

    def strategy(self) -> str:
        """Text of AOFlagger's strategy; it goes to the node with the job."""
        settings = self.ctx.settings.dppp
        return strategy_file(settings.strategy).read_text(encoding="utf-8") if settings.aoflagger else ""

    @property
    def patch(self) -> str:
        """``[dppp] parset``."""
        return self.ctx.settings.dppp.parset

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """Run DP3, then look at what came out."""
        settings = self.ctx.settings.dppp
        shape = shape_of(described(inputs["vds"]))
        output, strategy = f"{part}/{self.measurementset}", f"{part}/strategy.lua"
        source = f"{self.dependencies['data'].product().path}/{self.measurementset}"
        parset = preprocess_steps(
            settings,
            source,
            output,
            shape,
            strategy_path=strategy if settings.aoflagger else "",
            statistics_path=f"{part}/flags.json",
        )
        request: dict[str, Any] = {"path": output, "max_flagged_fraction": settings.max_flagged_fraction}
        if not self.patch:
            expected = averaged_shape(settings, shape)
            request["reference"] = {"n_times": expected.n_times, "n_channels": expected.n_channels}
        return (
            *([{"write": strategy, "text": self.strategy()}] if settings.aoflagger else []),
            *self.run_parset(part, self.patched(parset)),
            {"call": "verify_measurementset", "request": request},
        )
