import numpy as np
import pytest

from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S
from sip_luigi.simulation.predict import baselines, fringes
from sip_luigi.simulation.sky import direction_cosines
from sip_luigi.simulation.visibility import (
    EARTH_TURNS_RAD_S,
    Array,
    Averaging,
    attenuation,
    uvw_rate,
)

DEC = 0.9
PAIRS = np.stack(baselines(4))
FREQ = 140e6


@pytest.fixture
def uvw_m():
    return np.random.default_rng(1).normal(scale=3000.0, size=(2, 4, 3))


def between(values):
    return values[:, PAIRS[1]] - values[:, PAIRS[0]]


@pytest.mark.parametrize("distance_deg", [0.0, 2.0, 50.0])
def test_a_gaussian_is_a_cloud_of_points(uvw_m, distance_deg):
    """Many points, spread on the sky as the Gaussian says, have its visibilities."""
    uvw_m = uvw_m / 60.0  # where the cloud is resolved but not lost in its own noise
    ra0, dec0 = 1.0, DEC
    ra, dec = 1.0 + np.radians(distance_deg), 0.7
    major, minor, angle = np.radians([1.5, 0.7, 35.0])
    rng = np.random.default_rng(2)
    along, across = rng.normal(size=(2, 400_000)) * np.array([[major], [minor]]) / np.sqrt(8 * np.log(2))
    east = along * np.sin(angle) + across * np.cos(angle)
    north = along * np.cos(angle) - across * np.sin(angle)
    # Small offsets about the source, in its own tangent plane.
    basis_ra = np.array([-np.sin(ra), np.cos(ra), 0.0])
    basis_dec = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
    centre = np.array([np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)])
    frame = np.array(
        [
            [-np.sin(ra0), np.cos(ra0), 0.0],
            [-np.sin(dec0) * np.cos(ra0), -np.sin(dec0) * np.sin(ra0), np.cos(dec0)],
            [np.cos(dec0) * np.cos(ra0), np.cos(dec0) * np.sin(ra0), np.sin(dec0)],
        ]
    )
    b = between(uvw_m) * FREQ / SPEED_OF_LIGHT_M_S
    offsets = (east[:, None] * basis_ra + north[:, None] * basis_dec) @ frame.T
    expected = np.array([np.exp(2j * np.pi * offsets @ row).mean() for row in b.reshape(-1, 3)])
    lmn = direction_cosines(np.array([ra]), np.array([dec]), ra0, dec0)[0]
    np.testing.assert_allclose(lmn + np.array([0, 0, 1]), frame @ centre, atol=1e-12)
    shape_rad = np.array([major, minor, angle])
    ours = attenuation(Array(uvw_m, dec0, PAIRS), lmn, shape_rad, None).at(FREQ)
    assert ours.min() < 0.5
    np.testing.assert_allclose(ours.ravel(), expected, atol=0.006)


def test_a_point_keeps_everything(uvw_m):
    array, nowhere = Array(uvw_m, DEC, PAIRS), np.zeros(3)
    np.testing.assert_array_equal(attenuation(array, nowhere, np.zeros(3), None).at(FREQ), 1.0)
    averaged = attenuation(array, nowhere, np.zeros(3), Averaging(1e5, 30.0))
    np.testing.assert_array_equal(averaged.at(FREQ), 1.0)


def turned(uvw_m, seconds):
    """The array some time later, seen from the phase centre."""
    angle = EARTH_TURNS_RAD_S * seconds
    axis = np.array([0.0, np.cos(DEC), np.sin(DEC)])
    along = np.multiply.outer(uvw_m @ axis, axis)
    return along + np.cos(angle) * (uvw_m - along) + np.sin(angle) * np.cross(axis, uvw_m)


def test_uvw_rate(uvw_m):
    step = turned(uvw_m, 0.5) - turned(uvw_m, -0.5)
    np.testing.assert_allclose(uvw_rate(uvw_m, DEC), step, atol=1e-8)


def test_smearing_is_an_average(uvw_m):
    lmn = direction_cosines(np.array([1.4]), np.array([0.6]), 1.0, DEC)
    width_hz, interval_s = 100e3, 6.0
    inside = (np.arange(40) + 0.5) / 40 - 0.5
    first, second = PAIRS
    total = 0
    for part in inside:
        early = turned(uvw_m, part * interval_s)
        for shift in inside:
            voltage = fringes(early, lmn, FREQ + shift * width_hz)[:, :, 0]
            total = total + voltage[:, first] * voltage[:, second].conj() / 1600
    ours = attenuation(Array(uvw_m, DEC, PAIRS), lmn[0], np.zeros(3), Averaging(width_hz, interval_s)).at(
        FREQ
    )
    assert np.abs(ours).min() < 0.8
    np.testing.assert_allclose(np.abs(ours), np.abs(total), atol=2e-3)
