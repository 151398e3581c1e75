"""`sip scheduler` with real runs: killed and started again, refused, and seen through a browser."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from browser import browser
from conftest import BIN

from sip_luigi.selftest.scheduler import free_port

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]

SOON_S = 120
BAR = "0%....10%....20%....30%....40%"


class Scheduled:
    """An observatory with a scheduler of ours, and a DP3 that waits until it may go on."""

    def __init__(self, observatory):
        self.observatory, self.port = observatory, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.state = observatory.directory / "runtime" / "scheduler"
        self.gate = observatory.directory / "go"
        observatory.settings["scheduler_server"] = {"port": self.port, "save_interval_s": 0.2}
        program = observatory.directory / "DP3"
        waits = f"echo {BAR}; while [ ! -e {self.gate} ]; do sleep 0.1; done"
        program.write_text(f'#!/bin/sh\n{waits}\nexec {shlex.quote(str(BIN / "DP3.py"))} "$@"\n')
        program.chmod(0o755)
        observatory.settings["dppp"] = {"executable": program}

    def sip(self, *arguments):
        argv = (str(BIN / "sip"), "scheduler", *arguments)
        environment, where = self.observatory.environment(), self.observatory.directory
        return subprocess.run(argv, env=environment, cwd=where, capture_output=True, text=True, check=False)

    def start(self):
        done = self.sip("start")
        assert done.returncode == 0, done.stderr
        assert f"runs at {self.url}" in done.stdout
        return self.status()["pid"]

    def status(self):
        return json.loads(self.sip("status", "--json").stdout)

    def ask(self, method, **arguments):
        data = urllib.parse.urlencode({"data": json.dumps(arguments)}).encode()
        url = f"{self.url}/api/{method}"
        with urllib.request.urlopen(url, data, timeout=30) as answer:  # noqa: S310 - loopback
            return json.load(answer)["response"]

    def run(self):
        """Start the main command and wait until DP3 runs."""
        process = self.observatory.start(scheduler=("--scheduler-url", self.url))
        self.until(process, self.running)
        self.until(process, lambda: any(BAR in log.read_text() for log in self.logs()))
        return process

    def running(self):
        return self.ask("task_list", status="RUNNING", upstream_status="").values()

    def logs(self):
        return list((self.observatory.job / "logs").glob("preprocess*.log"))

    def until(self, process, condition):
        deadline = time.monotonic() + SOON_S
        while not (found := condition()):
            assert process.poll() is None, (self.observatory.directory / "stderr.log").read_text()[-3000:]
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return found

    def finish(self, process):
        """Let DP3 go on, and see the run through."""
        self.gate.touch()
        status = process.wait(600)
        assert status == 0, (self.observatory.directory / "stderr.log").read_text()[-3000:]
        assert self.observatory.quality["outcome"] == "full"
        assert set(self.observatory.made().values()) == {1}, "nothing was made twice"


@pytest.fixture
def scheduled(small_observatory):
    made = Scheduled(small_observatory)
    yield made
    made.gate.touch()
    made.sip("stop")


@pytest.fixture
def idle(observatory):
    """The same without an observation."""
    made = Scheduled(observatory())
    yield made
    made.sip("stop")


@pytest.mark.parametrize("left", ["state", "nothing", "half a state"])
def test_killed_and_started_again_in_the_middle(scheduled, left):
    first = scheduled.start()
    process = scheduled.run()
    scheduled.until(process, (scheduled.state / "state.json").exists)
    os.kill(first, signal.SIGKILL)
    content = (scheduled.state / "state.json").read_text()
    if left == "nothing":
        shutil.rmtree(scheduled.state)
    elif left == "half a state":
        (scheduled.state / "state.json").write_text(content[: len(content) // 2])
    assert scheduled.status()["running"] is False
    second = scheduled.start()
    assert second != first
    log = (scheduled.state / "scheduler.log").read_text()
    assert ("no usable state" in log) == (left == "half a state")
    if left == "state":
        assert len(scheduled.ask("task_list", status="", upstream_status="")) > 4
    scheduled.finish(process)


def test_a_scheduler_that_is_stopped_goes_on_where_it_was(scheduled):
    scheduled.start()
    process = scheduled.run()
    before = scheduled.ask("task_list", status="", upstream_status="")
    assert scheduled.sip("stop").returncode == 0
    assert scheduled.sip("stop").stdout == "no scheduler runs\n"
    assert scheduled.sip("status").returncode == 3
    scheduled.start()
    after = scheduled.ask("task_list", status="", upstream_status="")
    assert {name: task["status"] for name, task in after.items()} == {
        name: task["status"] for name, task in before.items()
    }
    scheduled.finish(process)


def test_one_for_a_directory(idle):
    pid = idle.start()
    again = idle.sip("start")
    assert again.returncode == 0
    assert again.stdout == f"the scheduler runs already at {idle.url} (process {pid})\n"
    other = idle.sip("run")
    assert other.returncode == 10
    assert f"runs already: process {pid} at {idle.url}" in other.stderr


def test_a_port_that_is_taken(idle):
    with socket.create_server(("127.0.0.1", idle.port)):
        for command in ("run", "start"):
            done = idle.sip(command)
            assert done.returncode == 35
            assert f"port = {idle.port}: another program listens there" in done.stderr
    assert idle.status()["running"] is False
    idle.start()


def test_a_directory_that_cannot_be_written(idle, tmp_path):
    (tmp_path / "file").write_text("")
    idle.observatory.settings["scheduler_server"]["directory"] = tmp_path / "file" / "scheduler"
    for command in ("run", "start"):
        done = idle.sip(command)
        assert done.returncode == 35
        assert "[scheduler_server] directory" in done.stderr


def test_loopback_only(idle):
    pid = idle.start()
    sockets = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir() if link.is_symlink()}
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ours = {line[1] for line in listening if line[3] == "0A" and f"socket:[{line[9]}]" in sockets}
    assert ours == {f"0100007F:{idle.port:04X}"}


def test_the_visualiser_shows_a_run_and_its_log(scheduled, tmp_path):
    scheduled.start()
    process = scheduled.run()
    # The page shows what was there when it was opened.
    scheduled.until(process, lambda: {40} <= {task["progress_percentage"] for task in scheduled.running()})
    (tmp_path / "browser").mkdir()
    with browser(tmp_path / "browser") as page:
        page.go(f"{scheduled.url}/static/visualiser/index.html#tab=workers")
        percent = page.until("document.querySelector('.taskProgressBar')?.innerText", SOON_S)
        assert percent == "40%"
        href = page.until('document.querySelector(\'a[title="Track Progress"], a[href*="/logs/"]\')?.href')
        assert href.startswith(f"{scheduled.url}/jobs/{scheduled.observatory.obs_id}/logs/preprocess.")
        page.picture(tmp_path / "workers.png")
        (root,) = [name for name in scheduled.ask("graph") if name.startswith("ImagingPipeline")]
        page.go("about:blank")
        page.go(f"{scheduled.url}/static/visualiser/index.html#tab=graph&taskId={root}")
        page.until("document.querySelectorAll('#graphPlaceholder svg circle').length >= 10")
        drawn = page.evaluate("document.querySelector('#graphPlaceholder').textContent")
        for stage in ("ImagingPipeline", "ImageBand", "Preprocess", "CopySubband"):
            assert stage in drawn
        page.picture(tmp_path / "graph.png")
        page.go(href)
        page.until(f"document.body.innerText.includes({BAR!r})")
        page.picture(tmp_path / "log.png")
        assert page.evaluate("document.contentType") == "text/plain"
    scheduled.finish(process)
