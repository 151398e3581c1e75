import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S
from sip_luigi.simulation.interpolation import even_nodes, weights
from sip_luigi.simulation.predict import (
    baselines,
    correlate_receptors,
    correlate_stations,
    fringes,
    source_voltages,
)


@pytest.fixture
def field():
    rng = np.random.default_rng(3)
    uvw_m = rng.normal(scale=2e4, size=(3, 4, 3))
    lm = rng.uniform(-0.04, 0.04, size=(5, 2))
    lmn = np.concatenate([lm, np.sqrt(1 - (lm**2).sum(axis=1, keepdims=True)) - 1], axis=1)
    return uvw_m, lmn, rng.uniform(0.1, 10, 5)


def test_order_of_baselines():
    first, second = baselines(3)
    assert list(zip(first, second, strict=True)) == [(0, 0), (0, 1), (1, 1), (0, 2), (1, 2), (2, 2)]


def test_measurement_equation(field):
    uvw_m, lmn, flux_jy = field
    first, second = baselines(4)
    freq_hz = 140e6
    voltages = source_voltages(fringes(uvw_m, lmn, freq_hz), flux_jy, None)
    data = correlate_stations(voltages, first, second)
    uvw = (uvw_m[:, second] - uvw_m[:, first]) * freq_hz / SPEED_OF_LIGHT_M_S
    expected = (flux_jy * np.exp(2j * np.pi * (uvw @ lmn.T))).sum(axis=-1)
    np.testing.assert_allclose(data[:, :, 0], expected, atol=1e-5 * flux_jy.sum())
    np.testing.assert_array_equal(data[:, :, 3], data[:, :, 0])
    np.testing.assert_array_equal(data[:, :, 1:3], 0)


def test_beams_stand_on_both_sides(field):
    uvw_m, lmn, flux_jy = field
    rng = np.random.default_rng(4)
    shape = (3, 4, 2, 5, 2)
    jones = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    first, second = baselines(4)
    fringe = fringes(uvw_m, lmn, 140e6)
    data = correlate_receptors(source_voltages(fringe, flux_jy, jones), first, second)
    matrices = jones.transpose(0, 1, 3, 2, 4) * fringe[..., None, None]
    product = matrices[:, first] @ matrices[:, second].conj().swapaxes(-1, -2)
    expected = (product * flux_jy[:, None, None]).sum(axis=2).reshape(3, -1, 4)
    np.testing.assert_allclose(data, expected, rtol=1e-4, atol=1e-4)


def test_unit_beams_change_nothing(field):
    uvw_m, lmn, flux_jy = field
    first, second = baselines(4)
    fringe = fringes(uvw_m, lmn, 140e6)
    jones = np.zeros((3, 4, 2, 5, 2), dtype=np.complex64)
    jones[:, :, 0, :, 0] = jones[:, :, 1, :, 1] = 1
    with_beam = correlate_receptors(source_voltages(fringe, flux_jy, jones), first, second)
    without = correlate_stations(source_voltages(fringe, flux_jy, None), first, second)
    np.testing.assert_allclose(with_beam, without, atol=1e-5 * flux_jy.sum())


def test_no_sources():
    first, second = baselines(2)
    fringe = fringes(np.zeros((1, 2, 3)), np.zeros((0, 3)), 140e6)
    np.testing.assert_array_equal(correlate_stations(fringe, first, second), 0)


@given(st.integers(1, 8), st.integers(0, 3))
def test_cubics_are_interpolated_exactly(n_nodes, degree):
    nodes = np.linspace(-1.0, 2.0, n_nodes) if n_nodes > 1 else np.array([0.5])
    points = np.linspace(nodes[0], nodes[-1], 17)
    matrix = weights(nodes, points)
    np.testing.assert_allclose(matrix.sum(axis=1), 1.0)
    if degree < n_nodes:
        np.testing.assert_allclose(matrix @ nodes**degree, points**degree, atol=1e-12)


def test_interpolation_hits_its_nodes():
    nodes = np.array([0.0, 1.0, 2.5, 4.0, 5.0, 7.0])
    np.testing.assert_array_equal(weights(nodes, nodes), np.eye(6))


def test_even_nodes():
    np.testing.assert_array_equal(even_nodes(0.0, 10.0, 4.0, 2), np.linspace(0, 10, 4))
    np.testing.assert_array_equal(even_nodes(0.0, 1.0, 4.0, 3), [0.0, 0.5, 1.0])
    np.testing.assert_array_equal(even_nodes(5.0, 5.0, 1.0, 3), [5.0])
