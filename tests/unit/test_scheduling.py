"""The worker goes on until everything is there, with a real scheduler and small real tasks."""

import logging
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from types import SimpleNamespace

import luigi
import luigi.interface
import pytest
from luigi.execution_summary import _summary_dict
from luigi.retcodes import run_with_retcodes
from luigi.scheduler import Scheduler

from sip_luigi import scheduling
from sip_luigi.domain.errors import ProgramError
from sip_luigi.scheduling import MAX_ROUNDS_DONE, SteadfastFactory, SteadfastWorker, use_steadfast_workers


class Forgetful:
    """A scheduler that can be restarted without its state, as luigid can."""

    def __init__(self):
        self.restart()

    def restart(self):
        self.present = Scheduler(retry_delay=0, stable_done_cooldown_secs=0)

    def __getattr__(self, name):
        return getattr(self.present, name)


class Made(luigi.Task):
    """Makes one file of its own name in a folder; what else happens is looked up in HAPPENS."""

    folder = luigi.Parameter()
    name = luigi.Parameter()
    after = luigi.ListParameter(default=())

    def requires(self):
        return [Made(self.folder, name) for name in self.after]

    def output(self):
        return luigi.LocalTarget(f"{self.folder}/{self.name}")

    def run(self):
        HAPPENS.get(self.name, lambda task: None)(self)
        with self.output().open("w") as stream:
            stream.write(threading.current_thread().name)


HAPPENS = {}
# Only the main thread may install a handler, and there are workers in others here.
ASKING = "the scheduler has no more work, but not everything is done: asking again"
QUICK = {"wait_interval": 0.02, "wait_jitter": 0, "no_install_shutdown_handler": True}


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch, configured):
    monkeypatch.setattr(scheduling, "PAUSE_S", 0.05)
    HAPPENS.clear()
    yield
    HAPPENS.clear()


@pytest.fixture
def scheduler():
    return Forgetful()


@pytest.fixture
def task(tmp_path):
    return lambda name, *after: Made(str(tmp_path), name, after)


def working(scheduler, task, processes=2):
    """A worker that has been asked for a task, and has what it takes to run it."""
    worker = SteadfastWorker(scheduler=scheduler, worker_processes=processes, **QUICK)
    assert worker.add(task)
    return worker


def run(scheduler, task, processes=2):
    with working(scheduler, task, processes) as worker:
        return worker.run(), worker


@pytest.fixture
def exit_status(monkeypatch):
    """What the command line would end with after the work of a worker."""

    def exit_status(worker):
        monkeypatch.setattr(luigi.interface, "_run", lambda argv: SimpleNamespace(worker=worker))
        with pytest.raises(SystemExit) as ended:
            run_with_retcodes(["Made", "--folder", "x", "--name", "y"])
        return ended.value.code

    return exit_status


def files(tmp_path):
    return sorted(path.name for path in tmp_path.iterdir())


def test_everything_is_made_in_threads(scheduler, task, tmp_path, exit_status):
    root = task("root", "a", "b")
    succeeded, worker = run(scheduler, root)
    assert succeeded
    assert files(tmp_path) == ["a", "b", "root"]
    assert (tmp_path / "root").read_text() == root.task_id, "the thread of the task"
    assert exit_status(worker) == 0


def test_as_many_at_a_time_as_there_are_workers(scheduler, task):
    together = threading.Barrier(3)
    HAPPENS.update(dict.fromkeys("abc", lambda task: together.wait(5)))
    assert run(scheduler, task("root", *"abc"), processes=3)[0]


def test_a_task_tells_the_scheduler_how_far_it_is(scheduler, task):
    seen = []

    def tell(made):
        made.set_status_message("half way")
        made.set_progress_percentage(50)
        seen.append(scheduler.task_list("RUNNING", "")[made.task_id])

    HAPPENS["root"] = tell
    run(scheduler, task("root"))
    assert (seen[0]["status_message"], seen[0]["progress_percentage"]) == ("half way", 50)


def test_a_scheduler_that_forgets_everything(scheduler, task, tmp_path, exit_status, caplog):
    # More tasks of this worker have ended well by then than the last one may without a product.
    names = [f"a{number}" for number in range(MAX_ROUNDS_DONE + 1)]
    HAPPENS[names[-1]] = lambda made: scheduler.restart()
    with caplog.at_level(logging.INFO, logger="sip_luigi"):
        succeeded, worker = run(scheduler, task("root", *names))
    assert succeeded
    assert files(tmp_path) == [*names, "root"]
    assert exit_status(worker) == 0
    assert not any("other workers" in message for message in caplog.messages)


def test_a_scheduler_that_forgets_while_the_last_task_is_asked_for(scheduler, task, tmp_path, caplog):
    with working(scheduler, task("root", "a")) as worker:
        scheduler.restart()
        assert worker.run()
    assert files(tmp_path) == ["a", "root"]
    assert caplog.messages.count(ASKING) == 1


@pytest.fixture
def other_worker(scheduler):
    """Have another worker make something, and let it go on when the block ends."""

    @contextmanager
    def other_worker(root, name, then=lambda: None):
        taken, gate = threading.Event(), threading.Event()

        def hold(made):
            if not taken.is_set():
                taken.set()
                assert gate.wait(10)
                then()

        HAPPENS[name] = hold
        found = []
        other = threading.Thread(target=lambda: found.append(run(scheduler, root)[0]))
        other.start()
        assert taken.wait(5)
        threading.Timer(0.3, gate.set).start()
        yield found
        other.join(10)

    return other_worker


@pytest.mark.parametrize("held", ["a", "root"])
def test_another_worker_does_the_rest(scheduler, task, other_worker, exit_status, held):
    root = task("root", "a")
    with other_worker(root, held), working(scheduler, root) as worker:
        assert not root.complete()
        assert worker.run()
        assert root.complete()
    assert exit_status(worker) == 0, "what the other made is not missing"
    summary = _summary_dict(worker)
    assert summary["already_done"] | summary["completed"] >= {root, task("a")}


def test_that_it_waits_for_another_worker_is_said_once(scheduler, task, other_worker, caplog):
    with other_worker(task("root", "a"), "root"):
        run(scheduler, task("root", "a"))
    assert caplog.messages.count(ASKING) == 1


def test_what_another_worker_made_meanwhile_is_done(scheduler, task, other_worker, exit_status, caplog):
    a = task("a")

    def wait_for_a(made):
        deadline = time.monotonic() + 10
        while not a.complete():
            assert time.monotonic() < deadline
            time.sleep(0.01)

    HAPPENS["b"] = wait_for_a
    with caplog.at_level(logging.INFO, logger="sip_luigi"), other_worker(a, "a"):
        succeeded, worker = run(scheduler, task("root", "a", "b"))
    assert succeeded
    assert exit_status(worker) == 0
    assert a in _summary_dict(worker)["already_done"] | _summary_dict(worker)["completed"]
    assert "1 tasks were done by other workers" in caplog.messages


def test_what_another_worker_fails_in_is_tried_here(scheduler, task, other_worker, exit_status):
    def fail():
        raise RuntimeError("only there")

    with other_worker(task("root"), "root", fail) as found:
        succeeded, worker = run(scheduler, task("root"))
    assert found == [False]
    assert succeeded
    assert exit_status(worker) == 0


@pytest.mark.parametrize("error", [ValueError("bad"), SystemExit(3), MemoryError()])
def test_a_task_that_raises_or_exits_has_failed(scheduler, task, tmp_path, error, exit_status):
    def fail(made):
        raise error

    HAPPENS["b"] = fail
    began = time.monotonic()
    succeeded, worker = run(scheduler, task("root", "a", "b"))
    assert time.monotonic() - began < 5, "nobody waits for what cannot come"
    assert not succeeded
    assert exit_status(worker) == 30
    assert files(tmp_path) == ["a"]


def test_a_task_that_asks_for_more(scheduler, task, tmp_path):
    class Curious(Made):
        def run(self):
            yield Made(self.folder, "more")
            super().run()

    assert run(scheduler, Curious(str(tmp_path), "root"))[0]
    assert files(tmp_path) == ["more", "root"]


def test_a_product_that_never_comes_is_an_error(scheduler, task, tmp_path):
    times = []

    class Lost(Made):
        def run(self):
            times.append(1)

    with pytest.raises(ProgramError, match=r"Lost.* ended well 3 times, and still products are missing"):
        run(scheduler, Lost(str(tmp_path), "root"))
    assert len(times) == 3


def test_a_product_that_came_late(scheduler, task, tmp_path, exit_status):
    times = []

    class Shy(Made):
        def run(self):
            times.append(1)
            if len(times) == 2:
                super().run()

    succeeded, worker = run(scheduler, Shy(str(tmp_path), "root"))
    assert succeeded
    assert exit_status(worker) == 0


def test_one_that_is_told_to_stop_asks_no_more(scheduler, task, tmp_path):
    with working(scheduler, task("root", "a")) as worker:
        HAPPENS["a"] = lambda made: worker._start_phasing_out()
        began = time.monotonic()
        worker.run()
    assert time.monotonic() - began < 5
    assert files(tmp_path) == ["a"]


def test_what_nodes_can_take_is_told_and_told_again(scheduler, tmp_path, monkeypatch):
    forgot = []

    class Station(Made):
        obs_id = "L1"
        ctx = SimpleNamespace(
            nodes=[SimpleNamespace(name="lce001", cores=8), SimpleNamespace(name="lce002", cores=2)],
            settings=SimpleNamespace(cluster=SimpleNamespace(disk_streams=3), runtime_directory=tmp_path),
            layout=SimpleNamespace(obs_id="L1"),
            calibrator=None,
            forget=lambda: forgot.append(1),
        )

        def process_resources(self):
            return {"lce001.cores": 8, "lce002.disk": 3}

    monkeypatch.setattr(scheduling, "Stage", Station)
    with working(scheduler, Station(str(tmp_path), "root")) as worker:
        wanted = {"lce001.cores": 8, "lce001.disk": 3, "lce002.cores": 2, "lce002.disk": 3}
        assert scheduler.present._resources == wanted
        assert Station.ctx.logs_served is False
        scheduler.restart()
        assert worker.run(), "without them it would wait for ever"
        assert forgot, "what was seen before counts no more"
    assert scheduler.present._resources == wanted


def test_no_turn_while_a_node_is_busy(scheduler, tmp_path):
    class Greedy(Made):
        def process_resources(self):
            return {"lce001.cores": 2}

    at_once, most = [], []

    def count(made):
        at_once.append(1)
        most.append(len(at_once))
        time.sleep(0.05)
        at_once.pop()

    HAPPENS.update(dict.fromkeys("abc", count))
    scheduler.update_resource(resource="lce001.cores", amount=3)
    with SteadfastWorker(scheduler=scheduler, worker_processes=3, **QUICK) as worker:
        for name in "abc":
            worker.add(Greedy(str(tmp_path), name))
        assert worker.run()
    assert files(tmp_path) == ["a", "b", "c"]
    assert max(most) == 1


def test_the_command_line_uses_them(monkeypatch, scheduler):
    monkeypatch.setattr(luigi.interface, "_WorkerSchedulerFactory", None)
    use_steadfast_workers()
    factory = luigi.interface._WorkerSchedulerFactory()
    assert isinstance(factory, SteadfastFactory)
    with factory.create_worker(scheduler, 5) as worker:
        assert isinstance(worker, SteadfastWorker)
        assert worker.worker_processes == 5


INTERRUPTED = """
import os, signal, sys, time
import luigi
from luigi.scheduler import Scheduler
from sip_luigi.scheduling import SteadfastWorker
class Slow(luigi.Task):
    def complete(self):
        return False
    def run(self):
        print("began", flush=True)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
# What a script starts in the background ignores it, and so would its children.
signal.signal(signal.SIGINT, signal.default_int_handler)
with SteadfastWorker(scheduler=Scheduler(), worker_processes=2) as worker:
    worker.add(Slow())
    worker.run()
"""


def test_an_interrupted_program_does_not_wait_for_its_tasks():
    done = subprocess.run((sys.executable, "-c", INTERRUPTED), capture_output=True, timeout=30, check=False)
    assert done.stdout == b"began\n"
    assert done.returncode == scheduling.INTERRUPTED
    assert b"interrupted; jobs go on" in done.stderr
    assert done.returncode != 0


def test_one_task_at_a_time(scheduler, task, tmp_path):
    with SteadfastWorker(scheduler=scheduler, worker_processes=1, **QUICK) as worker:
        worker.add(task("root", "a"))
        assert worker.run()
    assert files(tmp_path) == ["a", "root"]


class Blind(Made):
    """Cannot be looked at."""

    def complete(self):
        raise OSError("no answer")


def test_what_cannot_be_looked_at_is_not_looked_at_twice(scheduler, tmp_path):
    with SteadfastWorker(scheduler=scheduler, worker_processes=2, **QUICK) as worker:
        assert not worker.add(Blind(str(tmp_path), "blind"))
        worker.run()
