"""A process is named by its pid and when it started."""

import os
import shutil
import subprocess
import time

import pytest

from sip_luigi.node.process import process_start_time


@pytest.fixture
def sleeper():
    started = []

    def start(program="sleep"):
        started.append(subprocess.Popen((program, "60")))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.wait()


def since_boot():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def test_when_it_started(sleeper):
    before = since_boot()
    ticks = process_start_time(sleeper().pid)
    tick_s = 1.0 / os.sysconf("SC_CLK_TCK")
    assert before - tick_s <= int(ticks) * tick_s <= since_boot() + tick_s


def test_a_name_that_looks_like_more_fields(sleeper, tmp_path):
    program = tmp_path / "x) Z (y 1 2"
    shutil.copy(shutil.which("sleep"), program)
    before = since_boot()
    pid = sleeper(str(program)).pid
    time.sleep(0.05)
    assert int(process_start_time(pid)) / os.sysconf("SC_CLK_TCK") >= before - 0.02


def test_one_that_has_ended_does_not_run(sleeper):
    process = sleeper()
    assert process_start_time(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert process_start_time(process.pid) == "", "a zombie"
    process.wait()
    assert process_start_time(process.pid) == ""


def test_a_name_that_is_no_text(tmp_path):
    program = os.fsencode(tmp_path) + b"/\xff"
    shutil.copy(shutil.which("sleep"), program)
    process = subprocess.Popen((program, "60"))
    try:
        assert process_start_time(process.pid)
    finally:
        process.kill()
        process.wait()
