"""Small files are whole, and what dead writers left goes."""

import os
import subprocess

import pytest

from sip_luigi.node.files import own_part, sweep, write_atomically, written_whole


@pytest.fixture
def dead_pid():
    """Pid of a process that has ended."""
    process = subprocess.Popen(("true",))
    process.wait()
    return process.pid


def test_what_is_not_finished_leaves_nothing(tmp_path):
    with pytest.raises(KeyError), written_whole(tmp_path / "a") as part:
        part.write_text("half")
        raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_writer_takes_away_what_dead_ones_left(tmp_path, dead_pid):
    path = tmp_path / "[a].json"
    (tmp_path / f"[a].json.part-{dead_pid}-01234567").write_text("half")
    (tmp_path / f"[a].json.part-{dead_pid}-89abcdef").mkdir()
    kept = [tmp_path / f"[a].json.part-{os.getpid()}-01234567", tmp_path / f"b.json.part-{dead_pid}-01234567"]
    for other in kept:
        other.write_text("of somebody else")
    write_atomically(path, "whole")
    assert sorted(tmp_path.iterdir()) == sorted([path, *kept])
    assert path.read_text() == "whole"


def test_parts_of_jobs_are_not_swept(tmp_path):
    (tmp_path / "a.part-12345678").write_text("a job's")
    sweep(tmp_path / "a")
    assert len(list(tmp_path.iterdir())) == 1


def test_no_two_parts_are_the_same(tmp_path):
    assert own_part(tmp_path / "a") != own_part(tmp_path / "a")
