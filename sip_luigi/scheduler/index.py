"""Which pending tasks are ready, in order of rank, and how many each worker waits for: never a walk over all."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from luigi.task_status import DISABLED, DONE, FAILED, PENDING
from sortedcontainers import SortedList

Resources = tuple[tuple[str, float], ...]


class Rank(NamedTuple):
    """Order in which tasks are looked at: first the highest priority, of these the oldest.

    Attributes
    ----------
    less : float
        The priority, negative.
    time : float
        When the task became known, s since 1970.
    arrival : float
        When it became pending, counted: Luigi keeps that order among equals. Infinite for running tasks.
    task_id : str
        The task.
    """

    less: float
    time: float
    arrival: float
    task_id: str


class Group(NamedTuple):
    """Tasks between which the choice of the next one makes no difference but for their rank.

    Attributes
    ----------
    resources : tuple
        What each of them needs, names and amounts.
    workers : tuple of str
        Who can run them, in order of appearance.
    runnable : bool
        Whether an assistant may.
    """

    resources: Resources
    workers: tuple[str, ...]
    runnable: bool


class Entry(NamedTuple):
    """What counts of a task."""

    status: str
    rank: Rank
    deps: frozenset[str]
    group: Group


@dataclass
class Counts:
    """What a worker waits for.

    Attributes
    ----------
    pending : int
        Tasks that are pending or failed.
    unique : int
        Those that no other worker can run.
    last : int
        Those that no other worker has scheduled since.
    needy : int
        Pending ones that need resources.
    """

    pending: int = 0
    unique: int = 0
    last: int = 0
    needy: int = 0


@dataclass
class Index:
    """What follows from the tasks as they were when each was last given to :meth:`update`."""

    _entries: dict[str, Entry] = field(default_factory=dict)
    _dependents: defaultdict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Pending tasks by what they require."""
    _missing: dict[str, int] = field(default_factory=dict)
    """How many requirements of a pending task are not done."""
    _groups: dict[Group, SortedList[Rank]] = field(default_factory=dict)
    _counts: defaultdict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    _disabled: set[str] = field(default_factory=set)

    @property
    def groups(self) -> dict[Group, SortedList[Rank]]:
        """Tasks that are pending while all that they require is done."""
        return self._groups

    def update(self, task_id: str, task: Any, arrival: int) -> None:
        """Take in a task as it is now; None when there is none any more."""
        old = self._entries.pop(task_id, None)
        new = None if task is None else entry_of(task, arrival)
        if new is not None:
            self._entries[task_id] = new
        if new == old:
            return
        if old is not None:
            self._count(old, -1)
            if old.status == PENDING:
                self._remove_pending(task_id, old)
        was_done, is_done = (entry is not None and entry.status == DONE for entry in (old, new))
        if was_done != is_done:
            self._settle_dependents(task_id, -1 if is_done else 1)
        if new is not None:
            self._count(new, 1)
            if new.status == PENDING:
                self._add_pending(task_id, new)

    def counts(self, worker: str) -> Counts:
        """What a worker waits for, without what stands behind a disabled task."""
        known = self._counts.get(worker, Counts())
        counts = Counts(known.pending, known.unique, known.last, known.needy)
        for task_id in self._blocked():
            add_to(counts, worker, self._entries[task_id], -1)
        return counts

    def is_needy(self, worker: str) -> bool:
        """Whether any pending task of a worker needs resources."""
        return worker in self._counts and self._counts[worker].needy > 0

    def after(self, rank: Rank, groups: Iterable[Group]) -> Iterator[Rank]:
        """Ready tasks of some groups that come after a rank, each group in order."""
        for group in groups:
            yield from self._groups[group].irange(rank, inclusive=(False, True))

    def _blocked(self) -> set[str]:
        """Pending tasks that cannot be reached, as something that they require, near or far, is disabled."""
        blocked: set[str] = set()
        queue = list(self._disabled)
        while queue:
            found = self._dependents.get(queue.pop(), set()) - blocked
            blocked |= found
            queue += found
        return blocked

    def _count(self, entry: Entry, sign: int) -> None:
        if entry.status == DISABLED:
            (self._disabled.add if sign > 0 else self._disabled.discard)(entry.rank.task_id)
        if entry.status in (PENDING, FAILED):
            for worker in entry.group.workers:
                counts = self._counts[worker]
                add_to(counts, worker, entry, sign)
                if not counts.pending:
                    del self._counts[worker]

    def _add_pending(self, task_id: str, entry: Entry) -> None:
        for dep in entry.deps:
            self._dependents[dep].add(task_id)
        self._missing[task_id] = sum(not self._is_done(dep) for dep in entry.deps)
        if not self._missing[task_id]:
            self._add_ready(entry)

    def _remove_pending(self, task_id: str, entry: Entry) -> None:
        for dep in entry.deps:
            self._dependents[dep].discard(task_id)
            if not self._dependents[dep]:
                del self._dependents[dep]
        if not self._missing.pop(task_id):
            self._remove_ready(entry)

    def _settle_dependents(self, task_id: str, change: int) -> None:
        for name in self._dependents.get(task_id, ()):
            before = self._missing[name]
            self._missing[name] = after = before + change
            if not after:
                self._add_ready(self._entries[name])
            elif not before:
                self._remove_ready(self._entries[name])

    def _is_done(self, task_id: str) -> bool:
        entry = self._entries.get(task_id)
        return entry is not None and entry.status == DONE

    def _add_ready(self, entry: Entry) -> None:
        if entry.group not in self._groups:
            self._groups[entry.group] = SortedList()
        self._groups[entry.group].add(entry.rank)

    def _remove_ready(self, entry: Entry) -> None:
        ranks = self._groups[entry.group]
        ranks.remove(entry.rank)
        if not ranks:
            del self._groups[entry.group]


def entry_of(task: Any, arrival: float) -> Entry:
    """What counts of a task of Luigi's scheduler."""
    resources = tuple(sorted(task.resources.items())) if task.resources else ()
    group = Group(resources, tuple(task.workers), task.runnable)
    return Entry(task.status, rank_of(task, arrival), frozenset(task.deps), group)


def rank_of(task: Any, arrival: float) -> Rank:
    """The place of a task among others."""
    return Rank(-task.priority, task.time, arrival, task.id)


def add_to(counts: Counts, worker: str, entry: Entry, sign: int) -> None:
    """Add a pending or failed task to what a worker waits for, or take it away."""
    workers = entry.group.workers
    if worker not in workers:
        return
    counts.pending += sign
    counts.unique += sign * (len(workers) == 1)
    counts.last += sign * (workers[-1] == worker)
    counts.needy += sign * (entry.status == PENDING and bool(entry.group.resources))
