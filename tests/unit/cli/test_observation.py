"""``sip plan`` and ``sip retry``, with raw data that are looked at only."""

import json

import pytest

from sip_luigi.cli.plan import show
from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.execution.losses import LossRecords
from sip_luigi.operation.observation import look

NAMES = ["SAP000_SB000", "SAP000_SB001"]


@pytest.fixture
def found(here):
    for name in NAMES:
        folder = here.storage / f"{here.obs_id}_{name}_uv.MS"
        folder.mkdir()
        (folder / "table.dat").write_bytes(b"x")
    return here


@pytest.fixture
def lost(found):
    """Two losses that were recorded."""
    losses = LossRecords(found.job / "losses")
    for name in (f"preprocess.{NAMES[1]}", f"copy.{NAMES[0]}"):
        losses.record(name, Manifest("k", name, 1, loss=Loss(name, "no rows")))
    return losses


def test_a_plan(sip, found):
    done = sip("plan", found.obs_id, "--json")
    assert (done.exit_code, done.stderr) == (0, "")
    plan = json.loads(done.stdout)
    assert [row["subband"] for row in plan["subbands"]] == NAMES
    first = plan["subbands"][0]
    assert first["raw"] == f"localhost:{found.storage}/{found.obs_id}_{NAMES[0]}_uv.MS"
    assert (first["node"], first["reason"]) == ("localhost", "its raw data lie there")
    assert first["to_make"] == ["describe", "copy", "preprocess", "calibrate.cycle0", "gather.cycle0"]
    assert plan["band"]["to_make"][0] == "gvds"
    assert plan["band"]["to_make"][-2:] == ["deliver", "update_database"]
    assert plan["kept_out"] == {}
    assert plan["preprocessing"] == [], "nothing is decided of what has not been described"


def test_nothing_is_written(sip, found):
    before = files(found.directory)
    for options in ((), ("--commands",), ("--json",)):
        assert sip("plan", found.obs_id, *options).exit_code == 0
    after = files(found.directory)
    assert after.keys() - before.keys() == set()
    assert before.items() <= after.items(), "nothing is changed either"


def files(folder):
    """Every file and folder with what tells a change; the configuration is written by the test."""
    return {
        path: (path.stat().st_mtime_ns, path.stat().st_size)
        for path in folder.rglob("*")
        if path.suffix not in (".cfg", ".clusterdesc")
    }


def test_a_plan_for_people(sip, found):
    done = sip("plan", found.obs_id)
    assert done.exit_code == 0
    for part in (*NAMES, "its raw data lie there", "describe, copy, preprocess, calibrate.cycle0", "band"):
        assert part in done.stdout
    assert "A-team and averaging of 2 subbands are decided when they have been described" in done.stdout


def test_what_is_kept_out_is_said(sip, found):
    sip("plan", found.obs_id)
    sip("cluster", "drain", "localhost", "--reason", "new disk")
    done = sip("plan", found.obs_id)
    assert done.exit_code == 30, "no other node takes work"
    assert "localhost: drained: new disk" in done.stderr
    assert "sip cluster resume NODE" in done.stderr


@pytest.mark.parametrize("arguments", [("plan",), ("retry", "--lost")])
@pytest.mark.parametrize(
    ("obs_id", "message"),
    [
        ("L404", "UnknownObservation: observation L404: no L404_SAP*_SB*_uv.MS on localhost:"),
        ("L1;reboot", "ConfigurationError: observation id 'L1;reboot': expected letters"),
        ("../L1", "ConfigurationError: observation id '../L1': expected letters"),
    ],
)
def test_observations_that_there_are_not(sip, found, arguments, obs_id, message):
    done = sip(arguments[0], obs_id, *arguments[1:])
    assert done.exit_code == 35
    assert done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1, "one message, no traceback"
    assert done.stdout == ""


def test_a_storage_disk_that_is_not_mounted(sip, found):
    found.storage.rename(found.directory / "unmounted")
    done = sip("plan", found.obs_id)
    assert done.exit_code == 30
    assert done.stderr.startswith("TransportError: localhost: storage disk")


def test_retry_strikes_what_was_lost(sip, lost, found):
    done = sip("retry", found.obs_id, "--lost")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"struck: copy.{NAMES[0]}",
        f"struck: preprocess.{NAMES[1]}",
        f"now run: luigi --module sip_luigi ImagingPipeline --obs-id {found.obs_id}",
    ]
    lost.forget()
    assert lost.all() == {}
    again = sip("retry", found.obs_id, "--lost")
    assert (again.exit_code, "struck" in again.stdout) == (0, False)


def test_retry_has_to_be_meant(sip, lost, found):
    done = sip("retry", found.obs_id)
    assert done.exit_code == 2
    assert "--lost" in done.stderr
    lost.forget()
    assert len(lost.all()) == 2


def test_help_and_unknown_commands(sip):
    done = sip("--help")
    assert done.exit_code == 0
    for command in ("plan", "retry", "cluster", "simulate"):
        assert command in done.stdout
    assert sip("plann").exit_code == 2


def test_brackets_are_no_markup(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "300")
    row = {"subband": "a", "raw": "lse001:/data/[/x]/a", "node": "n", "reason": "r", "to_make": []}
    band = {"node": "lce001", "reason": "[cluster] imaging_node", "to_make": []}
    show(
        {
            **{"obs_id": "L1", "subbands": [row], "band": band, "calibrator": None, "preprocessing": []},
            **{"stages": [], "disks": [], "kept_out": {}, "commands": [], "complete": True},
        }
    )
    shown = capsys.readouterr().out
    assert "[cluster] imaging_node" in shown
    assert "lse001:/data/[/x]/a" in shown


def test_why_and_what_is_not_known(sip, found):
    plan = json.loads(sip("plan", found.obs_id, "--json").stdout)
    stages = {row["stage"]: row for row in plan["stages"]}
    assert (stages["copy"]["tasks"], stages["copy"]["make"]) == (2, 2)
    assert stages["copy"]["reasons"] == [{"text": "not made yet", "tasks": 2}]
    assert "update_database" in stages
    assert plan["time"]["expected_s"] is None
    assert plan["time"]["problem"] == "no run has been recorded yet"
    (disk,) = plan["disks"]
    assert disk["enough"]
    assert "expected time: not known: no run has been recorded yet" in sip("plan", found.obs_id).stdout


def test_a_calibrator_is_planned_too(sip, found):
    other = found.storage / "L900776_SAP000_SB000_uv.MS"
    other.mkdir()
    (other / "table.dat").write_bytes(b"x")
    LossRecords(found.job / "losses").record(
        f"copy.{NAMES[0]}", Manifest("old", "copy", 1, loss=Loss("copy", "no rows"))
    )
    plan = json.loads(sip("plan", found.obs_id, "--calibrator-obs-id", "L900776", "--json").stdout)
    assert plan["calibrator"]["obs_id"] == "L900776"
    rows = {(row["obs_id"], row["stage"]): row for row in plan["stages"]}
    assert rows["L900776", "solve_calibrator"]["make"] == 1
    assert rows["L900776", "copy"]["reasons"] == [{"text": "not made yet", "tasks": 1}], (
        "the loss is the target's"
    )
    assert rows[found.obs_id, "calibrate.cycle0"]["make"] == 2
    assert "L900776: solve_calibrator" in sip("plan", found.obs_id, "--calibrator-obs-id", "L900776").stdout
    assert not found.job.parent.joinpath("L900776").exists()


def test_what_was_lost_is_told_of(sip, found):
    losses = LossRecords(found.job / "losses")
    losses.record(f"copy.{NAMES[0]}", Manifest("old", "copy", 1, loss=Loss("copy", "no rows")))
    plan = json.loads(sip("plan", found.obs_id, "--json").stdout)
    (row,) = (row for row in plan["stages"] if row["stage"] == "copy")
    texts = [entry["text"] for entry in row["reasons"]]
    assert any(text.startswith("was lost in copy: no rows; made with other settings") for text in texts)


def test_close_ids_are_suggested(sip, found):
    done = sip("plan", found.obs_id[:-1] + "8")
    assert done.exit_code == 35
    assert f"did you mean {found.obs_id}?" in done.stderr
    assert "did you mean" not in sip("plan", "XYZ").stderr


def test_retry_from_a_stage(sip, found):
    before = keys(sip, found)
    done = sip("retry", found.obs_id, "--from", "calibrate")
    assert done.exit_code == 0
    assert done.stdout.startswith("asked for afresh: calibrate, image_subband, gather, image_band")
    after = keys(sip, found)
    assert after["preprocess"] == before["preprocess"]
    assert after["calibrate"] != before["calibrate"]
    assert after["deliver"] != before["deliver"]
    assert keys(sip, found) == after
    assert json.loads((found.job / "again.json").read_text()) == {"Calibrate": 1}
    sip("retry", found.obs_id, "--from", "Calibrate")
    assert keys(sip, found)["calibrate"] not in (before["calibrate"], after["calibrate"])


def keys(sip, found):
    """Key of a task of each stage."""
    sip("plan", found.obs_id)
    return {task.stage: task.key for task in look(found.obs_id).tasks}


def test_a_stage_that_there_is_not(sip, found):
    done = sip("retry", found.obs_id, "--from", "calibrat")
    assert (done.exit_code, done.stdout) == (35, "")
    assert "no stage 'calibrat'; did you mean calibrate?" in done.stderr


def test_an_unfinished_observation_is_not_cleaned(sip, found):
    done = sip("clean", found.obs_id, "--yes")
    assert done.exit_code == 30
    assert done.stderr.startswith(f"NotFinished: {found.obs_id} is not finished")
    assert f"sip plan {found.obs_id}" in done.stderr


def test_nothing_to_cancel(sip, found):
    assert sip("cancel", found.obs_id).exit_code == 35, "nothing was ever run"
    found.job.mkdir(parents=True)
    done = sip("cancel", found.obs_id)
    assert done.exit_code == 0
    assert f"nothing of {found.obs_id} was running" in done.stdout


def test_status_of_what_waits(sip, found):
    done = sip("status", found.obs_id, "--json")
    status = json.loads(done.stdout)
    assert (status["state"], status["running"], status["verdict"]) == ("waiting", [], None)
    assert status["counts"]["pending"] == sum(row["pending"] for row in status["stages"])
    shown = sip("status", found.obs_id).stdout
    assert "go on with: luigi --module sip_luigi ImagingPipeline" in shown
    assert not found.job.exists(), "looking writes nothing"


def test_status_of_all(sip, found, lost):
    assert "preprocess" not in sip("status").stdout
    (row,) = json.loads(sip("status", "--json").stdout)["observations"]
    assert (row["obs_id"], row["state"], row["losses"]) == (found.obs_id, "begun", 0)


def test_logs(sip, found):
    folder = found.job / "logs"
    folder.mkdir(parents=True)
    (folder / "pipeline.log").write_text("".join(f"line {n}\n" for n in range(100)))
    for name in NAMES:
        (folder / f"preprocess.{name}.log").write_text(f"of {name}\n")
    assert sip("logs", found.obs_id).stdout.splitlines()[0] == "line 60"
    assert sip("logs", found.obs_id, "-n", "0").stdout.splitlines()[0] == "line 0"
    both = sip("logs", found.obs_id, "preprocess").stdout
    assert all(f"== preprocess.{name} ==" in both and f"of {name}" in both for name in NAMES)
    assert sip("logs", found.obs_id, "preprocess", NAMES[1]).stdout == f"of {NAMES[1]}\n"
    assert json.loads(sip("logs", found.obs_id, "preprocess", NAMES[1], "--json").stdout)["logs"][0][
        "text"
    ] == (f"of {NAMES[1]}\n")
    unknown = sip("logs", found.obs_id, "calibrate")
    assert unknown.exit_code == 35
    assert "no log of calibrate; there are logs of pipeline, preprocess" in unknown.stderr


def test_logs_of_what_failed(sip, found):
    (found.job / "logs").mkdir(parents=True)
    assert sip("logs", found.obs_id, "--failed").stdout == "nothing failed\n"
    (found.job / "logs" / f"preprocess.{NAMES[1]}.log").write_text("DP3 was sad\n")
    (found.job / "logs" / f"preprocess.{NAMES[0]}.log").write_text("DP3 was glad\n")
    loss = Loss("preprocess", "all flagged")
    for name in (f"preprocess.{NAMES[1]}", f"calibrate.{NAMES[1]}.cycle0"):
        LossRecords(found.job / "losses").record(name, Manifest("k", "preprocess", 1, loss=loss))
    shown = sip("logs", found.obs_id, "--failed").stdout
    assert "failed: all flagged\nDP3 was sad" in shown
    assert "glad" not in shown
