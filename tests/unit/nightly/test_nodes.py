"""Compute nodes that fail in one observation after the other are put in quarantine."""

import json

import pytest

from sip_luigi.domain.product import Loss
from sip_luigi.execution.nodestates import DRAINED, QUARANTINED, UNREACHABLE
from sip_luigi.nightly.night import Night
from sip_luigi.tasks.job_directories import job_layout

CRASH = Loss("calibrate", "DP3 crashed", "bug")


@pytest.fixture
def night(site, tmp_path):
    made = site(nightly={"quarantine_after": 2})
    text = (tmp_path / "test.clusterdesc").read_text().replace("[ c1 ]", "[ c1, c2, c3 ]")
    (tmp_path / "test.clusterdesc").write_text(text)
    return Night(made)


def judge(night, obs_id, **losses):
    layout = job_layout(night.settings, obs_id)
    layout.directory.mkdir(parents=True, exist_ok=True)
    places = {"SB1": "c1", "SB2": "c2", "SB3": "c3", "band": "c1"}
    text = json.dumps({name: {"node": node, "reason": ""} for name, node in places.items()})
    (layout.directory / "placement.json").write_text(text)
    night.folder.mkdir(parents=True, exist_ok=True)
    return night.nodes.judge(layout, losses)


def test_the_second_time(night):
    assert judge(night, "L1", SB2=CRASH) == []
    assert judge(night, "L2", SB2=CRASH, SB3=Loss("copy", "damaged", "data")) == ["c2"]
    state = night.states.read()["c2"]
    assert state.state == QUARANTINED
    assert state.reason == "failed in 2 observations one after the other: SB2 lost in calibrate: DP3 crashed"
    ending = night.run()
    assert ending.digest.quarantine == {"c2": state.reason}
    assert not ending.news, "it was told in the night in which it happened"
    assert judge(night, "L3", SB3=CRASH) == []
    assert judge(night, "L4", SB3=CRASH) == [], "half of the nodes stay"


def test_one_that_works_in_between(night):
    for obs_id, losses in (("L1", {"SB2": CRASH}), ("L2", {}), ("L3", {"SB2": CRASH})):
        assert judge(night, obs_id, **losses) == []


def test_one_that_comes_and_goes(night):
    night.states.keep_out("c3", UNREACHABLE, "no answer")
    assert judge(night, "L1") == []
    assert judge(night, "L2") == ["c3"]
    night.states.give_back("c3", UNREACHABLE)
    assert night.states.read()["c3"].state == QUARANTINED, "an answer alone does not bring it back"


def test_an_operator_has_the_last_word(night):
    night.states.keep_out("c2", DRAINED, "new disk")
    for obs_id in ("L1", "L2", "L3"):
        assert judge(night, obs_id, SB2=CRASH) == []
    assert night.states.read()["c2"].reason == "new disk"
    night.states.give_back("c2")
    night.states.keep_out("c2", QUARANTINED, "again and again")
    night.states.keep_out("c2", DRAINED, "new disk")
    assert night.states.read()["c2"].state == DRAINED
