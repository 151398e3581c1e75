"""Runs are known while they go on, can be ended, and keep away from what is being removed."""

import json
import os
import subprocess
import sys
import time

import pytest

from sip_luigi.domain.errors import AlreadyRunning
from sip_luigi.execution.runs import RunRecords, end

RUN = """
import sys, time
from pathlib import Path
from sip_luigi.execution.runs import RunRecords
with RunRecords(Path(sys.argv[1])).recorded(["L1", "C1"], ["luigi"], "http://x"):
    print("begun", flush=True)
    {0}
"""


@pytest.fixture
def records(tmp_path):
    return RunRecords(tmp_path / "runs")


@pytest.fixture
def start(records):
    started = []

    def start(what="time.sleep(60)"):
        process = subprocess.Popen(
            (sys.executable, "-c", RUN.format(what), str(records.directory)), stdout=subprocess.PIPE
        )
        started.append(process)
        assert process.stdout.readline() == b"begun\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_run_is_known_while_it_goes_on(records):
    assert records.going_on() == []
    with records.recorded(["L1"], ["luigi", "--obs-id", "L1"], ""):
        (run,) = records.going_on("L1")
        assert (run.pid, run.command, run.is_here, run.goes_on) == (
            os.getpid(),
            ("luigi", "--obs-id", "L1"),
            True,
            True,
        )
        assert records.going_on("L2") == []
    assert records.going_on() == []


def test_a_killed_run_is_not_believed(records, start):
    process = start()
    assert [run.pid for run in records.going_on("C1")] == [process.pid]
    process.kill()
    process.wait()
    assert records.going_on() == []
    with records.recorded(["L2"], [], ""):
        assert len(list(records.directory.glob("*.json"))) == 1, "its record is swept away"


def test_a_run_of_another_machine_is_believed_and_left_alone(records, start):
    start()
    (path,) = records.directory.glob("*.json")
    path.write_text(json.dumps({**json.loads(path.read_text()), "host": "elsewhere", "pid": 1}))
    (run,) = records.going_on("L1")
    assert not run.is_here


@pytest.mark.parametrize(
    "what",
    ["time.sleep(60)", "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"],
    ids=["hears", "does not hear"],
)
def test_a_run_is_ended(records, start, what, monkeypatch):
    monkeypatch.setattr("sip_luigi.execution.runs.END_S", 0.5)
    process = start(what)
    time.sleep(0.2)
    (run,) = records.going_on()
    assert end(run)
    assert process.wait(5) != 0
    assert not run.goes_on


def test_who_removes_keeps_runs_away(records, start):
    process = start()
    with (
        pytest.raises(AlreadyRunning, match=f"process {process.pid} .*sip cancel L1"),
        records.kept_away("L1"),
    ):
        pass
    with records.kept_away("L9"):
        waiting = subprocess.Popen(
            (sys.executable, "-c", RUN.format("pass"), str(records.directory)), stdout=subprocess.PIPE
        )
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1.5)
    assert waiting.communicate(timeout=20)[0] == b"begun\n"
