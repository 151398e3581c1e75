"""Which observations are next, and whether one that failed is tried again."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sip_luigi.nightly.raw import RawObservation
from sip_luigi.nightly.state import DEGRADED, DONE, FAILED, RUNNING, Record

TIME_HELPS = frozenset({"transient", "resources", "configuration"})
"""Causes that may be gone in another night without anybody having changed the data or the program."""
AT_ONCE = frozenset({"transient"})
"""Causes that may be gone in a few minutes."""


@dataclass(frozen=True)
class Budget:
    """How often an observation is tried, in all nights together.

    Attributes
    ----------
    attempts : int
        Whatever it fails on.
    bug_attempts : int
        Where a program or the pipeline itself failed.
    """

    attempts: int
    bug_attempts: int

    def allows(self, record: Record, software: str) -> bool:
        """Whether raw data that have not changed since are tried once more."""
        if record.outcome == DONE or record.attempts >= self.attempts:
            return False
        if record.outcome == RUNNING or record.cause in TIME_HELPS:
            return True
        if record.cause != "bug":
            return False
        # Another version may have mended it.
        return record.attempts < self.bug_attempts or record.software != software

    def next_step(self, record: Record, software: str) -> str:
        """What becomes of an observation that failed or is degraded, in words."""
        times = f"attempt {record.attempts} of {self._most(record)}"
        if self.allows(record, software):
            return f"{times}; tried again in the next night"
        if record.cause == "data":
            return f"{times}; not tried again until the data change"
        return f"{times}; not tried again"

    def _most(self, record: Record) -> int:
        limit = {"data": 1, "bug": min(self.attempts, self.bug_attempts)}.get(record.cause, self.attempts)
        return max(limit, record.attempts)


def choose(
    complete: Iterable[RawObservation],
    records: dict[str, Record],
    budget: Budget,
    software: str,
    limit: int,
) -> list[RawObservation]:
    """Observations of a night: those interrupted, then the new ones, then those tried again, each in order of time."""

    def rank(observation: RawObservation) -> int | None:
        record = records.get(observation.obs_id)
        if record is None or record.fingerprint != observation.fingerprint:
            return 1
        if not budget.allows(record, software):
            return None
        return {RUNNING: 0, FAILED: 2, DEGRADED: 3}[record.outcome]

    ranked = [(rank(one), one.began_ns, one.obs_id, one) for one in complete]
    return [
        one for *_, one in sorted((entry for entry in ranked if entry[0] is not None), key=lambda e: e[:3])
    ][:limit]
