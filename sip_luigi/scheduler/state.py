"""The tasks and workers of the scheduler, with the index kept up to date."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import luigi.scheduler

from sip_luigi.scheduler.index import Index
from sip_luigi.scheduler.state_file import StateFile
from sip_luigi.scheduler.state_json import UnreadableState, state_from_json, state_pieces

BACKLOG = 100
"""Changed tasks that wait to be taken into the index."""


class IndexedState(luigi.scheduler.SimpleTaskState):
    """Luigi's state, which notes each task that changes and takes it into the index before that is asked.

    Whoever changes a task past this class says so with :meth:`touch`.
    """

    def __init__(self, state_path: str) -> None:
        super().__init__(state_path)
        self.changes = 0
        """How often a task was changed so far: tells whether there is something to save."""
        self._index = Index()
        self._touched: set[str] = set()
        self._arrivals: dict[str, int] = {}
        self._next_arrival = itertools.count()

    @property
    def index(self) -> Index:
        """The index, up to date."""
        touched, self._touched = self._touched, set()
        for task_id in touched:
            self._index.update(task_id, self._tasks.get(task_id), self._arrivals.get(task_id, 0))
        return self._index

    def touch(self, task_id: str) -> None:
        """Say that a task has changed."""
        self.changes += 1
        self._touched.add(task_id)

    def limit_backlog(self) -> None:
        """Take changes into the index before they are so many that whoever asks next has to wait."""
        if len(self._touched) >= BACKLOG:
            self.index  # noqa: B018 - the look brings it up to date

    def pieces(self, extra: Mapping[str, Any]) -> Iterator[str]:
        """The whole state, and what else shall be kept, as it is written to the file."""
        tasks, workers, batchers = self.get_state()
        return state_pieces(list(tasks.values()), workers.values(), batchers, extra)

    @property
    def file(self) -> StateFile:
        """Where the state is kept."""
        return StateFile(Path(self._state_path))

    def restore(self) -> dict[str, Any]:
        """Take up the state in the file, and return what else was kept; nothing where it is of no use."""
        try:
            found = self.file.read()
            if found is None:
                return {}
            *state, extra = state_from_json(found)
        except UnreadableState as error:
            self.file.put_aside(error)
            return {}
        self.set_state(state)
        self._rebuild()
        return extra

    def _rebuild(self) -> None:
        self._status_tasks.clear()
        for task in self._tasks.values():
            self._status_tasks[task.status][task.id] = task
        self._index, self._touched = Index(), set(self._tasks)
        self._arrivals = {task_id: next(self._next_arrival) for task_id in self._tasks}

    def get_task(self, task_id: str, default: Any = None, setdefault: Any = None) -> Any:
        """A task; the one given where there is none."""
        if not setdefault:
            return self._tasks.get(task_id, default)
        if task_id not in self._tasks:
            self._arrivals[task_id] = next(self._next_arrival)
            self.touch(task_id)
        return super().get_task(task_id, setdefault=setdefault)

    def set_status(self, task: Any, new_status: str, config: Any = None) -> None:
        """Give a task another status, where Luigi allows it."""
        before = task.status
        super().set_status(task, new_status, config)
        self.touch(task.id)
        if task.status != before:
            self._arrivals[task.id] = next(self._next_arrival)

    def inactivate_tasks(self, delete_tasks: Collection[str]) -> None:
        """Forget tasks. Luigi leaves them with their workers, where they would be counted for ever."""
        for task_id in delete_tasks:
            task = self._tasks[task_id]
            for worker in self._active_workers.values():
                worker.tasks.discard(task)
            self.touch(task_id)
            self._arrivals.pop(task_id, None)
        super().inactivate_tasks(delete_tasks)

    def _remove_workers_from_tasks(self, workers: Collection[str], remove_stakeholders: bool = True) -> None:
        if not workers:
            return
        for task in self._tasks.values():
            if any(name in task.workers for name in workers):
                self.touch(task.id)
        super()._remove_workers_from_tasks(workers, remove_stakeholders)

    def is_trivial(self, worker: Any) -> bool:
        """Whether Luigi gives a worker its own tasks alone: no assistant, none of its tasks needs resources."""
        return not worker.assistant and not self.index.is_needy(worker.id)
