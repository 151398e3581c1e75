import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2

from sip_luigi.domain.light_curve import variability, weighted_mean
from sip_luigi.domain.sky import SOURCE, empty
from sip_luigi.domain.sky_spectra import fit, flux_ratio

FLUXES = st.lists(st.tuples(st.floats(0.01, 1e3), st.floats(1e-4, 10)), min_size=1, max_size=20)


@given(FLUXES)
def test_the_mean_is_numpys(values):
    flux, error = np.array(values).T
    mean, mean_error = weighted_mean(flux, error, np.zeros(len(flux), dtype=int), 1)
    assert mean[0] == pytest.approx(np.average(flux, weights=error**-2))
    assert mean_error[0] == pytest.approx(np.sum(error**-2) ** -0.5)


def test_curves_do_not_mix():
    flux, error = np.array([1.0, 2.0, 10.0, 20.0]), np.ones(4)
    mean, mean_error = weighted_mean(flux, error, np.array([0, 0, 2, 2]), 4)
    assert mean.tolist() == [1.5, 0.0, 15.0, 0.0]
    assert mean_error[1] == 0.0


def test_the_indices_are_those_of_the_paper():
    flux, error = np.array([1.0, 2.0, 4.0]), np.array([0.1, 0.2, 0.3])
    found = variability(flux, error, np.zeros(3, dtype=int), 1)
    xi = np.average(flux, weights=error**-2)
    mean, n = flux.mean(), 3
    assert found.v[0] == pytest.approx(np.sqrt(n / (n - 1) * ((flux**2).mean() - mean**2)) / mean)
    eta = ((flux - xi) ** 2 / error**2).sum() / (n - 1)
    assert found.eta[0] == pytest.approx(eta)
    assert found.probability[0] == pytest.approx(chi2.sf(eta * (n - 1), n - 1), abs=1e-15)


def test_one_flux_varies_not():
    found = variability(np.array([1.0]), np.array([0.1]), np.array([0]), 2)
    assert found.v.tolist() == found.eta.tolist() == [0.0, 0.0]
    assert found.probability.tolist() == [1.0, 1.0]


def test_constant_sources_have_eta_near_one():
    rng = np.random.default_rng(2)
    n, m = 4000, 6
    error = rng.uniform(0.01, 0.1, n * m)
    curve = np.repeat(np.arange(n), m)
    found = variability(1.0 + rng.normal(0, error), error, curve, n)
    assert found.eta.mean() == pytest.approx(1.0, abs=4 * np.sqrt(2 / (m - 1) / n))
    assert (found.probability < 0.01).mean() == pytest.approx(0.01, abs=0.006)


def sources(n=1, **columns):
    rows = empty(SOURCE, n)
    for name, value in columns.items():
        rows[name] = value
    return rows


def test_a_power_law_is_found():
    freq_hz = np.array([74e6, 147e6, 1.4e9])
    flux = 3.0 * (freq_hz / 150e6) ** -0.83
    found = fit(freq_hz, flux, 0.1 * flux, np.zeros(3, dtype=int), sources(spectral_index=-0.5))
    assert found.fitted[0]
    assert found.alpha[0] == pytest.approx(-0.83)
    assert found.flux[0] == pytest.approx(3.0 * (found.freq_hz[0] / 150e6) ** -0.83)
    x = np.log(freq_hz)
    assert found.alpha_error[0] == pytest.approx(0.1 / np.sqrt(((x - x.mean()) ** 2).sum()))


def test_fluxes_near_each_other_keep_the_index():
    freq_hz = np.array([140e6, 150e6])
    flux = (freq_hz / 150e6) ** -0.7
    found = fit(freq_hz, flux, 0.01 * flux, np.zeros(2, dtype=int), sources(spectral_index=-0.7))
    assert not found.fitted[0]
    assert found.alpha[0] == -0.7
    assert found.flux[0] == pytest.approx((found.freq_hz[0] / 150e6) ** -0.7, rel=1e-4)


def test_what_has_no_flux_stays():
    found = fit(np.array([150e6]), np.array([-1.0]), np.array([0.1]), np.array([0]), sources(2))
    assert found.flux.tolist() == [0.0, 0.0]
    assert np.isfinite([found.alpha, found.flux_error, found.freq_hz]).all()


def test_a_curved_spectrum():
    rows = sources(
        reference_freq_hz=150e6, spectral_index=-0.582, spectral_term_2=-0.298, spectral_term_3=0.583
    )
    x = np.log10(200 / 150)
    ratio = flux_ratio(rows, np.array([150e6]), np.array([200e6]))
    assert ratio[0] == pytest.approx(10 ** (-0.582 * x - 0.298 * x**2 + 0.583 * x**3))
