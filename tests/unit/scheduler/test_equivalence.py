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
RESOURCES = ({}, {}, {"cpu": 1}, {"cpu": 2}, {"disk": 1}, {"cpu": 1, "disk": 1})
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
tasks = st.fixed_dictionaries(
    {
        "worker": workers,
        "steps": st.just(set()) | st.sets(st.integers(1, 4), max_size=2),
        "resources": st.sampled_from(RESOURCES),
        "priority": st.sampled_from((0, 0, 0, 1, 2)),
        "batchable": st.booleans(),
        "runnable": st.sampled_from((True, True, True, False)),
    }
)


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
        retry_count=st.sampled_from((999, 999, 999, 2, 1)),
        prune=st.sampled_from((False, False, True)),
        cooldown=st.sampled_from((0, 10)),
        slots=st.tuples(*(st.integers(1, 3) for _ in WORKERS)),
        tasks=st.lists(tasks, min_size=N_TASKS, max_size=N_TASKS),
        batch_size=st.sampled_from((None, None, 2, 100)),
        modest=st.booleans(),
    )
    def start(self, retry_count, prune, cooldown, slots, tasks, batch_size, modest):
        """A graph that workers have scheduled, with capacities that are soon used up."""
        self.options = {
            **{"retry_count": retry_count, "prune_on_get_work": prune, "stable_done_cooldown_secs": cooldown},
            **{"retry_delay": 30, "remove_delay": 60, "worker_disconnect_delay": 40, "disable_persist": 100},
        }
        self.stock = self.make(luigi.scheduler.Scheduler, "stock", {"cpu": 2})
        self.ours = self.make(CentralScheduler, "ours", {"cpu": 2})
        self.modest = modest
        for worker, number in zip(WORKERS, slots, strict=True):
            self.call("add_worker", worker=worker, info={"workers": number})
            if batch_size:
                self.batch(worker, "F0", batch_size)
        for number, task in enumerate(tasks):
            self.give(number, task)

    def give(self, number, task, **more):
        """Schedule a task; what it requires comes later in the numbers."""
        deps = [f"T{number + step}" for step in sorted(task["steps"]) if number + step < N_TASKS]
        given = {name: value for name, value in task.items() if name != "steps"}
        if self.modest and task["worker"] == "c":
            # Luigi goes another way for a worker that needs no resources.
            given["resources"] = {}
        self.call(
            "add_task",
            task_id=f"T{number}",
            deps=deps,
            family=f"F{number % 2}",
            params={"n": str(number), "shared": str(number % 3 // 2)},
            **given,
            **more,
        )

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
        task=tasks,
        status=st.sampled_from((PENDING,) * 8 + (DONE, DONE, DISABLED, SUSPENDED, UNKNOWN, FAILED)),
        retry_count=st.sampled_from((None, None, None, 1)),
        assistant=st.sampled_from((False, False, False, True)),
    )
    def add(self, number, task, status, retry_count, assistant):
        policy = {"retry_count": retry_count}
        self.give(number, task, status=status, retry_policy_dict=policy, assistant=assistant)

    @rule(number=numbers, worker=workers, priority=st.integers(3, 9))
    def hurry(self, number, worker, priority):
        """Ask again for a task, and with it for what it requires, more urgently."""
        task = self.stock._state.get_task(f"T{number}")
        self.call(
            "add_task",
            task_id=task.id if task else f"T{number}",
            worker=worker,
            priority=priority,
            family=f"F{number % 2}",
            params={"n": str(number), "shared": str(number % 3 // 2)},
            resources=task.resources if task else {},
        )

    @rule(worker=workers, times=st.integers(2, 4))
    def fill(self, worker, times):
        for _ in range(times):
            self.get_work(worker, False, "all")

    @rule(data=st.data())
    def finish_well(self, data):
        """All that runs is done, but for what is drawn."""
        for task_id in self.running():
            if data.draw(st.integers(0, 3)):
                task = self.stock._state.get_task(task_id)
                self.call(
                    "add_task",
                    task_id=task_id,
                    worker=task.worker_running,
                    status=DONE,
                    family=task.family,
                    params=task.params,
                    resources=task.resources,
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

    @rule(seconds=st.sampled_from((0.5, 0.5, 5, 5, 25, 41, 120)))
    def wait(self, seconds):
        self.now += seconds

    @rule(number=numbers, method=st.sampled_from(("forgive_failures", "mark_as_done", "re_enable_task")))
    def change(self, number, method):
        self.call(method, task_id=f"T{number}")

    @rule(method=st.sampled_from(("prune",) * 4 + ("pause",) + ("unpause",) * 4))
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

    @rule(worker=workers, sure=st.sampled_from((False,) * 19 + (True,)))
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
        self.ours = self.make(CentralScheduler, "ours", {"cpu": 2})
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


def case_of(examples):
    """Tests of so many sequences of calls."""
    made = type("Case", (SameAnswers,), {}).TestCase
    made.settings = settings(
        max_examples=examples,
        stateful_step_count=50,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    )
    return pytest.mark.usefixtures("configured")(made)


TestSameAnswers = case_of(40)
TestSameAnswersAtLength = pytest.mark.slow(case_of(500))
