"""Tasks and workers of the scheduler as JSON, and back; nothing of the file is run, as a pickle would be."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from luigi import task_status
from luigi.parameter import ParameterVisibility
from luigi.scheduler import OrderedSet, RetryPolicy, Task, Worker

from sip_luigi.domain.errors import ConfigurationError

PIECE = 100
"""Tasks that are put into words at a time."""
FORMAT, VERSION = "sip_luigi scheduler state", 1

NUMBER, TEXT, NOTHING = (int, float), (str,), (type(None),)
TASK_FIELDS: Mapping[str, tuple[type, ...]] = {
    "id": TEXT,
    "status": TEXT,
    "time": NUMBER,
    "updated": NUMBER,
    "retry": NUMBER + NOTHING,
    "remove": NUMBER + NOTHING,
    "worker_running": TEXT + NOTHING,
    "time_running": NUMBER + NOTHING,
    "expl": (object,),
    "priority": NUMBER,
    "resources": (dict,),
    "family": TEXT,
    "module": TEXT + NOTHING,
    "params": (dict,),
    "accepts_messages": (bool, *NOTHING),
    "first_failure_time": NUMBER + NOTHING,
    "tracking_url": TEXT + NOTHING,
    "status_message": TEXT + NOTHING,
    "progress_percentage": NUMBER + NOTHING,
    "scheduler_message_responses": (dict,),
    "scheduler_disable_time": NUMBER + NOTHING,
    "runnable": (bool,),
    "batchable": (bool,),
    "batch_id": TEXT + NOTHING,
    "resources_running": (dict, *NOTHING),
}
"""What is kept of a task as it is, and which types it may have."""
WORKER_FIELDS: Mapping[str, tuple[type, ...]] = {
    "id": TEXT,
    "reference": (object,),
    "last_active": NUMBER,
    "last_get_work": NUMBER + NOTHING,
    "started": NUMBER,
    "info": (dict,),
    "disabled": (bool,),
    "rpc_messages": (list,),
}
NEEDED: Mapping[str, str] = {task_status.FAILED: "retry", task_status.RUNNING: "worker_running"}
"""What a task of a status has to have."""
STATUSES = frozenset(value for name, value in vars(task_status).items() if name.isupper())


class UnreadableState(ConfigurationError):
    """A state that is not one of ours, or not whole."""


def state_pieces(
    tasks: Iterable[Any], workers: Iterable[Any], batchers: Mapping[str, Any], extra: Mapping[str, Any]
) -> Iterator[str]:
    """The whole state as text in pieces, none of which takes long to make.

    Parameters
    ----------
    tasks : iterable of luigi.scheduler.Task
        All tasks, in order; they may change between two pieces, but for the one that is being made.
    workers : iterable of luigi.scheduler.Worker
        All workers.
    batchers : dict
        Parameters and sizes of batches, by worker and family.
    extra : dict
        What else shall be kept.
    """
    head = {
        "format": FORMAT,
        "version": VERSION,
        "workers": [worker_to_json(worker) for worker in workers],
        "batchers": batchers,
        "extra": extra,
    }
    yield json.dumps(head)[:-1] + ', "tasks": ['
    between, left = "", iter(tasks)
    while some := list(itertools.islice(left, PIECE)):
        yield between + ", ".join(json.dumps(task_to_json(task)) for task in some)
        between = ", "
    yield "]}"


def state_from_json(value: Any) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Tasks by id, workers by id, batchers and the rest.

    Raises
    ------
    UnreadableState
        Anything is not as text of :func:`state_pieces` says it.
    """
    try:
        if value["format"] != FORMAT or value["version"] != VERSION:
            raise UnreadableState(f"expected {FORMAT} {VERSION}, found {value['format']} {value['version']}")
        tasks = {each["id"]: task_from_json(each) for each in value["tasks"]}
        workers = {each["id"]: worker_from_json(each, tasks) for each in value["workers"]}
        batchers = {
            worker: {family: (args, size) for family, (args, size) in families.items()}
            for worker, families in value["batchers"].items()
        }
        _require_amounts(value["extra"]["announced"])
        return tasks, workers, batchers, dict(value["extra"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnreadableState(f"{type(error).__name__}: {error}") from error


def task_to_json(task: Any) -> dict[str, Any]:
    """One task."""
    return {
        **{name: getattr(task, name, None) for name in TASK_FIELDS},
        "deps": sorted(task.deps),
        "workers": list(task.workers),
        "stakeholders": sorted(task.stakeholders),
        "failures": list(task.failures),
        "retry_policy": list(task.retry_policy),
        "visibilities": {name: int(value) for name, value in task.param_visibilities.items()},
    }


def task_from_json(value: Mapping[str, Any]) -> Any:
    """One task, every value checked."""
    kept = _checked(value, TASK_FIELDS)
    if kept["status"] not in STATUSES:
        raise UnreadableState(f"task {kept['id']}: unknown status {kept['status']!r}")
    task = Task(
        kept["id"],
        kept["status"],
        _texts(value["deps"]),
        params=kept.pop("params"),
        param_visibilities={
            name: ParameterVisibility(number) for name, number in value["visibilities"].items()
        },
        retry_policy=RetryPolicy(*value["retry_policy"]),
    )
    if kept["resources_running"] is None:
        # Luigi tells by the attribute whether the task has been running.
        del kept["resources_running"]
    vars(task).update(kept)
    _require_amounts(task.resources)
    _require_amounts(kept.get("resources_running", {}))
    for status, needed in NEEDED.items():
        if task.status == status and getattr(task, needed) is None:
            raise UnreadableState(f"task {task.id}: {status}, but {needed} is missing")
    task.stakeholders = set(_texts(value["stakeholders"]))
    task.workers = OrderedSet(_texts(value["workers"]))
    task.failures = deque(float(when) for when in value["failures"])
    return task


def worker_to_json(worker: Any) -> dict[str, Any]:
    """One worker; its tasks by id."""
    kept = {name: getattr(worker, name) for name in WORKER_FIELDS}
    return {**kept, "tasks": sorted(task.id for task in worker.tasks)}


def worker_from_json(value: Mapping[str, Any], tasks: Mapping[str, Any]) -> Any:
    """One worker, every value checked."""
    kept = _checked(value, WORKER_FIELDS)
    worker = Worker(kept["id"])
    vars(worker).update(kept)
    # A task may have been removed while the state was put into words.
    worker.tasks = {tasks[task_id] for task_id in value["tasks"] if task_id in tasks}
    return worker


def _checked(value: Mapping[str, Any], fields: Mapping[str, tuple[type, ...]]) -> dict[str, Any]:
    for name, types in fields.items():
        if not isinstance(value[name], types):
            wanted = " or ".join(kind.__name__ for kind in types)
            raise UnreadableState(f"{name}: expected {wanted}, found {value[name]!r}")
    return {name: value[name] for name in fields}


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(each, str) for each in values):
        raise UnreadableState(f"expected a list of texts, found {values!r}")
    return values


def _require_amounts(resources: Mapping[str, Any]) -> None:
    for name, amount in resources.items():
        if not isinstance(amount, NUMBER):
            raise UnreadableState(f"resource {name}: expected a number, found {amount!r}")
