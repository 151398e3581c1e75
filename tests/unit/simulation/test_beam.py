import numpy as np
import pytest

from sip_luigi.simulation.axes import channel_frequencies, slot_times
from sip_luigi.simulation.beam import (
    TIME_STEP_S,
    ZENITH_TIME_STEP_S,
    BeamGrid,
    grid_nodes,
    relative_power,
    time_step_s,
)
from sip_luigi.simulation.options import SimulationOptions


def test_nodes_enclose_all_data():
    options = SimulationOptions(subbands=20, subband_spacing_hz=2e6)
    times, freqs = grid_nodes(options)
    slots = slot_times(options)
    assert (times[0], times[-1]) == (slots[0], pytest.approx(slots[-1]))
    assert np.diff(times).max() <= TIME_STEP_S
    assert freqs[0] < channel_frequencies(options, 0)[0]
    assert freqs[-1] > channel_frequencies(options, 19)[-1]


def test_finer_near_the_zenith():
    assert time_step_s(SimulationOptions(dec_deg=58.0)) == TIME_STEP_S
    assert time_step_s(SimulationOptions(dec_deg=54.0)) == ZENITH_TIME_STEP_S


def test_one_slot():
    times, _ = grid_nodes(SimulationOptions(duration_s=30))
    assert len(times) == 1


def test_interpolation_and_storage(tmp_path):
    times, freqs = np.linspace(0, 900, 6), np.linspace(140e6, 148e6, 3)
    power = 1 - ((times[:, None] - 400) / 1000) ** 2 * (freqs[None, :] / 140e6)
    jones = np.einsum("tf,sanb->tfsanb", power, np.ones((2, 2, 3, 2))).astype(np.complex64)
    BeamGrid(times, freqs, jones).save(tmp_path / "beam.npz")
    grid = BeamGrid.load(tmp_path / "beam.npz")
    middle = grid.at(np.array([450.0, 899.0]), 143e6)
    assert middle.shape == (2, 2, 2, 3, 2)
    expected = 1 - ((np.array([450.0, 899.0]) - 400) / 1000) ** 2 * 143 / 140
    np.testing.assert_allclose(middle[:, 1, 1, 2, 0], expected, rtol=1e-5)


def test_relative_power():
    rng = np.random.default_rng(5)
    centre = rng.normal(size=(2, 3, 2, 2)) + 1j * rng.normal(size=(2, 3, 2, 2))
    relative = rng.normal(size=(2, 3, 2, 4, 2)) + 1j * rng.normal(size=(2, 3, 2, 4, 2))
    jones = np.einsum("tsab,tsbnc->tsanc", centre, relative)
    expected = np.zeros(4)
    for p, q in ((0, 1), (0, 2), (1, 2)):
        left, right = (relative[:, s].transpose(0, 2, 1, 3) for s in (p, q))
        product = left @ right.conj().swapaxes(-1, -2)
        expected += np.trace(product, axis1=-2, axis2=-1).real.mean(axis=0) / 2 / 3
    np.testing.assert_allclose(relative_power(jones, centre), expected)


def test_power_at_the_centre_is_one():
    centre = np.broadcast_to(np.diag([2.0, 3.0]), (1, 3, 2, 2))
    jones = centre[:, :, :, None, :]
    np.testing.assert_allclose(relative_power(jones, centre), [1.0])
