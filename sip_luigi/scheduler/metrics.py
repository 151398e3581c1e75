"""Figures for Prometheus: Luigi's, which here bear a task that fails without having run, and the tasks there are."""

from __future__ import annotations

from typing import Any

from luigi.contrib.prometheus_metric import PrometheusMetricsCollector
from luigi.task_status import BATCH_RUNNING, DISABLED, DONE, FAILED, PENDING, RUNNING, UNKNOWN
from prometheus_client import Counter, Gauge

STATUSES = (PENDING, RUNNING, BATCH_RUNNING, DONE, FAILED, DISABLED, UNKNOWN)


class SteadyMetrics(PrometheusMetricsCollector):
    """Luigi's collector.

    Parameters
    ----------
    state : IndexedState
        What is counted when somebody asks.
    """

    def __init__(self, state: Any) -> None:
        super().__init__()
        self._state = state
        self._tasks = Gauge("luigi_tasks", "luigi tasks known now", ["status"], registry=self.registry)
        self._workers = Gauge("luigi_workers", "luigi workers known now", registry=self.registry)

    def generate_latest(self) -> bytes:
        """All figures, as Prometheus reads them."""
        for status in STATUSES:
            self._tasks.labels(status=status).set(self._state.get_active_task_count_for_status(status))
        self._workers.set(len(self._state.get_worker_ids()))
        return bytes(super().generate_latest())

    def handle_task_failed(self, task: Any) -> None:
        """Count a failure."""
        self._count_end(self.task_failed_counter, task)

    def handle_task_disabled(self, task: Any, config: Any) -> None:
        """Count a task that is not tried any more."""
        self._count_end(self.task_disabled_counter, task)

    def _count_end(self, counter: Counter, task: Any) -> None:
        labels = self._generate_task_labels(task)
        counter.labels(**labels).inc()
        # Also a task that could not be scheduled fails; Luigi's own takes the time it never started from a time.
        if task.time_running is not None:
            self.task_execution_time.labels(**labels).set(task.updated - task.time_running)
