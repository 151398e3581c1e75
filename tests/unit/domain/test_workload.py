"""Time that work takes, and how far it is."""

import pytest

from sip_luigi.domain.standing import Standing, Tally, left_by_rate, tallied
from sip_luigi.domain.workload import Work, duration_s

CORES = {"lce001": 4, "lce002": 2}


@pytest.mark.parametrize(
    ("work", "seconds"),
    [
        ([], 0.0),
        ([Work(0, "lce001", 10, 1)], 10.0),
        ([Work(0, "lce001", 10, 1)] * 8, 20.0),
        ([Work(0, "lce001", 10, 4)] * 3, 30.0),
        ([Work(0, "lce001", 10, 99)] * 3, 30.0),
        ([Work(0, "lce001", 10, 1)] * 8 + [Work(0, "lce002", 10, 1)] * 8, 40.0),
        ([Work(0, "lce001", 10, 1), Work(1, "lce002", 5, 1)], 15.0),
        ([Work(0, "lce001", 10, 0)] * 4, 20.0),
        ([Work(0, "head", 10, 1)] * 3, 30.0),
    ],
)
def test_time(work, seconds):
    assert duration_s(work, CORES) == pytest.approx(seconds)


def test_tally():
    standings = [
        Standing("a", "copy", "", "lce001", "done"),
        Standing("b", "copy", "", "lce001", "running", 0.5),
        Standing("c", "copy", "", "lce002", "lost"),
        Standing("d", "calibrate", "", "lce002", "pending"),
    ]
    found = tallied(standings, "stage")
    assert list(found) == ["copy", "calibrate"]
    assert found["copy"].text() == "1 of 3 done, 1 running (50%), 1 lost"
    assert found["copy"].fraction == pytest.approx(2.5 / 3)
    assert tallied(standings, "node")["lce002"].fraction == 0.5
    assert Tally().fraction == 1.0


@pytest.mark.parametrize(
    ("before", "now", "seconds", "left"),
    [(0.0, 0.5, 10.0, 10.0), (0.5, 0.75, 10.0, 10.0), (0.0, 0.0, 10.0, None), (0.2, 0.2, 0.0, None)],
)
def test_rate(before, now, seconds, left):
    assert left_by_rate(before, now, seconds) == left
