"""Luigi's scheduler with the same answers, whose time does not grow with the number of pending tasks."""

from __future__ import annotations

import hashlib
import heapq
import time
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import luigi.scheduler
from luigi.metrics import MetricsCollector
from luigi.task_status import RUNNING

from sip_luigi.scheduler.choice import Batch, Choice, batch_of
from sip_luigi.scheduler.history import HistoryKeeper
from sip_luigi.scheduler.index import Group, Rank
from sip_luigi.scheduler.state import IndexedState
from sip_luigi.scheduler.state_file import StateFile


class CentralScheduler(luigi.scheduler.Scheduler):
    """Hands out tasks by an index of those that are ready.

    Every call of Luigi's workers is answered as Luigi's own scheduler does; what is not here is inherited.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.state = IndexedState(self._config.state_path)
        self.state._metrics_collector = self._state._metrics_collector
        # Under Luigi's own name, where its server and the inherited methods look for it.
        self._state = self.state

        self.announced: dict[str, int] = {}
        """Capacities that workers have told, which go before those of the settings."""

    @property
    def changes(self) -> int:
        """How much has happened so far that is worth saving."""
        return self.state.changes

    @property
    def state_file(self) -> StateFile:
        """Where the state is kept."""
        return self.state.file

    def use_metrics(self, collector: MetricsCollector) -> None:
        """Tell a collector what happens."""
        self.state._metrics_collector = collector

    def close(self) -> None:
        """Have written what the history still has to write."""
        if isinstance(self._task_history, HistoryKeeper):
            self._task_history.close()

    def load(self) -> None:
        """Go on from the state that was saved last."""
        kept = self.state.restore()
        self.update_resources(**kept.get("announced", {}))
        self._paused = bool(kept.get("paused", False))

    def dump(self) -> None:
        """Save the state."""
        self.state_file.write(self.state_text())
        if self._config.batch_emails:
            self._email_batcher.send_email()

    def state_text(self) -> str:
        """The state as it is saved."""
        return "".join(self.state_pieces())

    def state_pieces(self) -> Iterator[str]:
        """The same in pieces, each made when it is asked for."""
        return self.state.pieces({"announced": self.announced, "paused": self._paused})

    def update_resources(self, **resources: int) -> None:
        """Take in how much there is of resources."""
        super().update_resources(**resources)
        self.announced.update(resources)
        self.state.changes += 1

    def update_resource(self, resource: str, amount: int) -> bool:
        """Take in how much there is of a resource."""
        taken = bool(super().update_resource(resource, amount))
        if taken:
            self.announced[resource] = amount
            self.state.changes += 1
        return taken

    def add_task(self, task_id: Any = None, *args: Any, **kwargs: Any) -> None:
        """Take in a task, or what has become of it."""
        try:
            super().add_task(task_id, *args, **kwargs)
        finally:
            self.state.touch(task_id)
            self.state.limit_backlog()

    def _update_priority(self, task: Any, prio: int, worker: str) -> None:
        super()._update_priority(task, prio, worker)
        self.state.touch(task.id)

    def count_pending(self, worker: str) -> dict[str, Any]:
        """What a worker still has to wait for; it goes on asking for work as long as there is something."""
        worker_id, known = worker, self.state.get_worker(worker)
        tasks = [task for task in self.state.get_active_tasks_by_status(RUNNING) if worker_id in task.workers]
        others = {name: self.state.get_worker(name) for name in {task.worker_running for task in tasks}}
        running = [
            {
                "task_id": task.id,
                "worker": str(others[task.worker_running]),
                **others[task.worker_running].info,
            }
            for task in tasks
        ]
        counts = self.state.index.counts(worker_id)
        return {
            "n_pending_tasks": counts.pending,
            "n_unique_pending": counts.unique,
            "n_pending_last_scheduled": counts.last,
            "worker_state": known.state,
            "running_tasks": running,
        }

    def get_work(
        self,
        host: str | None = None,
        assistant: bool = False,
        current_tasks: list[str] | None = None,
        worker: str | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """The next task for a worker, as :meth:`luigi.scheduler.Scheduler.get_work` gives it."""
        if self._config.prune_on_get_work:
            self.prune()
        assert worker is not None, "get_work: a worker says who it is"  # noqa: S101 - as Luigi does
        known = self._update_worker(worker, worker_reference={"host": host}, get_work=True)
        if not known.enabled:
            nothing = {"n_pending_tasks": 0, "running_tasks": [], "task_id": None, "n_unique_pending": 0}
            return {**nothing, "worker_state": known.state}
        if assistant:
            self.add_worker(worker, [("assistant", assistant)])
        task, batch = self._next(known, assistant, current_tasks)
        reply = self.count_pending(worker)
        if batch:
            return {**reply, **self._start_batch(batch, worker)}
        if task:
            return {**reply, **self._start(task, worker, host)}
        return {**reply, "task_id": None}

    def _next(self, worker: Any, assistant: bool, current: list[str] | None) -> tuple[Any, Batch | None]:
        lost = None
        if current is not None:
            lost = self._lost_by(worker.id, set(current))
            # What a worker has not said to be running goes back to the others.
            self._reset_orphaned_batch_running_tasks(worker.id)
        if lost or self._paused:
            return lost, None
        trivial = self.state.is_trivial(worker)
        found = self._choose(worker.id, assistant, trivial)
        if found is None:
            return None, None
        names, limit = self.state.get_batcher(worker.id, found[0].family)
        batch = batch_of(found[0], names, limit, self._ready_after(*found, worker.id if trivial else ""))
        return found[0], batch if batch and len(batch.tasks) > 1 else None

    def _choose(self, worker_id: str, assistant: bool, trivial: bool) -> tuple[Any, Rank] | None:
        index, running, slots, used = self.state.index, [], {}, defaultdict(int)
        if not trivial:
            running = list(self.state.get_active_tasks_by_status(RUNNING))
            used = self._used_resources()
            limit = time.time() - self._config.worker_disconnect_delay
            lately = self.state.get_active_workers(last_get_work_gt=limit)
            slots = {known.id: known.info.get("workers", 1) for known in lately}
        groups = [group for group in index.groups if not trivial or worker_id in group.workers]
        choice = Choice(self.state.get_task, self._has_resources, worker_id, assistant, used, slots)
        return choice.first(index, groups, running)

    def _ready_after(self, task: Any, rank: Rank, only_of: str) -> Iterator[Any]:
        """Ready tasks that need the same as one, and come after it."""
        index, needed = self.state.index, tuple(sorted(task.resources.items()))

        def is_joined(group: Group) -> bool:
            return group.resources == needed and (not only_of or only_of in group.workers)

        groups = [group for group in index.groups if is_joined(group)]
        for later in heapq.merge(*(index.after(rank, [group]) for group in groups)):
            yield self.state.get_task(later.task_id)

    def _lost_by(self, worker_id: str, current: set[str]) -> Any:
        """A task that a worker was given and does not run."""
        running = sorted(self.state.get_active_tasks_by_status(RUNNING), key=self._rank)
        lost = [task for task in running if task.worker_running == worker_id and task.id not in current]
        return lost[-1] if lost else None

    def _start(self, task: Any, worker_id: str, host: str | None) -> dict[str, Any]:
        self.update_metrics_task_started(task)
        self.state.set_status(task, RUNNING, self._config)
        task.worker_running = worker_id
        task.resources_running = task.resources.copy()
        task.time_running = time.time()
        self._update_task_history(task, RUNNING, host=host)
        return {
            "task_id": task.id,
            "task_family": task.family,
            "task_module": getattr(task, "module", None),
            "task_params": task.params,
        }

    def _start_batch(self, batch: Batch, worker_id: str) -> dict[str, Any]:
        names = [task.id for task in batch.tasks]
        batch_id = hashlib.new("md5", "|".join(names).encode(), usedforsecurity=False).hexdigest()
        for task in batch.tasks:
            self.state.set_batch_running(task, batch_id, worker_id)
        first = batch.tasks[0]
        return {
            "task_id": None,
            "task_family": first.family,
            "task_module": getattr(first, "module", None),
            "task_params": {**first.params, **batch.params},
            "batch_id": batch_id,
            "batch_task_ids": names,
        }
