"""What ran where and when."""

import pytest

from sip_luigi.report.progress import IDLE_S, StageRun, compressed, lanes


def run(name, began, ended, node="a"):
    return StageRun("L1", name, name, "", node, float(ended), float(ended - began), "done", "", {})


def test_what_runs_side_by_side_is_on_lines_of_its_own():
    runs = [
        run("1", 0, 100),
        run("2", 10, 50),
        run("3", 20, 200, node="b"),
        run("4", 60, 80),
        run("5", 70, 90),
    ]
    assert [lanes(runs)["L1", entry.name] for entry in runs] == [0, 1, 0, 1, 2]


def test_pauses_are_cut_out():
    runs = [run("1", 1000, 1100), run("2", 1050, 1200), run("3", 90_000, 90_060), run("4", 90_050, 90_120)]
    place = compressed(runs)
    begin = place([entry.began_s for entry in runs])
    assert begin[:2] == pytest.approx([0.0, 50 / 60])
    assert begin[2] == pytest.approx((200 + IDLE_S / 10) / 60)
    assert begin[3] - begin[2] == pytest.approx(50 / 60)
    assert place([1200.0])[0] == pytest.approx(200 / 60), "the end of what ran before the pause"


def test_without_a_pause_time_is_time():
    runs = [run("1", 0, 100), run("2", 100 + IDLE_S, 500)]
    assert compressed(runs)([runs[1].ended_s])[0] == pytest.approx(500 / 60)


def test_times_for_reading():
    assert run("1", 0, 3723).ended == "01:02:03"
