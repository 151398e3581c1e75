"""A Luigi worker that does not give up when luigid forgets, and tells luigid what the nodes can take.

Its tasks run in threads: they only wait for jobs on nodes, and threads share the connections, where Luigi's
forked processes would each have to log in anew.
"""

from __future__ import annotations

import logging
import queue
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import Any

import luigi.interface
import luigi.rpc
import luigi.worker
import urllib3
from luigi.task import Task
from luigi.task_status import DONE, FAILED, PENDING

from sip_luigi.database.access import shared_database
from sip_luigi.database.experience import experience
from sip_luigi.domain.errors import ProgramError, SipError
from sip_luigi.domain.standing import Standing, State
from sip_luigi.execution.losses import LossRecords
from sip_luigi.execution.runs import told_to_end
from sip_luigi.rundisplay import RunDisplay, displayed
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.graph import walk
from sip_luigi.tasks.node_stage import NodeStage
from sip_luigi.tasks.nodes import run_records
from sip_luigi.tasks.provenance import DONE as RUN_DONE
from sip_luigi.tasks.provenance import FAILED as RUN_FAILED
from sip_luigi.tasks.provenance import command_line, recorded

logger = logging.getLogger("sip_luigi")

CONNECTIONS = 8
"""Connections to luigid that are kept open."""
PAUSE_S = 2.0
"""Between two looks at work that another worker does."""
TAIL_BYTES = 1 << 16
"""Of a log, from which it is read how far a program is."""
LOOK_S = 5.0
"""Longest wait for the answer whether the scheduler shows logs."""
INTERRUPTED = 130
"""Exit status of a run that was told to end, as shells have it."""
MAX_ROUNDS_DONE = 3
"""How often the last task may end well and leave something undone before that is called an error."""


class ResultQueue(queue.Queue[Any]):
    """Where tasks leave their results: threads need no pipe, and no pickling."""

    def close(self) -> None:
        """As the queues of processes have it; there is nothing to close."""


class TaskThread(luigi.worker.TaskProcess):
    """A task in a thread of the worker; for Luigi it looks like a process of its own."""

    thread: threading.Thread | None = None
    """None where Luigi runs the task itself, as it does with one worker."""

    def start(self) -> None:
        """Run the task."""
        # A daemon: an interrupted worker does not wait, its jobs live on without it.
        self.thread = threading.Thread(target=self.run, name=self.task.task_id, daemon=True)
        self.thread.start()

    def is_alive(self) -> bool:
        """Whether it runs."""
        return self.thread is not None and self.thread.is_alive()

    def terminate(self) -> None:
        """A thread cannot be ended; the time limits of jobs are kept on their nodes."""


class SteadfastWorker(luigi.worker.Worker):
    """Goes on until what was asked for is there or something failed.

    Luigi's own worker ends when the scheduler has nothing for it: also when the scheduler was restarted
    without its state, and when another worker is doing the rest.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.roots: list[Task] = []
        self._task_result_queue = ResultQueue()  # type: ignore[assignment]

    def add(self, task: Task, *args: Any, **kwargs: Any) -> bool:
        """Schedule a task and all that it requires."""
        if task not in self.roots:
            self.roots.append(task)
            if isinstance(task, Stage):
                self._announce_capacities(task)
                task.ctx.logs_served = shows_logs(self._scheduler, task.obs_id)
        return bool(super().add(task, *args, **kwargs))

    def run(self) -> bool:
        """Run tasks until nothing is left to do; tell whether all went well."""
        try:
            with self._known_as_run(), recorded(self.roots) as outcome, displayed(self._display):
                succeeded = self._run_to_the_end()
                outcome.word = RUN_DONE if succeeded and self.add_succeeded else RUN_FAILED
        except KeyboardInterrupt:
            names = " ".join(str(task.obs_id) for task in self.roots if isinstance(task, Stage))
            logger.warning(
                "interrupted; jobs go on until their lease ends, the next run adopts them; end them: sip cancel %s",
                names,
            )
            sys.exit(INTERRUPTED)
        return succeeded

    @contextmanager
    def _known_as_run(self) -> Iterator[None]:
        """Have those who look, or want to end it, know of this run."""
        contexts = [task.ctx for task in self.roots if isinstance(task, Stage)]
        with ExitStack() as stack:
            stack.enter_context(told_to_end())
            for ctx in contexts:
                names = [ctx.layout.obs_id, *([ctx.calibrator.layout.obs_id] if ctx.calibrator else ())]
                url = str(getattr(self._scheduler, "_url", ""))
                stack.enter_context(run_records(ctx.settings).recorded(names, command_line(), url))
            yield

    def _display(self) -> RunDisplay:
        """How the run stands, for those who watch it."""
        roots = [task for task in self.roots if isinstance(task, Stage)]
        found = [task for root in roots for task in (*walk(root), *root.afterwards())]
        order = {name: number for root in roots for number, name in enumerate(root.ctx.chain)}
        found.sort(key=lambda task: (getattr(task, "cycle", 0), order.get(task.task_family, 0)))
        tasks = {task.task_id: task for task in found}
        # Asked now, while it is known what is where: later it would have to be looked for again.
        complete = {task_id for task_id, task in tasks.items() if task.ctx.complete.get(task_id)}
        losses = [LossRecords(root.ctx.losses.directory) for root in roots]
        return RunDisplay(lambda: self._standings(tasks, complete, losses), weights(roots))

    def _standings(
        self, tasks: dict[str, Stage], complete: set[str], losses: list[LossRecords]
    ) -> list[Standing]:
        for records in losses:
            records.forget()
        lost = {name for records in losses for name in records.lost()}
        running = set(self._running_tasks)
        done = {task.task_id for task, status, _ in list(self._add_task_history) if status == DONE}
        found = []
        for task_id, task in tasks.items():
            state: State = "running" if task_id in running else "pending"
            if task_id in done or task_id in complete:
                state = "lost" if task.name in lost else "done"
            progress = progress_of(task) if state == "running" else None
            found.append(Standing(task.name, task.label, "", "", state, progress))
        return found

    def _run_to_the_end(self) -> bool:
        succeeded = bool(super().run())
        said = False
        while self._is_unfinished():
            if self._rounds_done() >= MAX_ROUNDS_DONE:
                raise ProgramError(
                    f"{self.roots[0]} ended well {MAX_ROUNDS_DONE} times, and still products are missing: something "
                    "else removes or replaces them; look at the logs, stop it and start again"
                )
            if not said:
                logger.warning("the scheduler has no more work, but not everything is done: asking again")
                said = True
            time.sleep(PAUSE_S)
            for task in self.roots:
                if isinstance(task, Stage):
                    self._announce_capacities(task)
                super().add(task)
            succeeded = bool(super().run())
        if self.add_succeeded and all(task.complete() for task in self.roots):
            self._count_work_of_others()
        return succeeded

    def _count_work_of_others(self) -> None:
        """Report what other workers made as done: for Luigi it would stay pending, and the exit status tell so."""
        mine = {task for task, status, _ in self._add_task_history if status == DONE}
        others = {task for task, status, _ in self._add_task_history if status == PENDING} - mine
        if others:
            logger.info("%d tasks were done by other workers", len(others))
        self._add_task_history = [entry for entry in self._add_task_history if entry[0] not in others]
        self._add_task_history += [(task, DONE, True) for task in others]
        self._get_work_response_history.clear()

    def _create_task_process(self, task: Task) -> TaskThread:
        reporter = luigi.worker.TaskStatusReporter(self._scheduler, task.task_id, self._id, None)
        return TaskThread(
            task,
            self._id,
            self._task_result_queue,
            reporter,
            use_multiprocessing=self.worker_processes > 1,
            check_unfulfilled_deps=self._config.check_unfulfilled_deps,
            check_complete_on_run=self._config.check_complete_on_run,
            task_completion_cache=self._task_completion_cache,
        )

    def _is_unfinished(self) -> bool:
        if self._stop_requesting_work or not self.add_succeeded:
            return False
        if any(status == FAILED for _, status, _ in self._add_task_history):
            return False
        for task in self.roots:
            if isinstance(task, Stage):
                task.ctx.forget()
        return not all(task.complete() for task in self.roots)

    def _rounds_done(self) -> int:
        return sum(status == DONE and task in self.roots for task, status, _ in self._add_task_history)

    def _announce_capacities(self, root: Stage) -> None:
        # Luigi waits for ever, without a word, for more of a resource than it knows of.
        streams = root.ctx.settings.cluster.disk_streams
        for node in root.ctx.nodes:
            for name, amount in node_capacities(node.name, node.cores, streams).items():
                self._scheduler.update_resource(resource=name, amount=amount)


def progress_of(task: Stage) -> float | None:
    """How far a running task is, by the end of its log; None where it does not say."""
    if not isinstance(task, NodeStage):
        return None
    try:
        with task.log_path.open("rb") as stream:
            stream.seek(max(0, task.log_path.stat().st_size - TAIL_BYTES))
            return task.progress(stream.read().decode("utf-8", errors="replace"))
    except OSError:
        return None


def weights(roots: list[Stage]) -> dict[str, float]:
    """How long tasks of each stage have taken so far, s; nothing where no database knows."""
    try:
        database = shared_database(roots[0].ctx.settings) if roots else None
        if database is None or not database.exists:
            return {}
        with database.reading() as connection:
            known = experience(connection, str(roots[0].obs_id))
    except SipError:
        return {}
    return {stage: entry.elapsed_s for stage, entry in known.items()}


def node_capacities(node: str, cores: int, disk_streams: int) -> dict[str, int]:
    """What a node can take, as Luigi's resources; without the cores where they are not known (0)."""
    capacities = {f"{node}.cores": cores, f"{node}.disk": disk_streams}
    return {name: amount for name, amount in capacities.items() if amount}


def shows_logs(scheduler: Any, obs_id: str) -> bool:
    """Whether a scheduler shows the logs of an observation beside its visualiser; a plain luigid does not."""
    url = getattr(scheduler, "_url", "")
    if not url.startswith(("http://", "https://")):
        return False
    try:
        log = f"{url}/jobs/{obs_id}/logs/pipeline.log"
        return urllib3.request("HEAD", log, timeout=LOOK_S, retries=False).status == HTTPStatus.OK
    except urllib3.exceptions.HTTPError:
        return False


class PooledFetcher(luigi.rpc._FetcherInterface):
    """Luigi's calls to luigid over connections that stay open; they take half the time that ``requests`` takes."""

    raises = urllib3.exceptions.HTTPError

    def __init__(self) -> None:
        # Luigi tries again itself, and says so.
        self._pool = urllib3.PoolManager(maxsize=CONNECTIONS, retries=False)

    def fetch(self, full_url: str, body: dict[str, str], timeout: float) -> str:
        """Answer to a call."""
        login = urllib3.util.parse_url(full_url).auth
        headers = urllib3.util.make_headers(basic_auth=login) if login else {}
        answer = self._pool.request(
            "POST", full_url, fields=body, headers=headers, encode_multipart=False, timeout=timeout
        )
        if answer.status != HTTPStatus.OK:
            raise urllib3.exceptions.HTTPError(f"{full_url}: {answer.status} {answer.reason}")
        return answer.data.decode()

    def close(self) -> None:
        """End the connections."""
        self._pool.clear()


class SteadfastFactory(luigi.interface._WorkerSchedulerFactory):
    """Gives Luigi's command line these workers, and their way to luigid."""

    def create_remote_scheduler(self, url: str) -> Any:
        """A way to luigid."""
        scheduler: Any = super().create_remote_scheduler(url)
        # Luigi's own knows sockets of the file system as well.
        if url.startswith(("http://", "https://")):
            scheduler._fetcher = PooledFetcher()
        return scheduler

    def create_worker(
        self, scheduler: Any, worker_processes: int, assistant: bool = False
    ) -> SteadfastWorker:
        """A worker for a scheduler."""
        return SteadfastWorker(scheduler=scheduler, worker_processes=worker_processes, assistant=assistant)


def use_steadfast_workers() -> None:
    """Have ``luigi --module sip_luigi`` use them; it has no other way to say so."""
    setattr(luigi.interface, "_WorkerSchedulerFactory", SteadfastFactory)  # noqa: B010 - a private name of Luigi
