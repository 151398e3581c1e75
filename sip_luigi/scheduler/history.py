"""The history of tasks in a database, written by a thread of its own: nobody waits for it, nothing fails with it."""

from __future__ import annotations

import datetime
import logging
import queue
import threading
import warnings
from typing import Any, NamedTuple

from luigi.task_history import TaskHistory
from luigi.task_status import DONE, FAILED, PENDING, RUNNING
from tornado.web import HTTPError

with warnings.catch_warnings():
    # Luigi declares its tables as SQLAlchemy 1 did, which version 2 still understands.
    warnings.simplefilter("ignore")
    from luigi import db_task_history

# As Luigi has it: the package database/ alone imports it by name.
sqlalchemy: Any = vars(db_task_history)["sqlalchemy"]
logger = logging.getLogger("sip_luigi")

QUEUED = 100_000
"""Events that wait for a database that is away; what comes after them is not kept."""
PAUSE_S, LONGEST_PAUSE_S = 1.0, 60.0


class Event(NamedTuple):
    """What became of a task, and when."""

    task: Any
    status: str
    host: str | None
    when: datetime.datetime


class Tables(db_task_history.DbTaskHistory):
    """Luigi's tables, made and written with SQLAlchemy 2.

    Parameters
    ----------
    url : str
        The database.
    """

    def __init__(self, url: str) -> None:
        # Luigi's own would go on to change tables of its early versions, with statements as plain text.
        self.engine = sqlalchemy.create_engine(url)
        self.session_factory = sqlalchemy.orm.sessionmaker(self.engine, expire_on_commit=False)
        db_task_history.Base.metadata.create_all(self.engine)
        self.tasks: dict[str, Any] = {}

    def write(self, event: Event) -> None:
        """Add an event to the record of its task."""
        known = self._get_task(event.task, event.status, event.host)
        with self._session() as session:
            row = known.record_id and session.get(db_task_history.TaskRecord, known.record_id)
            if not row:
                row = new_record(event.task)
                session.add(row)
            row.host = event.host or row.host
            row.events.append(db_task_history.TaskEvent(event_name=event.status, ts=event.when))
            session.flush()
            known.record_id = row.id
        if event.status == DONE:
            del self.tasks[event.task.id]


def new_record(task: Any) -> Any:
    """A row for a task, with its parameters."""
    row = db_task_history.TaskRecord(task_id=task.id, name=task.family)
    for name, value in task.params.items():
        row.parameters[name] = db_task_history.TaskParameter(name=name, value=str(value))
    return row


class HistoryKeeper(TaskHistory):
    """Takes in events at once and writes them when the database is there.

    Parameters
    ----------
    url : str
        The database, as SQLAlchemy names it.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._events: queue.Queue[Event | None] = queue.Queue(QUEUED)
        self._tables: Tables | None = None
        self._closing = threading.Event()
        self._problem = ""
        self._dropped = 0
        self._thread = threading.Thread(target=self._keep, name="task-history", daemon=True)
        self._thread.start()

    def task_scheduled(self, task: Any) -> None:
        """Note that a task is wanted."""
        self._note(task, PENDING)

    def task_started(self, task: Any, worker_host: str | None) -> None:
        """Note that a task runs."""
        self._note(task, RUNNING, worker_host)

    def task_finished(self, task: Any, successful: bool) -> None:
        """Note how a task ended."""
        self._note(task, DONE if successful else FAILED)

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what is left, if that can be done in a short time."""
        self._closing.set()
        try:
            self._events.put_nowait(None)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def __getattr__(self, name: str) -> Any:
        """What Luigi's pages ask of the tables."""
        if name.startswith("__"):
            raise AttributeError(name)
        # A database that does not answer would hold up everybody who talks to the scheduler.
        if self._problem or self._tables is None:
            raise HTTPError(503, reason="The database of the task history is not available")
        return getattr(self._tables, name)

    def _note(self, task: Any, status: str, host: str | None = None) -> None:
        event = Event(task, status, host, datetime.datetime.now())
        try:
            self._events.put_nowait(event)
        except queue.Full:
            self._dropped += 1
            if self._dropped == 1:
                logger.warning(
                    "task history: %d events wait for the database, later ones are dropped", QUEUED
                )

    def _keep(self) -> None:
        event: Event | None = None
        while True:
            pause_s = PAUSE_S
            while not self._try(event) and not self._closing.wait(pause_s):
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            event = self._events.get()
            if event is None:
                return

    def _try(self, event: Event | None) -> bool:
        """Open the database, write an event; tell whether that is settled, for good or ill."""
        try:
            if self._tables is None:
                self._tables = Tables(self._url)
            if event:
                self._tables.write(event)
        except sqlalchemy.exc.OperationalError as error:
            if not self._problem:
                # Once for every time that it goes away.
                logger.warning("task history: the database is not available, it is tried again: %s", error)
            self._problem = str(error)
            return False
        except Exception:
            logger.exception("task history: not kept: %s", event and (event.status, event.task.id))
        else:
            self._problem = ""
        return True
