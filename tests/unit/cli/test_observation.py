"""``sip plan`` and ``sip retry``, with raw data that are looked at only."""

import json

import pytest

from sip_luigi.cli.observation import _show
from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.execution.losses import LossRecords

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
    assert plan["band"]["to_make"][-1] == "deliver"
    assert plan["kept_out"] == {}
    assert plan["preprocessing"] == [], "nothing is decided of what has not been described"


def test_nothing_is_dispatched(sip, found):
    sip("plan", found.obs_id)
    assert not found.scratch.exists()
    assert sorted(path.name for path in found.job.iterdir()) == [
        ".placement.json.lock",
        "logs",
        "placement.json",
        "skymodels",
    ]
    assert [path.name for path in (found.job / "skymodels").iterdir()] == [f"{found.obs_id}.choice.json"]


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
    _show({"subbands": [row], "band": band, "preprocessing": [], "kept_out": {}})
    shown = capsys.readouterr().out
    assert "[cluster] imaging_node" in shown
    assert "lse001:/data/[/x]/a" in shown
