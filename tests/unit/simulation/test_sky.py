import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.field import draw_sky, power_law_fluxes
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.sky import direction_cosines, unit_vectors
from sip_luigi.simulation.streams import Stream, generator


def separations_deg(sky):
    vectors = unit_vectors(sky.ra_rad, sky.dec_rad)
    cosines = np.clip(vectors @ vectors.T, -1, 1)
    return np.degrees(np.arccos(cosines[np.triu_indices(len(sky), 1)]))


def test_sources_keep_their_distance_within_the_field():
    options = SimulationOptions(sources=200, field_radius_deg=1.5, min_separation_arcsec=200)
    sky = draw_sky(options)
    assert separations_deg(sky).min() >= 200 / 3600
    ra_deg, dec_deg = options.phase_centre_deg
    centre = unit_vectors(np.radians([ra_deg]), np.radians([dec_deg]))[0]
    distances = np.degrees(np.arccos(unit_vectors(sky.ra_rad, sky.dec_rad) @ centre))
    assert distances.max() <= 1.5
    # Even over the cap: half of the sources lie within 1/√2 of the radius.
    assert np.median(distances) == pytest.approx(1.5 / np.sqrt(2), rel=0.1)


def test_field_across_the_pole():
    sky = draw_sky(SimulationOptions(dec_deg=89.5, sources=50))
    assert sky.dec_rad.max() <= np.pi / 2
    assert np.ptp(sky.ra_rad) > np.pi


def test_too_many_sources_are_refused():
    with pytest.raises(ConfigurationError, match="min_separation_arcsec"):
        draw_sky(SimulationOptions(sources=100, field_radius_deg=0.05))


@pytest.mark.parametrize("slope", [0.0, 1.0, 1.6, 2.5])
def test_flux_distribution(slope):
    fluxes = power_law_fluxes(np.random.default_rng(1), 20000, 0.1, 10.0, slope)
    assert np.all(np.diff(fluxes) <= 0)
    assert fluxes.min() >= 0.1
    assert fluxes.max() <= 10.0
    counts, edges = np.histogram(fluxes, np.geomspace(0.1, 10.0, 9))
    expected = np.array([integral(slope, *edges[i : i + 2]) for i in range(8)]) / integral(slope, 0.1, 10.0)
    np.testing.assert_allclose(counts / 20000, expected, atol=2e-4)


def integral(slope, low, high):
    if slope == 1.0:
        return np.log(high / low)
    return (high ** (1 - slope) - low ** (1 - slope)) / (1 - slope)


@given(st.integers(0, 2**32))
def test_brightest_third_holds_most_of_the_flux(seed):
    sky = draw_sky(SimulationOptions(seed=seed, sources=99))
    assert sky.flux_jy[:33].sum() > 0.75 * sky.flux_jy.sum()


def test_spectra():
    options = SimulationOptions(sources=3, spectral_index_scatter=0.0)
    sky = draw_sky(options)
    assert sky.reference_hz == options.band_centre_hz
    np.testing.assert_allclose(sky.flux_at(2 * sky.reference_hz), sky.flux_jy * 2**-0.8)


def test_no_sources():
    assert len(draw_sky(SimulationOptions(sources=0))) == 0


def test_positions_do_not_depend_on_fluxes():
    one, other = draw_sky(SimulationOptions()), draw_sky(SimulationOptions(flux_slope=2.0))
    np.testing.assert_array_equal(one.ra_rad, other.ra_rad)


def test_direction_cosines():
    ra, dec = np.radians([10.0, 10.0, 11.0]), np.radians([50.0, 51.0, 50.0])
    lmn = direction_cosines(ra, dec, np.radians(10.0), np.radians(50.0))
    np.testing.assert_array_equal(lmn[0], 0.0)
    np.testing.assert_allclose(lmn[1], [0.0, np.sin(np.radians(1)), np.cos(np.radians(1)) - 1], atol=1e-15)
    assert lmn[2, 0] > 0
    np.testing.assert_allclose(lmn[:, 0] ** 2 + lmn[:, 1] ** 2 + (lmn[:, 2] + 1) ** 2, 1.0)


def test_streams_are_independent():
    draws = {generator(1, stream, index).random() for stream in Stream for index in range(3)}
    assert len(draws) == 3 * len(Stream)
    assert generator(1, Stream.NOISE, 2).random() == generator(1, Stream.NOISE, 2).random()
