"""What is to blame where the main command fails."""

import json

import pytest

from sip_luigi.domain.errors import DiskFull, ProgramError, QuorumLost, TransportError
from sip_luigi.domain.observation import JobLayout
from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.execution.failures import Failure, failures_since, note_failure, size_of
from sip_luigi.execution.losses import LossRecords
from sip_luigi.nightly.attempt import Attempt, blame, repeat
from sip_luigi.nightly.state import DEGRADED, DONE, FAILED


@pytest.fixture
def layout(tmp_path):
    made = JobLayout(tmp_path, "L1")
    for folder in (made.results, made.logs):
        folder.mkdir()
    return made


def lose(layout, name, cause, stage="calibrate"):
    loss = Loss(stage, f"{cause} of {name}\nand more", cause)
    LossRecords(layout.losses).record(name, Manifest("key", stage, 1, loss=loss))


def failure(error, task="image_band"):
    return Failure(task, type(error).__name__, error.cause, str(error), "")


def judged(layout, status, *errors, said=""):
    return Attempt(layout, (), 10.0).judge(status, [failure(error) for error in errors], said)


@pytest.mark.parametrize(
    ("status", "said", "cause", "reason"),
    [
        (None, "", "bug", "ended after 60 s: [nightly] time_limit_s"),
        (-9, "", "transient", "the main command was ended by SIGKILL"),
        (40, "INFO: x\nlast words\n\n", "transient", "exit status 40: last words"),
        (25, "", "transient", "exit status 25: it said nothing"),
        (1, "Traceback", "bug", "exit status 1: Traceback"),
        (35, "ConfigurationError: no such key\n", "configuration", "no such key"),
        (
            30,
            "INFO: Error\nTransportError: lse001 is away; see\n  more\n",
            "transient",
            "lse001 is away; see",
        ),
        (35, "ValueError: x\nHostKeyError: unknown\n", "configuration", "unknown"),
    ],
)
def test_by_exit_status_and_last_words(status, said, cause, reason):
    assert blame(status, [], said, 60.0) == (cause, reason)


def test_by_what_failed_the_worst_first():
    failures = [
        failure(TransportError("away"), "copy"),
        failure(ProgramError("crash\nwith tail"), "calibrate"),
    ]
    assert blame(30, failures, "", 60.0) == ("bug", "calibrate: crash")
    assert blame(30, failures[:1], "", 60.0) == ("transient", "copy: away")


def test_results_that_stand(layout):
    figures = {"outcome": "full", "verdict": "good"}
    (layout.results / "quality.json").write_text(json.dumps(figures))
    found = judged(layout, 0)
    assert (found.outcome, found.cause, found.figures) == (DONE, "", figures)


@pytest.mark.parametrize("text", [None, "", '{"outcome": "abandoned"}'])
def test_an_exit_status_of_0_is_no_result(layout, text):
    if text is not None:
        layout.quality.write_text(text)
    found = judged(layout, 0)
    assert (found.outcome, found.cause, found.figures) == (FAILED, "bug", {})
    assert "quality.json tells of no results" in found.reason


def test_degraded_by_what_may_be_mended(layout):
    (layout.results / "quality.json").write_text('{"outcome": "degraded"}')
    lose(layout, "calibrate.SAP000_SB001", "data")
    lose(layout, "calibrate.SAP000_SB002.cycle0", "resources")
    lose(layout, "gather.SAP000_SB002.cycle0", "resources")
    found = judged(layout, 0)
    assert (found.outcome, found.cause) == (DEGRADED, "resources")
    assert found.reason.startswith("SAP000_SB002 lost in calibrate (and 1 more): resources of ")
    assert "\n" not in found.reason
    Attempt(layout, (), 10.0).strike_losses()
    assert set(LossRecords(layout.losses).lost()) == {"calibrate.SAP000_SB001"}


def test_abandoned(layout):
    (layout.results / "quality.json").write_text('{"outcome": "abandoned"}')
    lose(layout, "describe.SAP000_SB001", "data", "describe")
    lose(layout, "gvds", "data", "gvds")
    found = judged(layout, 30, QuorumLost("too few"))
    assert (found.outcome, found.cause, found.figures) == (FAILED, "data", {})
    assert found.reason.startswith("too few subbands are left: SAP000_SB001 lost in describe: data")


def test_an_old_result_is_none_of_this_attempt(layout):
    (layout.results / "quality.json").write_text('{"outcome": "full"}')
    found = judged(layout, 30, DiskFull("no room"))
    assert (found.outcome, found.cause, found.figures) == (FAILED, "resources", {})


def test_commands_that_repeat_it():
    assert repeat("L1", [], "") == "luigi --module sip_luigi ImagingPipeline --obs-id L1"
    assert repeat("L1", ["SB0"], "http://h:1") == (
        "sip retry L1 --lost && luigi --module sip_luigi ImagingPipeline --obs-id L1 --scheduler-url http://h:1"
    )


def test_the_record_of_failures(tmp_path):
    path = tmp_path / "logs" / "failures.jsonl"
    assert size_of(path) == 0
    assert failures_since(path, 0) == []
    note_failure(path, "copy", TransportError("before"))
    begin = size_of(path)
    note_failure(path, "image", OSError(28, "No space left on device"))
    note_failure(path, "image", KeyError("x"))
    with path.open("a") as record:
        record.write('{"task": "half a li')
    found = failures_since(path, begin)
    assert [(one.task, one.error, one.cause) for one in found] == [
        ("image", "OSError", "resources"),
        ("image", "KeyError", "bug"),
    ]
