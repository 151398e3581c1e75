"""Places that were given are kept, whoever writes."""

import json
import threading
from concurrent.futures import ProcessPoolExecutor

import pytest

from sip_luigi.domain.placement import Place
from sip_luigi.execution.placement import PlacementRecord


@pytest.fixture
def record(tmp_path):
    return PlacementRecord(tmp_path / "jobs" / "L1" / "placement.json")


def test_places_are_kept(record):
    places = {"SB000": Place("lce001", "first")}
    assert record.read() == {}
    assert record.update(lambda before: {**before, **places}) == places
    assert record.read() == places
    stamp = record.path.stat().st_mtime_ns
    record.update(lambda before: before)
    assert record.path.stat().st_mtime_ns == stamp
    record.update(lambda before: {})
    assert record.read() == {}


@pytest.mark.parametrize("text", ["", "[]", '{"SB000": 1}', '{"SB000": {"node": "lce001"}}', "{", "\xff"])
def test_a_damaged_record_is_written_anew(record, text):
    record.update(lambda before: {"SB000": Place("lce001", "")})
    record.path.write_bytes(text.encode("latin-1"))
    assert record.read() == {}
    record.update(lambda before: {**before, "SB001": Place("lce002", "")})
    assert set(json.loads(record.path.read_text())) == {"SB001"}


def test_who_cannot_decide_changes_nothing(record):
    record.update(lambda before: {"SB000": Place("lce001", "")})

    def refuse(before):
        raise ValueError

    with pytest.raises(ValueError):
        record.update(refuse)
    assert set(record.read()) == {"SB000"}
    assert set(record.update(lambda before: before)) == {"SB000"}, "the lock is free"


def test_nobody_decides_while_another_does(record):
    gate, decided = threading.Event(), threading.Event()

    def slow(before):
        gate.wait(5)
        return {**before, "SB000": Place("lce001", "")}

    def quick(before):
        decided.set()
        return {**before, "SB001": Place("lce002", "")}

    threads = [threading.Thread(target=record.update, args=(decide,)) for decide in (slow, quick)]
    for thread in threads:
        thread.start()
        assert not decided.wait(0.1)
    gate.set()
    for thread in threads:
        thread.join(5)
    assert set(record.read()) == {"SB000", "SB001"}


def _add(arguments):
    path, name = arguments
    PlacementRecord(path).update(lambda before: {**before, name: Place("lce001", "")})


def test_processes_take_turns(record):
    names = [f"SB{number:03d}" for number in range(20)]
    with ProcessPoolExecutor(4) as pool:
        list(pool.map(_add, [(record.path, name) for name in names]))
    assert sorted(record.read()) == names
