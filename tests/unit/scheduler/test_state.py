"""The state on disk: what was saved is what is taken up, and nothing that lies there stops a start."""

import json
import os
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scheduler_calls import add, take


@pytest.fixture
def filled(scheduler):
    add(scheduler, "last", ["first"], resources={"cpu": 1}, priority=3)
    add(scheduler, "first", retry_policy_dict={"retry_count": 7})
    add(scheduler, "other", status="FAILED", expl="why", worker="v")
    scheduler.add_task_batcher("w", "F", ["n"])
    scheduler.add_worker("w", {"workers": 2})
    scheduler.update_resource("node.cores", 48)
    assert take(scheduler) == "first"
    scheduler.set_task_progress_percentage("first", 40)
    return scheduler


@pytest.fixture
def state_text(filled):
    return filled.state_text()


def seen(scheduler):
    return json.loads(json.dumps([scheduler.graph(), scheduler.worker_list(), scheduler.resource_list()]))


def test_everything_is_there_again(filled, make):
    filled.pause()
    filled.dump()
    again = make()
    again.load()
    assert seen(again) == seen(filled)
    assert again.is_paused() == {"paused": True}
    assert again._state.get_task("first").retry_policy.retry_count == 7
    assert again._state.get_batcher("w", "F") == (["n"], float("inf"))
    again.unpause()
    add(again, "first", status="DONE")
    assert take(again) == "last"


def test_a_missing_state_is_an_empty_one(make, caplog):
    scheduler = make()
    scheduler.load()
    assert scheduler.graph() == {}
    assert not caplog.records


def everything_refused(tmp_path, caplog, make, content):
    path = tmp_path / "state.json"
    path.write_bytes(content)
    scheduler = make()
    scheduler.load()
    assert scheduler.graph() == {}
    assert "no usable state" in caplog.text
    (aside,) = tmp_path.glob("state.json.unreadable-*")
    assert aside.read_bytes() == content
    add(scheduler, "a")
    assert take(scheduler) == "a"
    scheduler.dump()
    scheduler = make()
    scheduler.load()
    assert set(scheduler.graph()) == {"a"}


class Bomb:
    def __reduce__(self):
        return os.system, ("touch exploded",)


FOREIGN = {
    "empty": b"",
    "binary": bytes(range(256)),
    "pickle": pickle.dumps(({}, {}, {})),
    "bomb": pickle.dumps(Bomb()),
    "list": b"[]",
    "number": b"1",
    "deep": b"[" * 100_000,
    "format": b'{"format": "x", "version": 1}',
    "version": b'{"format": "sip_luigi scheduler state", "version": 99}',
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_state_is_kept_aside(tmp_path, caplog, make, content, monkeypatch):
    monkeypatch.chdir(tmp_path)
    everything_refused(tmp_path, caplog, make, content)
    assert not (tmp_path / "exploded").exists()


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_state_is_kept_aside(filled, tmp_path, caplog, make, share):
    filled.dump()
    content = (tmp_path / "state.json").read_bytes()
    everything_refused(tmp_path, caplog, make, content[: int(share * len(content))])


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=2), inner, max_size=2),
    max_leaves=4,
)


def places(state):
    return [state, state["extra"], *state["tasks"], *state["workers"]]


def refused_or_harmless(make, state):
    scheduler = make()
    scheduler.state_file.write(json.dumps(state))
    scheduler.load()
    for worker in (*scheduler.state.get_worker_ids(), "w"):
        scheduler.get_work(worker=worker, host="here")
        scheduler.count_pending(worker)
    scheduler.prune()
    json.dumps([scheduler.graph(), scheduler.worker_list()])
    scheduler.dump()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(data=st.data(), value=junk)
def test_a_value_that_is_wrong_is_refused_or_harmless(state_text, make, data, value):
    state = json.loads(state_text)
    place = data.draw(st.sampled_from(places(state)))
    place[data.draw(st.sampled_from(sorted(place)))] = value
    refused_or_harmless(make, state)


@pytest.mark.parametrize("value", [None, True, 1, "x", [], ["x"], {}, {"x": None}], ids=repr)
def test_every_value_may_be_wrong(state_text, make, value):
    whole = json.loads(state_text)
    for number, place in enumerate(places(whole)):
        for name in place:
            state = json.loads(state_text)
            places(state)[number][name] = value
            refused_or_harmless(make, state)


def test_a_disk_that_cannot_be_written_leaves_the_old_state(filled, tmp_path, caplog, monkeypatch):
    filled.dump()
    before = (tmp_path / "state.json").read_bytes()
    monkeypatch.setattr("sip_luigi.node.files.os.fsync", fail)
    add(filled, "more")
    filled.dump()
    assert "could not be saved: [Errno 28]" in caplog.text
    assert (tmp_path / "state.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["state.json"]


def fail(descriptor):
    raise OSError(28, "No space left on device")
