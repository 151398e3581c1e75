"""What the stages of self-calibration have in common."""

from __future__ import annotations

import luigi

from sip_luigi.tasks.base import Inputs, Stage
from sip_luigi.tasks.chain import in_cycle


class CycleStage(Stage):
    """A stage that is gone through once in every cycle of self-calibration."""

    cycle = luigi.IntParameter(default=0, description="Cycle of self-calibration, from 0")

    @property
    def name(self) -> str:
        """The name that it would have without cycles, and the cycle."""
        return f"{super().name}.cycle{self.cycle}"


class FromBestCycle(Stage):
    """A stage that takes what it needs from the best cycle, once all are judged."""

    def passes(self, inputs: Inputs) -> str:
        """Never: what is passed over in a later cycle is there in the best one."""
        return ""

    def best_cycle(self, inputs: Inputs) -> int:
        """The cycle that the results are taken from."""
        judgement = inputs.get("judgement")
        return int(judgement.measures["judgement"]["best"]) if judgement else 0

    def best(self, name: str, inputs: Inputs) -> str:
        """Role of what is taken from the best cycle."""
        return in_cycle(name, self.best_cycle(inputs))
