import pytest

from sip_luigi.domain.acceptance import Limits, judge

LIMITS = Limits(max_noise_growth=1.3, min_dynamic_range_ratio=0.7, max_flux_ratio_change=0.1)
GOOD = {
    "rms_jy_beam": 1e-3,
    "thermal_rms_jy_beam": 0.8e-3,
    "dynamic_range": 1000.0,
    "flux_ratio_median": 1.02,
    "n_sources": 50,
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ""),
        ({"rms_jy_beam": 1.29e-3}, ""),
        ({"rms_jy_beam": 1.31e-3}, "noise"),
        ({"rms_jy_beam": 2e-3, "thermal_rms_jy_beam": 1.6e-3, "dynamic_range": 500.0}, ""),
        ({"rms_jy_beam": 1e-3, "thermal_rms_jy_beam": 0.4e-3}, "noise"),
        ({"dynamic_range": 690.0}, "dynamic range"),
        ({"dynamic_range": 710.0}, ""),
        ({"flux_ratio_median": 0.97}, ""),
        ({"flux_ratio_median": 0.85}, "flux scale"),
        ({"flux_ratio_median": 1.15}, "flux scale"),
        ({"flux_ratio_median": None}, ""),
        ({"thermal_rms_jy_beam": None, "rms_jy_beam": 1.4e-3}, "noise"),
        ({"rms_jy_beam": 2e-3, "flux_ratio_median": 0.5}, "noise"),
        ({"n_sources": 0}, "no source"),
    ],
)
def test_what_is_worse_is_refused(changes, said):
    verdict = judge({**GOOD, **changes}, GOOD, LIMITS)
    assert verdict.accepted == (not said)
    assert said in verdict.reason


def test_the_first_image_of_a_field():
    assert judge(GOOD, None, LIMITS) == (True, "the first image of its field")
    assert not judge({**GOOD, "n_sources": 0}, None, LIMITS).accepted


def test_all_that_is_worse_is_said():
    verdict = judge(
        {**GOOD, "rms_jy_beam": 1.0, "flux_ratio_median": 3.0, "dynamic_range": 1.0}, GOOD, LIMITS
    )
    assert len(verdict.reason.split("; ")) == 3
