"""What the programs print, as they printed it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.errors import BadData
from sip_luigi.programs.logs import (
    Convergence,
    dp3_progress,
    flagged_fraction,
    solve_convergence,
    station_statistics,
    unused_keys,
    wsclean_progress,
)

DP3 = """\
Processing 120 time slots ...

0%....10....20....30....40....50....60....70....80....90....100%
Finishing processing ...
Total flagged:    28.892%   (56305 out of 194880 visibilities)

Cumulative flag counts in Counter count.
Total flagged:    43.690%   (85143 out of 194880 visibilities)

Total DP3 time       0.23 real        0.15 user        0.07 system
    2.9% (    6 ms) MsReader
   15.7% (   36 ms) GainCal phase.
           22.8% (    8 ms) of it spent in predict
        Converged: 118, stalled: 0, non converged: 2, failed: 0
        Iters converged: 65, stalled: 0, non converged: 0, failed: 0
    7.8% (   17 ms) GainCal gain.
        Converged: 6, stalled: 1, non converged: 0, failed: 0
        Iters converged: 42, stalled: 0, non converged: 0, failed: 0
   30.7% (   71 ms) MSWriter msout.
"""
UNUSED = """\
*** WARNING: the following parset keywords were not used ***
             maybe they are misspelled
    - count.tpe
    - foo

Total DP3 time
"""
WSCLEAN = """\
Reordering: 0%....10%....20%....30%....40%....50%....60%....70%....80%....90%....100%
 == Constructing PSF ==
Gridding pass: 0%....10%....20%
 == Deconvolving (1) ==
 == Converting model image to visibilities ==
 == Deconvolving (2) ==
Rendering sources to restored image (beam=16.43''-2.26', PA=163.64 deg)... DONE
Cleaning up temporary files...
"""


def test_convergence_by_step():
    found = solve_convergence(DP3)
    assert found == {"phase": Convergence(118, 0, 2, 0), "gain": Convergence(6, 1, 0, 0)}
    assert found["gain"].fraction == pytest.approx(6 / 7)
    assert Convergence(0, 0, 0, 0).fraction == 0.0


def test_flagged_is_what_the_last_step_saw():
    assert flagged_fraction(DP3) == pytest.approx(0.4369)
    assert flagged_fraction("") is None


def test_unused_keys():
    assert unused_keys(UNUSED) == ("count.tpe", "foo")
    assert unused_keys(DP3) == ()


@pytest.mark.parametrize(
    ("log", "done"),
    [
        ("", 0.0),
        ("0%", 0.0),
        ("0%....10....2", 0.1),
        ("0%....10....20", 0.2),
        ("0%....10....20....", 0.2),
        (DP3, 1.0),
    ],
)
def test_dp3_progress(log, done):
    assert dp3_progress(log) == pytest.approx(done)


@given(st.integers(0, len(DP3)), st.integers(0, len(DP3)))
def test_progress_of_a_log_that_grows_never_goes_back(first, second):
    short, long = sorted((first, second))
    assert 0.0 <= dp3_progress(DP3[:short]) <= dp3_progress(DP3[:long]) <= 1.0


@given(st.integers(0, len(WSCLEAN)), st.integers(0, len(WSCLEAN)))
def test_imaging_progress_never_goes_back(first, second):
    short, long = sorted((first, second))
    assert 0.0 <= wsclean_progress(WSCLEAN[:short]) <= wsclean_progress(WSCLEAN[:long]) <= 1.0


def test_imaging_progress_ends_at_one():
    assert wsclean_progress(WSCLEAN) == 1.0
    assert wsclean_progress("") == 0.0
    many = " == Deconvolving (1) ==\n" * 50
    assert wsclean_progress(many) < 1.0


def test_station_statistics():
    text = json.dumps({"flagged_fraction_dict": "{'CS001HBA0': 0.0245902, 'RS106HBA': 1}"})
    assert station_statistics(text) == {"CS001HBA0": 0.0245902, "RS106HBA": 1.0}


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", '{"flagged_fraction_dict": "__import__(\'os\')"}', '{"flagged_fraction_dict": "{1"}'],
)
def test_station_statistics_that_are_none(text):
    with pytest.raises(BadData, match="flag statistics of DP3: expected a flagged_fraction_dict"):
        station_statistics(text)
