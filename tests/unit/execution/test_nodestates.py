"""Nodes that are kept out, and the places that are kept."""

from concurrent.futures import ProcessPoolExecutor

from sip_luigi.domain.placement import Place
from sip_luigi.execution.nodestates import DRAINED, UNREACHABLE, NodeStates
from sip_luigi.execution.placement import PlacementRecord


def test_out_and_back(tmp_path):
    states = NodeStates(tmp_path / "cluster" / "nodes.json")
    assert states.read() == {}
    states.keep_out("lce001", DRAINED, "new disk")
    assert states.read()["lce001"].reason == "new disk"
    states.keep_out("lce001", UNREACHABLE, "no answer")
    assert states.read()["lce001"].state == DRAINED, "what an operator said stays"
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


def test_places_are_kept(tmp_path):
    record = PlacementRecord(tmp_path / "placement.json")
    places = {"SB000": Place("lce001", "first")}
    assert record.read() == {}
    assert record.update(lambda before: {**before, **places}) == places
    assert record.read() == places
    stamp = record.path.stat().st_mtime_ns
    record.update(lambda before: before)
    assert record.path.stat().st_mtime_ns == stamp
