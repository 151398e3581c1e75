"""One scheduler for a directory."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from sip_luigi.domain.errors import AlreadyRunning, ConfigurationError
from sip_luigi.scheduler import lock
from sip_luigi.scheduler.lock import Holder, held, holder

URL = "http://127.0.0.1:8082"


def test_a_second_one_is_told_of_the_first(tmp_path):
    path = tmp_path / "new" / "lock"
    assert holder(path) is None
    with held(path, URL):
        assert holder(path) == Holder(os.getpid(), URL)
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()} at {URL}"), held(path, URL):
            pass
    assert holder(path) is None


def test_what_a_killed_one_left_is_no_hindrance(tmp_path):
    path = tmp_path / "lock"
    code = f"""
import pathlib, time
from sip_luigi.scheduler import lock
from sip_luigi.scheduler.lock import held
with held(pathlib.Path({str(path)!r}), {URL!r}):
    time.sleep(60)
"""
    process = subprocess.Popen((sys.executable, "-c", code))
    while holder(path) is None:
        assert process.poll() is None
        time.sleep(0.02)
    assert holder(path) == Holder(process.pid, URL)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert path.read_text(), "its note is still there"
    assert holder(path) is None
    with held(path, URL):
        assert holder(path) == Holder(os.getpid(), URL)


def test_a_process_that_has_got_the_number_of_a_dead_one_is_not_taken_for_it(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "NOTE_S", 0.2)
    path = tmp_path / "lock"
    with held(path, URL):
        path.write_text(json.dumps({"pid": os.getppid(), "url": URL}))
        started = time.monotonic()
        holder(path)
        assert time.monotonic() - started > 0.2, "it waited for the note of the one that runs"


def test_who_only_looks_is_no_hindrance(tmp_path):
    path, ended = tmp_path / "lock", threading.Event()

    def look():
        while not ended.is_set():
            holder(path)

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(50):
            with held(path, URL):
                pass
    finally:
        ended.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "url": "x", "more": 2}'])
def test_a_foreign_note_is_no_hindrance(tmp_path, content):
    path = tmp_path / "lock"
    path.write_text(content)
    assert holder(path) is None
    with held(path, URL):
        assert holder(path) == Holder(os.getpid(), URL)


def test_a_directory_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    path = tmp_path / "file" / "lock"
    with pytest.raises(ConfigurationError, match=r"\[scheduler_server\] directory"), held(path, URL):
        pass
