"""`sip scheduler` where none runs."""

import json


def test_status(sip, here):
    done = sip("scheduler", "status")
    assert done.exit_code == 3
    assert done.output == "no scheduler runs; start it: sip scheduler start\n"
    done = sip("scheduler", "status", "--json")
    assert done.exit_code == 3
    assert json.loads(done.output) == {
        **{"running": False, "answers": False, "pid": None, "url": "http://127.0.0.1:8082"},
        "directory": str(here.directory / "runtime" / "scheduler"),
    }


def test_stop(sip):
    done = sip("scheduler", "stop")
    assert (done.exit_code, done.output) == (0, "no scheduler runs\n")
