"""Which task a worker gets: Luigi's own choice, found without looking at every task that is pending."""

from __future__ import annotations

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sip_luigi.scheduler.index import Group, Index, Rank, rank_of

Amounts = defaultdict[str, float]
Fits = Callable[[Mapping[str, float], Amounts], bool]


@dataclass
class Choice:
    """The walk over running and ready tasks in order of rank, up to the first that fits.

    As in Luigi, a ready task must fit into what is free, and into what would be free if all that goes before it
    ran on the workers that asked lately: a big one is not starved by small ones. What is promised so
    only grows during the walk. So when one task of a group does not fit, or finds no worker, none of the group does.

    Attributes
    ----------
    get_task : callable
        Task of an id.
    fits : callable
        Whether something that is needed fits beside what is used.
    worker_id : str
        Who asks.
    assistant : bool
        Whether it runs tasks of others.
    used : dict
        Resources in use.
    slots : dict
        How many tasks each worker can take.
    """

    get_task: Callable[[str], Any]
    fits: Fits
    worker_id: str
    assistant: bool
    used: Amounts
    slots: dict[Any, int]
    promised: Amounts = field(default_factory=lambda: defaultdict(int))

    def first(self, index: Index, groups: Iterable[Group], running: Iterable[Any]) -> tuple[Any, Rank] | None:
        """The task to hand out and its rank, None where nothing fits."""
        heads: list[tuple[Rank, Group | None, int]] = [(index.groups[group][0], group, 0) for group in groups]
        heads += [(rank_of(task, math.inf), None, 0) for task in running]
        heapq.heapify(heads)
        while heads:
            rank, group, nth = heapq.heappop(heads)
            task = self.get_task(rank.task_id)
            if group is None:
                self._account_running(task)
            elif self.fits(task.resources, self.promised):
                if self._may_run(task):
                    return task, rank
                if self._promise(task) and nth + 1 < len(index.groups[group]):
                    heapq.heappush(heads, (index.groups[group][nth + 1], group, nth + 1))
        return None

    def _may_run(self, task: Any) -> bool:
        is_ours = (self.assistant and task.runnable) or self.worker_id in task.workers
        return is_ours and self.fits(task.resources, self.used)

    def _account_running(self, task: Any) -> None:
        if task.worker_running in self.slots:
            self.slots[task.worker_running] -= 1
            self._add(getattr(task, "resources_running", task.resources))

    def _promise(self, task: Any) -> bool:
        """Set a task aside for a worker with a free place; tell whether there is one."""
        candidates = (*task.workers, self.worker_id) if self.assistant else tuple(task.workers)
        taker = next((name for name in candidates if self.slots.get(name, 0) > 0), None)
        if taker is None:
            return False
        self.slots[taker] -= 1
        self._add(task.resources)
        return True

    def _add(self, resources: Mapping[str, float] | None) -> None:
        for name, amount in (resources or {}).items():
            self.promised[name] += amount


@dataclass(frozen=True)
class Batch:
    """Tasks that a worker runs as one.

    Attributes
    ----------
    tasks : list
        The tasks of Luigi's scheduler, the first of them by rank.
    params : dict
        Lists of those parameters that they do not share.
    """

    tasks: list[Any]
    params: dict[str, list[Any]]


def batch_of(task: Any, names: Iterable[str] | None, limit: float, candidates: Iterator[Any]) -> Batch | None:
    """Join ready tasks to the one that was chosen, where its family runs in batches.

    Parameters
    ----------
    task : luigi.scheduler.Task
        The one chosen.
    names : iterable of str, optional
        Parameters that may differ; None where the family does not run in batches.
    limit : float
        Most tasks of a batch.
    candidates : iterator
        Ready tasks with the same resources, by rank.
    """
    names = tuple(names or ())
    if not names or not task.is_batchable() or any(name not in task.params for name in names):
        return None
    same = {name: value for name, value in task.params.items() if name not in names}
    tasks = [task]
    for other in candidates:
        if len(tasks) >= limit:
            break
        shares = all(other.params.get(name) == value for name, value in same.items())
        if other.family == task.family and other.is_batchable() and shares:
            tasks.append(other)
    return Batch(tasks, {name: [each.params.get(name) for each in tasks] for name in names})
