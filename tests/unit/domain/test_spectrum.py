"""Spectral indices: the fit, its error, and where there is none."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.spectrum import (
    MAX_INDEX_ERROR,
    MIN_BAND_SPAN,
    Ellipse,
    matched_flux,
    matched_flux_error,
    spectral_index,
)

FREQ = np.linspace(120e6, 168e6, 6)


@given(st.floats(-3, 2), st.floats(1e-3, 100.0))
def test_a_power_law_is_found(index, flux):
    values = flux * (FREQ / 144e6) ** index
    found = spectral_index(FREQ, values, 0.01 * values)
    assert found.value == pytest.approx(index, abs=1e-9)


def test_the_error_is_the_scatter_of_the_index():
    rng = np.random.default_rng(8)
    truth = (FREQ / 144e6) ** -0.8
    error = 0.02 * truth
    found = [spectral_index(FREQ, truth + error * rng.normal(size=6), error) for _ in range(2000)]
    scatter = np.std([entry.value for entry in found])
    assert scatter == pytest.approx(np.median([entry.error for entry in found]), rel=0.1)
    assert np.mean([entry.value for entry in found]) == pytest.approx(-0.8, abs=0.01)


@pytest.mark.parametrize(
    ("freq", "flux", "error"),
    [
        ([140e6, 140e6 * (1 + MIN_BAND_SPAN / 2)], [1.0, 1.0], [1e-6, 1e-6]),
        ([140e6], [1.0], [0.1]),
        ([], [], []),
        (FREQ, np.ones(6), np.full(6, 0.5)),
        (FREQ, -np.ones(6), np.full(6, 0.01)),
        (FREQ, np.full(6, math.nan), np.full(6, 0.01)),
        (FREQ, np.ones(6), np.zeros(6)),
    ],
    ids=["narrow", "one part", "nothing", "too faint", "negative", "blank", "no errors"],
)
def test_where_the_band_does_not_allow_one(freq, flux, error):
    found = spectral_index(freq, flux, error)
    assert math.isnan(found.value)
    assert math.isnan(found.error)


def test_a_blank_part_is_left_out():
    values = (FREQ / 144e6) ** -1.0
    values[2] = math.nan
    assert spectral_index(FREQ, values, np.full(6, 0.01)).value == pytest.approx(-1.0)
    assert spectral_index(FREQ, values, np.full(6, 0.01)).error < MAX_INDEX_ERROR


@pytest.mark.parametrize("beam", [Ellipse(8.0, 5.0, 30.0), Ellipse(12.0, 11.0, 100.0)])
@pytest.mark.parametrize("source", [Ellipse(0.0, 0.0, 0.0), Ellipse(9.0, 3.0, 70.0)])
def test_a_flux_does_not_depend_on_the_beam(beam, source):
    seen = source.covariance + beam.covariance
    north, east = (axis.ravel() for axis in np.mgrid[-20:21.0, -20:21.0])
    offset = np.stack((east, north))
    shape = np.exp(-0.5 * np.einsum("ip,ij,jp->p", offset, np.linalg.inv(seen), offset))
    peak = 3.0 * math.sqrt(np.linalg.det(beam.covariance) / np.linalg.det(seen))
    assert matched_flux(peak * shape, east, north, source, beam) == pytest.approx(3.0)
    assert math.isnan(matched_flux(np.full(41 * 41, math.nan), east, north, source, beam))


def test_an_ellipse_is_longest_along_its_position_angle():
    east = np.array([1.0, 0.0])
    assert Ellipse(10.0, 1.0, 90.0).covariance @ east == pytest.approx(east * 100.0 / (8 * math.log(2)))


@pytest.mark.parametrize("size", [0.0, 12.0])
def test_the_error_of_a_flux_is_its_scatter(size):
    """In noise that is correlated over a beam, as the noise of an image is."""
    rng = np.random.default_rng(11)
    beam, source, n = Ellipse(6.0, 6.0, 0.0), Ellipse(size, size, 0.0), 64
    # Visibilities have equal noise: the power of it follows the uv coverage, whose transform is the beam.
    frequency = np.fft.fftfreq(n)[:, None] ** 2 + np.fft.fftfreq(n) ** 2
    transfer = np.exp(-(np.pi**2) * beam.covariance[0, 0] * frequency)
    y, x = np.mgrid[-32:32.0, -32:32.0]
    fluxes, rms = [], []
    for _ in range(400):
        noise = np.fft.ifft2(np.fft.fft2(rng.normal(size=(n, n))) * transfer).real
        rms.append(noise.std())
        fluxes.append(matched_flux(noise.ravel(), x.ravel(), y.ravel(), source, beam))
    assert np.std(fluxes) == pytest.approx(matched_flux_error(float(np.mean(rms)), source, beam), rel=0.15)
