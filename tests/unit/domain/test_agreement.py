"""Data that were calibrated against a wrong model are told from those that were not, however faint."""

import re
from dataclasses import replace

import numpy as np
import pytest

from sip_luigi.domain.agreement import Agreement, Limits, Sums, agreement, common_shift, is_judged, problem
from sip_luigi.domain.closure import Closure, closure_agreement

LIMITS = Limits(
    min_solution_snr=3.0,
    min_closure=0.6,
    min_coherence=0.5,
    min_flux_ratio=0.5,
    max_flux_ratio=2.0,
    max_cross_ratio=0.5,
    max_shift_arcsec=120.0,
)
GOOD = Agreement(
    coherence=0.98,
    coherence_error=0.01,
    flux_ratio=1.0,
    flux_ratio_error=0.01,
    residual_ratio=0.02,
    reduced_chi2=1.1,
    model_snr=300.0,
    power_snr=1.0,
    cross_ratio=0.01,
)
ALIKE = Closure(0.95, 0.97)


def sums(signal=1.0, in_model=1.0, sigma=1.0, hands=0.0, n_each=4000, n=5, seed=1):
    """Sums over visibilities of a sky of which the model has a part, with noise."""
    rng = np.random.default_rng(seed)

    def normal():
        return rng.standard_normal((n, n, n_each, 2)) @ np.array([1, 1j]) / np.sqrt(2)

    model = np.sqrt(in_model) * normal()
    data = signal * (model + np.sqrt(1 - in_model) * normal()) + sigma * normal()
    cross = hands * normal() + sigma * normal()
    count = np.full((n, n), float(n_each))

    def total(values):
        return (np.abs(values) ** 2).sum(axis=2)

    return Sums(
        count=count,
        product=(data * model.conj()).real.sum(axis=2),
        data=total(data),
        model=total(model),
        residual=total(data - model),
        noise=count * sigma**2,
        cross_count=count,
        cross=total(cross),
        cross_noise=count * sigma**2,
    )


@pytest.mark.parametrize("sigma", [0.1, 1.0, 3.0])
def test_noise_lowers_neither_coherence_nor_flux(sigma):
    found = agreement(sums(sigma=sigma))
    assert found.coherence == pytest.approx(1.0, abs=max(0.02, 5 * found.coherence_error + 0.03 * sigma**2))
    assert found.flux_ratio == pytest.approx(1.0, abs=5 * found.flux_ratio_error)
    assert found.reduced_chi2 == pytest.approx(1.0, abs=0.02)
    assert found.residual_ratio == pytest.approx(0.0, abs=0.02 * sigma**2)
    assert found.cross_ratio < 0.05


def test_what_the_model_lacks_shows():
    found = agreement(sums(in_model=0.25))
    assert found.coherence == pytest.approx(0.5, abs=0.03)
    assert found.flux_ratio == pytest.approx(1.0, abs=0.05)
    assert found.residual_ratio == pytest.approx(3.0, rel=0.05)


def test_a_scale_and_swapped_hands_show():
    assert agreement(sums(signal=0.02, sigma=0.01)).flux_ratio == pytest.approx(0.02, abs=0.002)
    assert agreement(sums(signal=0.05, hands=1.0)).cross_ratio > 5.0


def test_one_station():
    of = np.zeros((5, 5), dtype=bool)
    of[2], of[:, 2] = True, True
    assert agreement(sums(), of).coherence == pytest.approx(1.0, abs=0.05)
    of[:] = False
    assert agreement(sums(), of) is None


def test_a_good_calibration_passes():
    assert problem(GOOD, ALIKE, (20.0, 5.0), LIMITS) == ""
    assert problem(GOOD, None, None, LIMITS) == ""
    assert problem(replace(GOOD, coherence=0.45, coherence_error=0.1), ALIKE, None, LIMITS) == ""
    assert problem(GOOD, ALIKE, (900.0, 500.0), LIMITS) == ""
    assert problem(GOOD, Closure(0.0, 0.1), None, LIMITS) == ""


@pytest.mark.parametrize(
    ("found", "closure", "shift", "words"),
    [
        (GOOD, Closure(0.4, 0.97), None, "not of this field, or in the wrong place"),
        (replace(GOOD, coherence=0.3), ALIKE, None, "agree with the sky model to 0.30"),
        (replace(GOOD, flux_ratio=0.018), ALIKE, None, "0.018 times the flux density .* stopped early"),
        (replace(GOOD, flux_ratio=5.0), ALIKE, None, "wrong scale"),
        (replace(GOOD, cross_ratio=0.9), ALIKE, None, "polarisations are swapped"),
        (GOOD, ALIKE, (600.0, 20.0), "600 arcsec away"),
    ],
)
def test_a_bad_calibration_is_named(found, closure, shift, words):
    assert re.search(words, problem(found, closure, shift, LIMITS))


def test_faint_fields_are_not_judged():
    assert is_judged(GOOD, 1.0, LIMITS), "the data are bright"
    assert not is_judged(replace(GOOD, power_snr=0.01), 1.0, LIMITS)
    assert is_judged(replace(GOOD, power_snr=0.01), 5.0, LIMITS)


def turning(n_times=120, n_stations=20, seed=2):
    """Baselines of an hour, (n_times, n_stations, 2) in m."""
    rng = np.random.default_rng(seed)
    angle = 2 * np.pi * np.arange(n_times) * 30.0 / 86164.0
    east = rng.normal(0, 1, n_stations) * np.geomspace(300, 40e3, n_stations)
    north = rng.normal(0, 1, n_stations) * np.geomspace(300, 40e3, n_stations)
    u = east * np.cos(angle)[:, None] + north * np.sin(angle)[:, None]
    v = 0.8 * (north * np.cos(angle)[:, None] - east * np.sin(angle)[:, None])
    return np.stack([u, v], axis=-1)


@pytest.mark.parametrize("shift_arcsec", [0.0, 300.0, 3600.0])
def test_a_shift_of_the_sky_comes_out_of_the_phases(shift_arcsec):
    uv, freq = turning(), 140e6
    rng = np.random.default_rng(3)
    lm = np.array([0.6, -0.8]) * shift_arcsec / 206264.8
    constant = rng.uniform(-np.pi, np.pi, uv.shape[1])
    phase = 2 * np.pi * freq / 299792458.0 * uv @ lm + constant + rng.normal(0, 0.1, uv.shape[:2])
    good = rng.random(uv.shape[:2]) > 0.05
    found, error = common_shift(np.angle(np.exp(1j * phase)), good, uv, freq)
    assert abs(found - shift_arcsec) < 5 * error
    assert error < 150.0


def test_too_few_solutions_for_a_shift():
    uv = turning(n_times=5)
    assert common_shift(np.zeros(uv.shape[:2]), np.ones(uv.shape[:2], dtype=bool), uv, 140e6) is None


def sky(n_sources, seed, n_times=10, n=8):
    """Visibilities of random sources and of random station positions, (n_times, n, n)."""
    rng, here = np.random.default_rng(seed), np.random.default_rng(9)
    uv = here.normal(0, 1, (n_times, n, 2)) * 1000
    baselines = uv[:, :, None] - uv[:, None, :]
    lm, flux = rng.normal(0, 0.01, (n_sources, 2)), rng.uniform(1.0, 2.0, n_sources)
    return (flux * np.exp(2j * np.pi * baselines @ lm.T)).sum(axis=-1)


def gains(n_times=10, n=8):
    rng = np.random.default_rng(4)
    single = np.exp(1j * rng.uniform(-np.pi, np.pi, (n_times, n)))
    return single[:, :, None] * single.conj()[:, None, :]


def test_closure_phases_do_not_see_gains():
    right, wrong = sky(30, 1), sky(30, 2)
    sigma = np.full(right.shape, 1.0)
    noise = np.random.default_rng(5).normal(0, 0.7, (*right.shape, 2)) @ np.array([1, 1j])
    same = closure_agreement(right * gains() + noise, right, sigma)
    assert same.found == pytest.approx(same.expected, abs=0.05)
    other = closure_agreement(right * gains() + noise, wrong, sigma)
    assert other.found < 0.5 * other.expected


def test_closure_phases_of_noise():
    right = sky(10, 1)
    noise = np.random.default_rng(5).normal(0, 300.0, (*right.shape, 2)) @ np.array([1, 1j])
    found = closure_agreement(right + noise, right, np.full(right.shape, 424.0))
    assert abs(found.expected) < 0.3
    assert closure_agreement(right[:, :2, :2], right[:, :2, :2], np.ones((10, 2, 2))) is None
    assert closure_agreement(0 * right, right, np.ones(right.shape)) is None
