"""JudgeCycle: whether a cycle of self-calibration was worth it, and whether another one follows."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sip_luigi.domain.quality import mean
from sip_luigi.domain.selfcal import CycleFigures, CycleJudgement, CycleLimits, judge_cycle
from sip_luigi.tasks.base import Inputs
from sip_luigi.tasks.cycle import CycleStage
from sip_luigi.tasks.head_stage import HeadStage

logger = logging.getLogger("sip_luigi")


class JudgeCycle(CycleStage, HeadStage):
    """Hold a cycle against the best one before it; the calibration of the next one asks for the decision."""

    stage = "judge_cycle"

    def science(self) -> dict[str, Any]:
        """The limits."""
        pipeline = self.ctx.settings.pipeline
        return {"min_improvement": pipeline.min_improvement, "max_worsening": pipeline.max_worsening}

    def path(self) -> Path:
        """A file beside the sky models."""
        return self.ctx.layout.directory / "cycles" / f"{self.obs_id}.cycle{self.cycle}.json"

    def refuse_lost(self, inputs: Inputs) -> None:
        """A cycle that is lost can be judged."""

    def passes(self, inputs: Inputs) -> str:
        """Never: the last judgement tells which cycle is the best."""
        return ""

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Judge, and write the judgements of all cycles so far."""
        before = inputs["before"].measures if "before" in inputs else None
        judgement = judge_cycle(
            self.cycle,
            cycle_figures(inputs),
            CycleJudgement.from_json(before["judgement"]) if before else None,
            CycleLimits(**self.science()),
        )
        logger.info("%s: %s, %s: %s", self.name, judgement.state, judgement.decision, judgement.reason)
        if judgement.state in ("rejected", "lost"):
            self.warn(f"{judgement.reason}; the results come from cycle {judgement.best}")
        entry = {
            "cycle": self.cycle,
            "state": judgement.state,
            "reason": judgement.reason,
            **measured(inputs),
        }
        cycles = [*(before["cycles"] if before else []), entry]
        part.write_text(json.dumps(cycles, indent=1) + "\n", encoding="utf-8")
        return {"judgement": judgement.to_json(), "cycles": cycles}

    def content(self, measures: Mapping[str, Any]) -> str:
        """Whether a cycle follows, and which is the best."""
        return CycleJudgement.from_json(measures["judgement"]).decision


def cycle_figures(inputs: Inputs) -> CycleFigures | None:
    """What the cycle is judged by, None without image or catalogue."""
    found = measured(inputs)
    names = CycleFigures.__dataclass_fields__
    return CycleFigures(**{name: found[name] for name in names}) if found["n_sources"] is not None else None


def measured(inputs: Inputs) -> dict[str, Any]:
    """Figures of a cycle for the report; None for what was not measured."""
    image, sources = inputs["image"].measures, inputs["sources"].measures
    bright = image.get("bright_source", {})
    return {
        "rms_jy_beam": image.get("residual", {}).get("rms_jy_beam"),
        "dynamic_range": bright.get("dynamic_range"),
        "n_sources": sources.get("find_sources", {}).get("n_sources"),
        "solutions": solution_figures(inputs),
    }


def solution_figures(inputs: Inputs) -> dict[str, float]:
    """Mean over the subbands of every number that was found of the solutions as a whole."""
    found: dict[str, list[float]] = {}
    for manifest in inputs.values():
        for name, value in manifest.measures.get("inspect_solutions", {}).items():
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                found.setdefault(name, []).append(float(value))
    return {name: value for name, values in found.items() if (value := mean(values)) is not None}
