"""Stages that do nothing: a graph of the pipeline's shape whose time is all overhead."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

from sip_luigi.pipeline import ImagingPipeline
from sip_luigi.tasks.base import Inputs, Stage
from sip_luigi.tasks.chain import CHAIN, Need
from sip_luigi.tasks.node_stage import Steps
from sip_luigi.tasks.subband import SubbandNodeStage


class NoopStage(SubbandNodeStage):
    """One stage of a chain; its tool is ``true``."""

    stage = "noop"

    def science(self) -> dict[str, Any]:
        """The raw data, so that every chain has keys of its own."""
        return {"raw": self.raw.identity}

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """The smallest program there is."""
        return ({"argv": ["true"]},)


class NoopPipeline(ImagingPipeline):
    """The root above all chains; it looks at everything exactly as the pipeline does."""

    stage = "noop_pipeline"

    def path(self) -> Path:
        """One small file."""
        return self.ctx.layout.results / "noop.json"

    def afterwards(self) -> list[Stage]:
        """The sky model has nothing to learn from it."""
        return []

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Deliver nothing."""
        part.write_text(json.dumps(sorted(inputs)), encoding="utf-8")
        return {"files": {}, "outcome": "full"}


def define_chain(stages: int) -> None:
    """Make the classes ``Noop1`` … and enter them, and the root, in the table that is the graph."""
    table = cast(dict[str, dict[str, Need]], CHAIN)
    for number in range(1, stages + 1):
        # Luigi registers a task class when it is made.
        type(f"Noop{number}", (NoopStage,), {"stage": f"noop{number}", "__doc__": NoopStage.__doc__})
        table[f"Noop{number}"] = {"data": Need(f"Noop{number - 1}")} if number > 1 else {}
    table["NoopPipeline"] = {"chains": Need(f"Noop{stages}", every_subband=True)}
