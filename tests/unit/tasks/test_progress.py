"""Telling luigid never holds up a job and never fails it."""

import threading
import time

from sip_luigi.tasks.progress import Teller


class Task:
    log_url = "file:///x.log"

    def __init__(self, act=None):
        self.said, self.act = {}, act
        for name in ("tracking_url", "status_message", "progress_percentage"):
            setattr(self, f"set_{name}", lambda value, name=name: self._take(name, value))

    def _take(self, name, value):
        if self.act:
            self.act()
        self.said[name] = value


def wait_for(condition):
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_tells_the_newest():
    task = Task()
    teller = Teller(task, lambda log: log.count("step") / 4, interval_s=0.01)
    teller.hear("step one\n")
    teller.hear("step two\n\n")
    wait_for(lambda: task.said.get("progress_percentage") == 50)
    assert task.said["status_message"].endswith("step two")
    assert task.said["tracking_url"] == "file:///x.log"
    teller.stop()


def test_a_scheduler_that_fails_or_hangs_is_not_noticed():
    def fail():
        raise ConnectionError

    teller = Teller(Task(fail), lambda log: 0.5, interval_s=0.01)
    teller.hear("x\n")
    time.sleep(0.05)
    assert teller.thread.is_alive()
    teller.stop()

    gate = threading.Event()
    hanging = Teller(Task(gate.wait), lambda log: 0.5, interval_s=0.01)
    started = time.monotonic()
    for _ in range(100):
        hanging.hear("x\n")
    hanging.stop()
    assert time.monotonic() - started < 1
    gate.set()


def test_without_a_scheduler_nothing_is_started():
    task = Task()
    task.set_status_message = None
    teller = Teller(task, lambda log: None)
    teller.hear("x")
    assert teller.thread is None


def test_long_output_is_cut_and_nothing_is_made_up():
    task = Task()
    teller = Teller(task, lambda log: None, interval_s=0.01)
    teller.hear("one\ntwo\n" + "x" * 600 + "\n\n  \nlast\n")
    wait_for(lambda: "status_message" in task.said)
    assert task.said["status_message"] == "x" * 495 + "\nlast"
    assert "progress_percentage" not in task.said
    teller.stop()


def test_a_stopped_one_says_no_more():
    task = Task()
    teller = Teller(task, lambda log: 0.5, interval_s=0.2)
    teller.hear("x\n")
    wait_for(lambda: "tracking_url" in task.said)
    teller.stop()
    teller.thread.join(5)
    assert not teller.thread.is_alive()
    assert set(task.said) == {"tracking_url"}


def test_a_program_that_prints_nonsense_is_told_all_the_same():
    def fail(log):
        raise ValueError

    task = Task()
    teller = Teller(
        task, lambda log: fail(log) if "bad" in log and "good" not in log else 1.0, interval_s=0.01
    )
    teller.hear("bad\n")
    time.sleep(0.05)
    teller.hear("good\n")
    wait_for(lambda: task.said.get("progress_percentage") == 100)
    teller.stop()
