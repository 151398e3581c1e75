"""Looking at what runs, and ending it: a real job and a real process, without the programs of the pipeline."""

import json
import subprocess
import sys
import threading
import time

import pytest

from sip_luigi.cli.status import Lines, line
from sip_luigi.node.job import start
from sip_luigi.node.jobs_there import end_jobs
from sip_luigi.operation.logs import Logs

SUBBAND = "SAP000_SB000"
TASK = f"preprocess.{SUBBAND}"
RUN = """
import sys, time
from pathlib import Path
from sip_luigi.execution.runs import RunRecords, told_to_end
with told_to_end(), RunRecords(Path(sys.argv[1])).recorded([sys.argv[2]], ["luigi"], "http://127.0.0.1:1"):
    print("begun", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def observation(here):
    """An observation of one subband, of which something was run."""
    raw = here.storage / f"{here.obs_id}_{SUBBAND}_uv.MS"
    raw.mkdir()
    (raw / "table.dat").write_bytes(b"x")
    (here.job / "logs").mkdir(parents=True)
    yield here
    end_jobs({"directory": str(here.scratch)})


@pytest.fixture
def job(observation):
    """A job that preprocesses, as far as one sees."""
    folder = observation.scratch / SUBBAND
    directory = folder / ".jobs" / TASK
    code = "import time; print('0%....10....20', flush=True); time.sleep(60)"
    spec = {
        "product": {"path": str(folder / "preprocess"), "kind": "directory"},
        **{"part": str(folder / "preprocess.part-1"), "directory": str(directory)},
        **{"key": "k", "stage": "preprocess", "version": 2, "inputs": {}, "fingerprint": "f"},
        **{"steps": [{"argv": [sys.executable, "-c", code]}], "environment": {}},
        **{"lease_s": 60, "timeout_s": 0, "min_free_bytes": 0, "record": ""},
    }
    assert start(spec)["state"] == "started"
    deadline = time.monotonic() + 20
    while "20\n" not in (directory / "log").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return directory


@pytest.fixture
def run(observation):
    """A run that goes on."""
    argv = (sys.executable, "-c", RUN, str(observation.directory / "runtime" / "runs"), observation.obs_id)
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout.readline() == b"begun\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def status(sip, observation):
    return json.loads(sip("status", observation.obs_id, "--json").stdout)


def test_a_job_that_nobody_watches(sip, observation, job):
    found = status(sip, observation)
    assert found["state"] == "unwatched"
    (running,) = found["running"]
    assert (running["task"], running["node"], running["progress"]) == (TASK, "localhost", 0.2)
    # Its log is on the node alone.
    assert "0%....10....20" in sip("logs", observation.obs_id, "preprocess").stdout
    assert f"{TASK} 20%" in line(found)


def test_a_run_whose_scheduler_does_not_answer(sip, observation, job, run):
    found = status(sip, observation)
    assert (found["state"], found["scheduler"]["answers"]) == ("running", False)
    assert found["runs"][0]["pid"] == run.pid
    shown = sip("status", observation.obs_id).stdout
    assert "the scheduler at http://127.0.0.1:1 does not answer: sip scheduler status" in shown
    assert json.loads(sip("status", "--json").stdout)["observations"][0]["state"] == "running"


def test_cancel_ends_runs_and_jobs(sip, observation, job, run):
    done = sip("cancel", observation.obs_id)
    assert done.exit_code == 0, done.stdout
    assert done.stdout.splitlines() == [
        f"ended: run, process {run.pid}",
        f"ended on localhost: {TASK}",
        f"go on with: luigi --module sip_luigi ImagingPipeline --obs-id {observation.obs_id}",
    ]
    assert run.wait(10) != 0
    assert json.loads((job / "status.json").read_text())["outcome"] == "cancelled"
    assert status(sip, observation)["state"] == "waiting"
    assert sip("logs", observation.obs_id, "--failed").stdout.splitlines()[:2] == [
        f"== {TASK} == {observation.job}/logs/{TASK}.log",
        "failed: cancelled",
    ]


def test_nothing_is_cleaned_under_a_run(sip, observation, run):
    done = sip("clean", observation.obs_id, "--force", "--yes")
    assert done.exit_code == 10
    assert f"process {run.pid}" in done.stderr
    assert f"sip cancel {observation.obs_id}" in done.stderr


def test_logs_are_followed(sip, observation):
    sip("status")
    path = observation.job / "logs" / "pipeline.log"
    path.write_text("before\n")
    source, heard = Logs(observation.obs_id), []

    def tell(log, text):
        heard.append((log.task, text))
        if len(heard) == 1:
            path.write_text("anew\n")
        else:
            raise KeyboardInterrupt

    threading.Timer(0.2, lambda: path.write_text("before\nafter\n")).start()
    with pytest.raises(KeyboardInterrupt):
        source.follow(source.find, {"pipeline": len("before\n")}, tell)
    assert heard == [("pipeline", "after\n"), ("pipeline", "anew\n")]


def test_looks_as_lines(capsys):
    found = {
        **{"obs_id": "L1", "state": "running", "lost": [{}], "running": []},
        "counts": {"done": 3, "running": 1, "pending": 2, "lost": 1, "passed": 0},
    }
    tell = Lines(as_json=False).tell
    tell(found)
    tell(found)
    tell({"obs_id": "L1", "state": "unknown", "error": "TransportError: lse001 is away"})
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("L1 running: 3 of 7 done; 1 lost")
    assert second.endswith("TransportError: lse001 is away")
    Lines(as_json=True).tell(found)
    assert json.loads(capsys.readouterr().out) == found


def test_watching_ends_where_nothing_is_there(sip):
    done = sip("status", "L404", "--watch")
    assert done.exit_code == 35
    assert done.stderr.startswith("UnknownObservation: observation L404")
