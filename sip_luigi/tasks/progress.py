"""Tell luigid how far a job has come, without ever waiting for luigid."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

INTERVAL_S = 5.0
"""Between two messages of one task: thousands of tasks share one luigid."""
SHORT_S = 0.5
"""A job that ends within this time is not worth a message."""


class Teller:
    """Hears what a job prints and tells the newest of it from a thread of its own.

    The calls to luigid retry for a long time when it is away; a job must not lose its watcher meanwhile.

    Parameters
    ----------
    task : luigi.Task
        The task that runs; Luigi has given it the functions that reach the scheduler.
    progress : callable
        How far the program is, 0 to 1, by all that it has printed.
    interval_s : float
        Time between two messages.
    """

    def __init__(
        self, task: Any, progress: Callable[[str], float | None], interval_s: float = INTERVAL_S
    ) -> None:
        self.task, self.progress, self.interval_s = task, progress, interval_s
        self.heard: list[str] = []
        self.stopped = threading.Event()
        self.thread: threading.Thread | None = None

    def hear(self, text: str) -> None:
        """Take in what the job printed."""
        self.heard.append(text)
        if self.thread is None and self.task.set_status_message is not None:
            self.thread = threading.Thread(target=self._tell, daemon=True)
            self.thread.start()

    def stop(self) -> None:
        """Say no more; nobody waits for a message that is under way."""
        self.stopped.set()

    def _tell(self) -> None:
        if self.stopped.wait(min(SHORT_S, self.interval_s)):
            return
        # What luigid shows is a courtesy: whatever goes wrong with it is no reason to fail.
        with suppress(Exception):
            self.task.set_tracking_url(self.task.log_url)
        while not self.stopped.wait(self.interval_s):
            with suppress(Exception):
                self._say("".join(self.heard))

    def _say(self, text: str) -> None:
        lines = [line for line in text.splitlines() if line.strip()]
        done = self.progress(text)
        if lines:
            self.task.set_status_message("\n".join(lines[-3:])[-500:])
        if done is not None:
            self.task.set_progress_percentage(round(100 * done))
