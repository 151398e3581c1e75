"""When cycles of self-calibration go on, end, and are rejected."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.selfcal import CycleFigures, CycleJudgement, CycleLimits, judge_cycle

LIMITS = CycleLimits(min_improvement=0.02, max_worsening=0.03)
FIRST = CycleFigures(rms_jy_beam=0.010, dynamic_range=500.0, n_sources=100)


def follow(*cycles, limits=LIMITS):
    judgements, before = [], None
    for number, figures in enumerate(cycles):
        before = judge_cycle(number, figures, before, limits)
        judgements.append(before)
    return judgements


def test_the_first_cycle_is_accepted_and_another_may_follow():
    (first,) = follow(FIRST)
    assert (first.state, first.best, first.goes_on) == ("accepted", 0, True)
    assert first.decision == "go on"


def test_better_then_hardly_better_then_nothing():
    better = CycleFigures(0.005, 1100.0, 130)
    hardly = CycleFigures(0.00495, 1105.0, 131)
    _, second, third, fourth = follow(FIRST, better, hardly, CycleFigures(1e-9, 1e9, 999))
    assert (second.state, second.best, second.goes_on) == ("accepted", 1, True)
    assert (third.state, third.best, third.goes_on) == ("converged", 2, False)
    assert "noise +1.0%" in third.reason
    assert (fourth.state, fourth.best, fourth.goes_on) == ("not run", 2, False)
    assert third.reason in fourth.reason
    assert third.decision == fourth.decision == "stop, best cycle 2"


def test_where_little_changed_the_lower_noise_wins():
    _, second, third = follow(FIRST, CycleFigures(0.0101, 505.0, 101), FIRST)
    assert (second.state, second.best, second.goes_on) == ("converged", 0, False)
    assert second.figures == third.figures == FIRST
    assert third.best == 0


@pytest.mark.parametrize(
    ("figures", "word"),
    [
        (CycleFigures(0.0104, 900.0, 200), "more noise"),
        (CycleFigures(0.0050, 480.0, 200), "less dynamic range"),
        (CycleFigures(0.0099, 500.0, 85), "fewer sources"),
    ],
)
def test_a_cycle_that_makes_things_worse_is_rejected(figures, word):
    _, second, third = follow(FIRST, figures, FIRST)
    assert (second.state, second.best, second.goes_on) == ("rejected", 0, False)
    assert word in second.reason
    assert second.figures == FIRST
    assert third.best == 0


def test_fewer_sources_with_a_better_noise_were_artefacts():
    _, second = follow(FIRST, CycleFigures(0.008, 600.0, 80))
    assert second.state == "accepted"


def test_a_cycle_without_an_image_is_lost_and_the_one_before_stays():
    _, second, third = follow(FIRST, None, FIRST)
    assert (second.state, second.best, second.goes_on) == ("lost", 0, False)
    assert third.state == "not run"
    (only,) = follow(None)
    assert (only.state, only.best, only.goes_on) == ("lost", 0, False)


figures = st.builds(CycleFigures, st.floats(1e-6, 10.0), st.floats(1.0, 1e6), st.integers(0, 10_000))


@given(st.lists(st.one_of(st.none(), figures), min_size=1, max_size=6))
def test_whatever_happens_the_best_cycle_has_been_run_and_no_later_one_is_worse(cycles):
    judgements = follow(*cycles)
    for judgement in judgements:
        assert 0 <= judgement.best <= judgement.cycle
        assert CycleJudgement.from_json(judgement.to_json()) == judgement
    best = judgements[-1].best
    assert judgements[best].state in ("accepted", "converged") or cycles[0] is None
    stopped = [judgement.goes_on for judgement in judgements]
    assert stopped == sorted(stopped, reverse=True), "nothing goes on after the end"
    if cycles[best] and best:
        assert cycles[best].rms_jy_beam <= cycles[best - 1].rms_jy_beam * (1 + LIMITS.max_worsening + 1e-9)
