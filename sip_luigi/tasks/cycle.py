"""What the stages of self-calibration have in common."""

from __future__ import annotations

import luigi

from sip_luigi.tasks.base import Stage


class CycleStage(Stage):
    """A stage that is gone through once in every cycle of self-calibration."""

    cycle = luigi.IntParameter(default=0, description="Cycle of self-calibration, from 0")

    @property
    def name(self) -> str:
        """The name that it would have without cycles, and the cycle."""
        return f"{super().name}.cycle{self.cycle}"
