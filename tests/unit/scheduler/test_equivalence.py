"""The same calls to Luigi's scheduler and to ours: every answer and every task is the same after each of them."""

import json
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import luigi.scheduler
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from luigi.metrics import NoMetricsCollector
from luigi.task_status import DISABLED, DONE, FAILED, PENDING, RUNNING, SUSPENDED, UNKNOWN

from sip_luigi.scheduler import central
from sip_luigi.scheduler.central import CentralScheduler

N_TASKS = 12
WORKERS = ("a", "b", "c")
RESOURCES = ({}, {"cpu": 1}, {"cpu": 2}, {"disk": 1}, {"cpu": 1, "disk": 1})
TASK_FIELDS = (
    *("status", "priority", "worker_running", "resources", "batch_id", "remove", "retry", "time", "updated"),
    *(
        "runnable",
        "batchable",
        "params",
        "family",
        "deps",
        "stakeholders",
        "tracking_url",
        "expl",
        "retry_policy",
    ),
    *("time_running", "scheduler_disable_time", "failures"),
)

numbers = st.integers(0, N_TASKS - 1)
workers = st.sampled_from(WORKERS)


def ordered_tasks(original):
    """What a worker has, in the order of the scheduler.

    Luigi takes the order of a set of objects where a worker needs no resources, which is another one in every
    process; and it leaves removed tasks in that set. In everything else the two must agree.
    """

    def get_tasks(worker, state, *statuses):
        found = [task for task in state.get_active_tasks_by_status(*statuses) if worker.id in task.workers]
        by_luigi = {task.id for task in original(worker, state, *statuses) if state.get_task(task.id) is task}
        assert by_luigi == {task.id for task in found}
        return iter(found)

    return get_tasks


class SameAnswers(RuleBasedStateMachine):
    """Two schedulers and one clock, which stands still during a call."""

    def __init__(self):
        super().__init__()
        self.now = 1.7e9
        self.folder = Path(tempfile.mkdtemp(prefix="sip-equivalence-"))
        self.stack = ExitStack()
        clock = SimpleNamespace(time=lambda: self.now)
        get_tasks = ordered_tasks(luigi.scheduler.Worker.get_tasks)
        self.stack.enter_context(mock.patch.object(luigi.scheduler, "time", clock))
        self.stack.enter_context(mock.patch.object(central, "time", clock))
        self.stack.enter_context(mock.patch.object(luigi.scheduler.Worker, "get_tasks", get_tasks))
        self.batches = {}

    @initialize(
        retry_count=st.sampled_from((1, 2, 999)), prune=st.booleans(), cooldown=st.sampled_from((0, 10))
    )
    def start(self, retry_count, prune, cooldown):
        self.options = {
            **{"retry_count": retry_count, "prune_on_get_work": prune, "stable_done_cooldown_secs": cooldown},
            **{"retry_delay": 30, "remove_delay": 60, "worker_disconnect_delay": 40, "disable_persist": 100},
        }
        self.stock = self.make(luigi.scheduler.Scheduler, "stock", {"cpu": 3})
        self.ours = self.make(CentralScheduler, "ours", {"cpu": 3})

    def make(self, kind, name, resources):
        made = kind(resources=resources, state_path=str(self.folder / name), **self.options)
        made._state._metrics_collector = NoMetricsCollector()
        return made

    def teardown(self):
        self.stack.close()
        shutil.rmtree(self.folder)

    def call(self, method, **arguments):
        """Call both, as a worker would, and compare what they say."""
        answers = []
        for scheduler in (self.stock, self.ours):
            try:
                answer = getattr(scheduler, method)(**json.loads(json.dumps(arguments)))
            except Exception as error:
                answer = type(error).__name__
            if isinstance(answer, dict) and "running_tasks" in answer:
                answer["running_tasks"] = sorted(answer["running_tasks"], key=lambda each: each["task_id"])
            answers.append(json.loads(json.dumps(answer)))
        assert answers[0] == answers[1], (method, arguments)
        return answers[0]

    @rule(
        number=numbers,
        worker=workers,
        deps=st.sets(numbers, max_size=3),
        resources=st.sampled_from(RESOURCES),
        priority=st.integers(0, 3),
        batchable=st.booleans(),
        runnable=st.sampled_from((True, True, True, False)),
        assistant=st.sampled_from((False, False, False, True)),
        status=st.sampled_from((PENDING,) * 8 + (DONE, DISABLED, SUSPENDED, UNKNOWN, FAILED)),
        retry_count=st.sampled_from((None, None, 1)),
    )
    def add(
        self, number, worker, deps, resources, priority, batchable, runnable, assistant, status, retry_count
    ):
        self.call(
            "add_task",
            task_id=f"T{number}",
            worker=worker,
            status=status,
            deps=[f"T{dep}" for dep in sorted(deps) if dep > number],
            resources=resources,
            priority=priority,
            family=f"F{number % 2}",
            params={"n": str(number), "shared": str(number % 3)},
            batchable=batchable,
            runnable=runnable,
            assistant=assistant,
            retry_policy_dict={"retry_count": retry_count},
        )

    @rule(
        worker=workers,
        assistant=st.sampled_from((False, False, True)),
        says=st.sampled_from(["all", "none"]),
    )
    def get_work(self, worker, assistant, says):
        running = self.running(worker) if says == "all" else None
        reply = self.call("get_work", worker=worker, host="h", assistant=assistant, current_tasks=running)
        if reply.get("batch_id"):
            self.claim(worker, reply)

    def claim(self, worker, reply):
        self.call(
            "add_task",
            task_id=f"B{reply['batch_id'][:4]}",
            worker=worker,
            status=RUNNING,
            batch_id=reply["batch_id"],
            family=reply["task_family"],
            params={},
        )

    @rule(worker=workers)
    def ask_again_without_what_was_given(self, worker):
        self.call("get_work", worker=worker, current_tasks=[])

    @precondition(lambda self: self.running())
    @rule(data=st.data(), status=st.sampled_from((DONE, DONE, FAILED, PENDING)), new=st.booleans())
    def finish(self, data, status, new):
        task_id = data.draw(st.sampled_from(self.running()))
        task = self.stock._state.get_task(task_id)
        deps = [f"T{N_TASKS - 1}"] if new and status == PENDING else None
        arguments = {"resources": task.resources, "family": task.family, "params": task.params}
        self.call(
            "add_task",
            task_id=task_id,
            worker=task.worker_running or "a",
            status=status,
            expl="why",
            new_deps=deps,
            **arguments,
        )

    @rule(seconds=st.sampled_from((0.5, 5, 25, 41, 65, 120)))
    def wait(self, seconds):
        self.now += seconds

    @rule(number=numbers, method=st.sampled_from(("forgive_failures", "mark_as_done", "re_enable_task")))
    def change(self, number, method):
        self.call(method, task_id=f"T{number}")

    @rule(method=st.sampled_from(("prune", "prune", "pause", "unpause", "unpause")))
    def operate(self, method):
        self.call(method)

    @rule(name=st.sampled_from(("cpu", "disk")), amount=st.integers(0, 4))
    def update_resource(self, name, amount):
        self.call("update_resource", resource=name, amount=amount)

    @rule(worker=workers, slots=st.integers(1, 3))
    def add_worker(self, worker, slots):
        self.call("add_worker", worker=worker, info={"workers": slots})

    @rule(worker=workers)
    def ping(self, worker):
        self.call("ping", worker=worker)

    @rule(worker=workers, sure=st.sampled_from((True, False, False, False)))
    def disable_worker(self, worker, sure):
        if sure:
            self.call("disable_worker", worker=worker)

    @rule(worker=workers, family=st.sampled_from(("F0", "F1")), size=st.sampled_from((1, 2, 3, 100)))
    def batch(self, worker, family, size):
        self.call(
            "add_task_batcher", worker=worker, task_family=family, batched_args=["n"], max_batch_size=size
        )

    @rule(number=numbers, amount=st.integers(0, 2))
    def decrease(self, number, amount):
        self.call("decrease_running_task_resources", task_id=f"T{number}", decrease_resources={"cpu": amount})

    @rule()
    def restart(self):
        self.stock.dump()
        self.ours.dump()
        paused, resources = self.stock._paused, dict(self.stock._resources)
        self.stock = self.make(luigi.scheduler.Scheduler, "stock", resources)
        self.stock._paused = paused
        self.ours = self.make(CentralScheduler, "ours", {"cpu": 3})
        self.stock.load()
        self.ours.load()
        assert dict(self.ours._resources) == resources

    def running(self, worker=None):
        tasks = self.stock._state.get_active_tasks_by_status(RUNNING)
        return sorted(task.id for task in tasks if worker in (None, task.worker_running))

    @invariant()
    def same_tasks(self):
        if hasattr(self, "ours"):
            assert tasks_of(self.stock) == tasks_of(self.ours)

    @invariant()
    def same_counts(self):
        if hasattr(self, "ours"):
            for worker in sorted(self.stock._state.get_worker_ids()):
                self.call("count_pending", worker=worker)


def tasks_of(scheduler):
    return {
        task.id: {
            **{name: getattr(task, name) for name in TASK_FIELDS},
            "workers": list(task.workers),
            "resources_running": getattr(task, "resources_running", None),
        }
        for task in scheduler._state.get_active_tasks()
    }


SameAnswers.TestCase.settings = settings(
    max_examples=100,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestSameAnswers = pytest.mark.usefixtures("configured")(SameAnswers.TestCase)
