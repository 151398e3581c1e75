"""What a node says of itself, with programs that are real and odd."""

import os
import platform
import time

import pytest

from sip_luigi import __version__
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.node import check as module
from sip_luigi.node.check import check

DAY_S = 86400.0


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Make a program that is found by its name."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    def make(name, text, first="#!/bin/sh\n"):
        path = folder / name
        path.write_text(first + text)
        path.chmod(0o755)
        return path

    return make


def program_of(name):
    return check({"programs": [name], "disks": []})["programs"][name]


def peers_of(*peers, **request):
    return check({"programs": [], "disks": [], "peers": list(peers), **request})["peers"]


def test_what_there_is(tmp_path):
    before = time.time()
    found = check({"programs": [], "disks": [str(tmp_path)]})
    assert before <= found["time_s"] <= time.time()
    assert (found["python"], found["sip_luigi"]) == (platform.python_version(), __version__)
    assert found["cores"] == len(os.sched_getaffinity(0))
    assert found["disks"][str(tmp_path)]["writable"]
    assert found["peers"] == {}


@pytest.mark.parametrize(
    ("name", "text", "version"),
    [
        ("dp3", 'echo "DP3 6.6.0"', "6.6.0"),
        ("dp3", 'echo "DP3 6.6.0-rc1 (2024)" >&2; exit 1', "6.6.0-rc1"),
        ("dp3", "echo version 7", ""),
        ("wsclean", '[ "$1" = -version ] && echo "WSClean version 3.1 "', "3.1"),
        ("dp3", '[ "$1" = --version ] && [ "$OPENBLAS_NUM_THREADS" = 1 ] && echo 1.2', "1.2"),
        ("dp3", 'grep -q measures.directory "$CASARCFILES" && echo 1.2', "1.2"),
    ],
)
def test_a_program_and_its_version(program, name, text, version):
    path = program(name, text)
    assert program_of(name) == {"path": str(path), "version": version}


def test_programs_that_are_not_there_or_do_not_run(program):
    assert program_of("no-such-program") is None
    program("broken", "echo no tables here >&2; exit 3")
    assert program_of("broken")["error"] == "no tables here"
    program("foreign", "\0\1\2", first="")
    assert "Exec format error" in program_of("foreign")["error"]


def test_measures_tables_of_the_installed_casacore():
    found = check({"programs": [], "disks": []})["measures"]
    assert found["directory"].endswith("casacore/data")
    assert 0 <= found["age_days"] < 10000


@pytest.fixture
def measures(tmp_path, monkeypatch):
    """A directory in the place of casacore's measures tables."""
    folder = tmp_path / "data"
    folder.mkdir()
    monkeypatch.setattr(module, "casarc_text", lambda: f"measures.directory: {folder}\n")
    return folder


def test_the_newest_table_tells_their_age(measures):
    for name, age_days in (("TAI_UTC", 30), ("IERSeop97", 10), ("Lines", 300)):
        table = measures / "geodetic" / name / "table.dat"
        table.parent.mkdir(parents=True)
        table.touch()
        os.utime(table, (time.time() - age_days * DAY_S,) * 2)
    assert check({"programs": [], "disks": []})["measures"]["age_days"] == pytest.approx(10, abs=0.01)


def test_no_measures_tables(measures, monkeypatch, program):
    assert check({"programs": [], "disks": []})["measures"] == {"error": f"no tables in {measures}"}

    def missing():
        raise ConfigurationError("not installed")

    monkeypatch.setattr(module, "casarc_text", missing)
    program("dp3", "echo 1.0.0")
    found = check({"programs": ["dp3"], "disks": []})
    assert found["measures"] == {"error": "not installed"}
    assert found["programs"]["dp3"]["version"] == "1.0.0", "the rest is told all the same"


SSH = """\
for word; do case $word in
    lse001) exit 0 ;;
    lse002) echo Host key verification failed. >&2; exit 255 ;;
    lse003) exit 127 ;;
    lse004) exec sleep 30 ;;
    /nowhere/config) echo "no such file: $word" >&2; exit 1 ;;
esac done
"""


def test_nodes_from_which_it_copies(program, monkeypatch):
    monkeypatch.setattr(module, "PEER_TIMEOUT_S", 0.5)
    program("ssh", SSH)
    began = time.monotonic()
    found = peers_of("lse003", "lse001", "lse002", "lse004")
    assert found.pop("lse004").endswith("timed out after 0.5 seconds")
    assert found == {
        "lse001": "",
        "lse002": "Host key verification failed.",
        "lse003": "exit status 127",
    }
    assert time.monotonic() - began < 5
    assert peers_of("lse001", ssh_config="/nowhere/config") == {"lse001": "no such file: /nowhere/config"}


def test_nodes_that_are_asked_at_the_same_time(program):
    program("ssh", "sleep 0.4")
    began = time.monotonic()
    assert set(peers_of(*(f"lse{number:03d}" for number in range(6))).values()) == {""}
    assert time.monotonic() - began < 1.5


def test_without_ssh(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "No such file" in peers_of("lse001")["lse001"]
