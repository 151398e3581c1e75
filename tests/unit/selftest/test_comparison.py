"""The self-test fails when the figures do."""

import math

import numpy as np
import pytest

from sip_luigi.domain.catalogue import Detection
from sip_luigi.selftest.comparison import (
    LIMITS,
    MEDIAN_LIMITS,
    Field,
    Truth,
    catalogue_figures,
    failures,
    medians,
    summary,
)

ARCSEC = math.radians(1 / 3600)
FIELD = Field((1.0, 0.9), math.radians(2), 0.3, 0.001, 30 * ARCSEC)


def truth(n=50):
    rng = np.random.default_rng(3)
    ra, dec = 1.0 + rng.uniform(-0.02, 0.02, n), 0.9 + rng.uniform(-0.02, 0.02, n)
    power = np.tile([0.9, 0.5], n)[:n]
    return Truth(ra, dec, np.geomspace(0.02, 5, n), power)


def found(sky, scale=1.0, north=0.0):
    return [
        Detection(str(i), ra, dec + north, flux * scale)
        for i, (ra, dec, flux) in enumerate(zip(sky.ra_rad, sky.dec_rad, sky.flux_jy, strict=True))
    ]


def passing():
    flagged = dict.fromkeys(("dead_station_flagged_fraction", "noisy_station_flagged_fraction"), 1.0)
    others = {"noise_over_stokes_v": 1.0, "rfi_left_fraction": 0.0, **flagged}
    return catalogue_figures(truth(), found(truth()), FIELD) | others


def test_the_truth_passes():
    assert failures(passing()) == []


@pytest.mark.parametrize(
    ("detections", "missed"),
    [
        (found(truth(), scale=1.05), "flux_ratio_median"),
        (found(truth(), north=5 * ARCSEC), "position_offset_beams"),
        (found(truth())[5:], "completeness_7sigma"),
        (
            [*found(truth()), Detection("f", 1.0, 0.95, 1.0), Detection("g", 1.01, 0.95, 1.0)],
            "false_fraction",
        ),
        ([], "completeness_7sigma"),
    ],
)
def test_what_is_wrong_is_named(detections, missed):
    assert any(text.startswith(missed) for text in failures(catalogue_figures(truth(), detections, FIELD)))


@pytest.mark.parametrize("name", LIMITS)
def test_a_figure_that_is_missing_fails(name):
    assert [text for text in failures(passing() | {name: None}) if text.startswith(name)]


def test_scatter_is_that_of_bright_sources():
    rng = np.random.default_rng(4)
    detections = [
        Detection(d.name, d.ra_rad, d.dec_rad, d.flux_jy * rng.normal(1, 0.2)) for d in found(truth())
    ]
    assert any(
        text.startswith("flux_scatter_20sigma")
        for text in failures(catalogue_figures(truth(), detections, FIELD))
    )


def test_sources_outside_the_field_are_not_missed():
    sky = truth()
    far = Truth(sky.ra_rad, sky.dec_rad + 0.1, sky.flux_jy, sky.beam_power)
    assert catalogue_figures(far, [], FIELD)["n_true_7sigma"] == 0
    weak = Truth(sky.ra_rad, sky.dec_rad, sky.flux_jy, np.full(50, 0.1))
    assert catalogue_figures(weak, [], FIELD)["n_true_7sigma"] == 0


def test_half_beam_is_looked_at_by_itself():
    """A primary beam that is wrong away from the centre shows there, and less in the median over all."""
    sky = truth()
    detections = found(sky)
    wrong = [
        Detection(d.name, d.ra_rad, d.dec_rad, d.flux_jy * (0.9 if power < 0.6 else 1.0))
        for d, power in zip(detections, sky.beam_power, strict=True)
    ]
    figures = catalogue_figures(sky, wrong, FIELD)
    assert figures["n_half_beam"] == 25
    assert figures["flux_ratio_half_beam"] == pytest.approx(0.9)
    assert any(text.startswith("flux_ratio_half_beam") for text in failures(figures))


def run(seed, **figures):
    return {**passing(), "seed": seed, "failures": [], **figures}


def test_medians():
    ratios = (0.9, 1.0, 1.05)
    runs = [run(seed, flux_ratio_median=ratio) for seed, ratio in enumerate(ratios)]
    assert medians(runs)["flux_ratio_median"] == 1.0
    assert set(medians(runs)) == set(MEDIAN_LIMITS)


def test_median_of_what_one_run_could_not_measure_is_none():
    runs = [run(1), run(2, false_fraction=None)]
    assert medians(runs)["false_fraction"] is None
    assert any("median false_fraction: not measured" in text for text in summary(runs)["failures"])


def test_summary_of_the_truth_passes():
    judged = summary([run(1), run(2)])
    assert judged["seeds"] == [1, 2]
    assert judged["failures"] == []


@pytest.mark.parametrize("name", MEDIAN_LIMITS)
def test_median_outside_its_limits_is_named(name):
    low = MEDIAN_LIMITS[name].low
    outside = low - 0.01 if low > 0 else MEDIAN_LIMITS[name].high + 0.001
    missed = summary([run(1, **{name: outside}), run(2, **{name: outside})])["failures"]
    assert [text for text in missed if text.startswith(f"median {name}")]


def test_failures_of_a_run_count_too():
    judged = summary([run(1, failures=["rms: 3"]), run(2)])
    assert judged["failures"] == ["seed 1: rms: 3"]
