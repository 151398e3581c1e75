"""How long work takes on several nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple


class Work(NamedTuple):
    """One task.

    Attributes
    ----------
    step : int
        Steps follow each other; the tasks of one run side by side.
    node : str
        Where.
    duration_s : float
        How long by itself.
    cores : int
        Cores that it keeps busy; 0: as good as none.
    """

    step: int
    node: str
    duration_s: float
    cores: int


def duration_s(work: Iterable[Work], cores: Mapping[str, int]) -> float:
    """Time until all is done, when a step begins after the one before and nodes share nothing.

    Parameters
    ----------
    work : iterable of Work
        All tasks.
    cores : mapping
        Cores of each node; of another one its tasks run one after the other.

    Returns
    -------
    float
        Sum over the steps of the slowest node: its core seconds over its cores, or its longest task. Tasks that take no
        core run two at a time.
    """
    busy_s: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    longest_s: dict[int, float] = defaultdict(float)
    for entry in work:
        have = cores.get(entry.node, 1)
        share = min(entry.cores, have) / have if entry.cores else min(1.0, 0.5 if have > 1 else 1.0)
        busy_s[entry.step][entry.node] += entry.duration_s * share
        longest_s[entry.step] = max(longest_s[entry.step], entry.duration_s)
    return sum(max(longest_s[step], *nodes.values()) for step, nodes in busy_s.items())
