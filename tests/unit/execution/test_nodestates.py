"""Nodes that are kept out."""

from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

from sip_luigi.execution.nodestates import DRAINED, UNFIT, UNREACHABLE, NodeStates


def test_out_and_back(tmp_path):
    states = NodeStates(tmp_path / "cluster" / "nodes.json")
    assert states.read() == {}
    states.keep_out("lce001", DRAINED, "new disk")
    assert states.read()["lce001"].reason == "new disk"
    states.keep_out("lce001", UNREACHABLE, "no answer")
    assert states.read()["lce001"].state == DRAINED, "what an operator said stays"
    assert states.read()["lce001"].silent
    states.give_back("lce001", UNREACHABLE)
    assert states.read()["lce001"].state == DRAINED
    assert not states.read()["lce001"].silent
    assert not states.give_back("lce001", UNREACHABLE)
    assert states.give_back("lce001")
    assert not states.give_back("lce001")
    assert states.read() == {}


def test_a_damaged_record_keeps_nobody_out(tmp_path):
    path = tmp_path / "nodes.json"
    for text in ("", "[]", '{"a": 1}', '{"a": {"state": "x"}}'):
        path.write_text(text)
        assert NodeStates(path).read() == {}


def _keep_out(arguments):
    path, name = arguments
    NodeStates(path).keep_out(name, DRAINED, "")


def test_writers_take_turns(tmp_path):
    path = tmp_path / "nodes.json"
    names = [f"lce{number:03d}" for number in range(20)]
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_keep_out, [(path, name) for name in names]))
    assert sorted(NodeStates(path).read()) == names


def test_an_operator_has_the_last_word(tmp_path):
    states = NodeStates(tmp_path / "nodes.json")
    states.keep_out("lce001", UNREACHABLE, "no answer")
    states.keep_out("lce001", UNREACHABLE, "no answer again")
    assert states.read()["lce001"].reason == "no answer", "what was found first stays"
    states.keep_out("lce001", DRAINED, "new disk")
    assert states.read()["lce001"].state == DRAINED
    states.keep_out("lce001", DRAINED, "new disks")
    assert states.read()["lce001"].reason == "new disks"


def test_one_given_back_leaves_the_others_out(tmp_path):
    states = NodeStates(tmp_path / "nodes.json")
    before = datetime.now(UTC).replace(microsecond=0)
    for name in ("lce001", "lce002"):
        states.keep_out(name, UNREACHABLE, "no answer")
    assert states.give_back("lce001", UNREACHABLE)
    assert set(states.read()) == {"lce002"}
    assert before <= datetime.fromisoformat(states.read()["lce002"].since) <= datetime.now(UTC)


def test_a_node_that_lacks_something_and_is_silent_has_to_mend_both(tmp_path):
    states = NodeStates(tmp_path / "nodes.json")
    states.keep_out("lce001", UNFIT, "no wsclean")
    assert not states.give_back("lce001", UNREACHABLE), "that it answers is not enough"
    states.keep_out("lce001", UNREACHABLE, "no answer")
    states.keep_out("lce001", UNFIT, "no rsync")
    assert (states.read()["lce001"].reason, states.read()["lce001"].silent) == ("no wsclean", True)
    states.give_back("lce001", UNREACHABLE)
    assert states.read()["lce001"].state == UNFIT
    states.keep_out("lce001", DRAINED, "new disk")
    assert not states.give_back("lce001", UNFIT), "an operator has said so"
    assert states.read()["lce001"].state == DRAINED


def test_draining_a_silent_node_does_not_make_it_answer(tmp_path):
    states = NodeStates(tmp_path / "nodes.json")
    states.keep_out("lce001", UNREACHABLE, "no answer")
    states.keep_out("lce001", DRAINED, "new disk")
    assert states.read()["lce001"].silent
