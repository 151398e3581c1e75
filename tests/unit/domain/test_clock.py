"""Clock and ionosphere are told apart, or it is said that they cannot be."""

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sip_luigi.domain.clock import TEC_TO_PHASE, fit_clock, polarisation_offset

WIDE = np.linspace(120e6, 168e6, 60)
NARROW = np.linspace(140e6, 140.8e6, 16)
MAX_DELAY_S = 300e-9


def phases(freq, delay_s, tec, offsets, noise_rad=0.05, seed=1):
    """Phases as a calibrator shows them, wrapped, (n_times, n_freq, 2)."""
    rng = np.random.default_rng(seed)
    tec = np.asarray(tec)[:, None, None]
    phase = 2 * np.pi * freq[None, :, None] * delay_s + TEC_TO_PHASE * tec / freq[None, :, None]
    phase = phase + np.asarray(offsets) + rng.normal(0.0, noise_rad, (len(tec), len(freq), 2))
    return np.angle(np.exp(1j * phase))


def everything(phase):
    return np.ones(phase.shape, dtype=bool)


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.floats(-250e-9, 250e-9),
    st.floats(-0.3, 0.3),
    st.floats(-3, 3),
    st.floats(-3, 3),
    st.integers(0, 1000),
)
def test_the_clock_comes_out_whatever_the_ionosphere_does(delay_s, tec, x_rad, y_rad, seed):
    changing = tec + 0.05 * np.sin(np.arange(12) / 3.0)
    phase = phases(WIDE, delay_s, changing, (x_rad, y_rad), seed=seed)
    fit = fit_clock(phase, everything(phase), WIDE, MAX_DELAY_S)
    assert abs(fit.delay_s - delay_s) < max(5 * fit.delay_error_s, 0.1e-9)
    assert fit.delay_error_s < 2e-9
    assert fit.residual_rad == pytest.approx(0.05, rel=0.15)
    np.testing.assert_allclose(fit.tec_tecu - np.mean(fit.tec_tecu), changing - changing.mean(), atol=0.005)


def test_a_narrow_band_cannot_tell_and_says_so():
    phase = phases(NARROW, 40e-9, np.full(12, 0.1), (0.0, 0.0))
    fit = fit_clock(phase, everything(phase), NARROW, MAX_DELAY_S)
    assert fit.delay_error_s > 20e-9


def test_outliers_and_missing_solutions_do_no_harm():
    phase = phases(WIDE, 120e-9, 0.1 + 0.03 * np.cos(np.arange(15) / 4), (0.4, -1.0))
    good = everything(phase)
    rng = np.random.default_rng(3)
    good[:, rng.choice(60, 15, replace=False)] = False
    spoiled = rng.random(phase.shape) < 0.05
    phase[spoiled] = rng.uniform(-np.pi, np.pi, spoiled.sum())
    phase[~good] = np.nan
    fit = fit_clock(phase, good, WIDE, MAX_DELAY_S)
    assert fit.delay_s == pytest.approx(120e-9, abs=1e-9)


def test_nothing_to_fit():
    phase = phases(WIDE, 0.0, np.zeros(5), (0.0, 0.0))
    fit = fit_clock(phase, np.zeros(phase.shape, dtype=bool), WIDE, MAX_DELAY_S)
    assert fit.delay_error_s == np.inf
    assert fit.delay_s == 0.0
    assert polarisation_offset(phase, np.zeros(phase.shape, dtype=bool)) == 0.0


def test_noise_alone_gives_no_clock():
    phase = np.random.default_rng(4).uniform(-np.pi, np.pi, (10, 60, 2))
    fit = fit_clock(phase, everything(phase), WIDE, MAX_DELAY_S)
    assert fit.residual_rad > 1.0


@given(st.floats(-3.1, 3.1))
def test_offset_between_the_polarisations(offset):
    phase = phases(WIDE, 50e-9, np.linspace(0, 0.2, 8), (offset, 0.0))
    found = polarisation_offset(phase, everything(phase))
    assert abs(np.angle(np.exp(1j * (found - offset)))) < 0.02
