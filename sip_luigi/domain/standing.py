"""How far an observation has come, by stage and node: counts, and when it will be done."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

State = Literal["done", "running", "pending", "lost", "passed"]
STATES: tuple[State, ...] = ("done", "running", "pending", "lost", "passed")


class Standing(NamedTuple):
    """How a task stands.

    Attributes
    ----------
    task, stage, subband, node : str
        Which it is, and where.
    state : {"done", "running", "pending", "lost", "passed"}
        What became of it.
    progress : float or None
        How far it is, 0 to 1, where it runs and says so.
    running_s : float
        For how long it has run.
    """

    task: str
    stage: str
    subband: str
    node: str
    state: State
    progress: float | None = None
    running_s: float = 0.0


@dataclass
class Tally:
    """Counts of tasks by how they stand.

    Attributes
    ----------
    done, running, pending, lost, passed : int
        Numbers of tasks.
    progress : float
        Sum of what those that run have done, in tasks.
    """

    done: int = 0
    running: int = 0
    pending: int = 0
    lost: int = 0
    passed: int = 0
    progress: float = 0.0

    def count(self, standing: Standing) -> None:
        """Add a task."""
        setattr(self, standing.state, getattr(self, standing.state) + 1)
        if standing.state == "running":
            self.progress += standing.progress or 0.0

    @property
    def total(self) -> int:
        """All of them."""
        return self.done + self.running + self.pending + self.lost + self.passed

    @property
    def fraction(self) -> float:
        """Part that is over and done with; what runs counts as far as it is."""
        over = self.done + self.lost + self.passed + self.progress
        return over / self.total if self.total else 1.0

    def text(self) -> str:
        """In words, as in ``3 of 4 done, 1 running (45 %)``."""
        parts = [f"{self.done} of {self.total} done"]
        if self.running:
            mean = f" ({self.progress / self.running:.0%})" if self.progress else ""
            parts.append(f"{self.running} running{mean}")
        for name in ("lost", "passed"):
            if number := getattr(self, name):
                parts.append(f"{number} {'passed over' if name == 'passed' else name}")
        return ", ".join(parts)


def tallied(standings: Iterable[Standing], by: str) -> dict[str, Tally]:
    """Counts by a field of :class:`Standing`, in the order in which its values come."""
    found: dict[str, Tally] = {}
    for standing in standings:
        found.setdefault(getattr(standing, by), Tally()).count(standing)
    return found


def left_by_rate(fraction_before: float, fraction: float, elapsed_s: float) -> float | None:
    """Time that is left at the rate of the time before, s; None while too little has happened to tell."""
    gained = fraction - fraction_before
    if gained <= 0.0 or elapsed_s <= 0.0:
        return None
    return (1.0 - fraction) * elapsed_s / gained
