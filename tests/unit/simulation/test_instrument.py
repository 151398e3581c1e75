import numpy as np
import pytest

from sip_luigi.domain.geometry import CORE_LATITUDE_RAD, sidereal_time_rad
from sip_luigi.simulation.gains import (
    clock_offsets_s,
    clock_phase,
    draw_bandpass,
    leakage_terms,
    station_gains,
)
from sip_luigi.simulation.ionosphere import (
    EARTH_RADIUS_M,
    TEC_TO_PHASE,
    draw_screen,
    pierce_points,
    tec_phase,
)
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.predict import baselines
from sip_luigi.simulation.receiver import (
    Noise,
    apply_gains,
    apply_leakage,
    draw_noise,
    make_autocorrelations_real,
    system_flux_jy,
)

SECONDS = np.arange(15.0, 14400.0, 30.0)


def test_gains_have_the_scatter_asked_for():
    options = SimulationOptions(gain_amplitude_scatter=0.2, gain_phase_scatter_rad=0.7)
    gains = station_gains(options, 500, SECONDS)
    assert gains.shape == (len(SECONDS), 500, 2)
    assert np.log(np.abs(gains)).std() == pytest.approx(0.2, rel=0.1)
    angles = np.unwrap(np.angle(gains), axis=0)
    within_a_turn = np.angle(np.exp(1j * angles))
    assert within_a_turn.std() == pytest.approx(0.7, rel=0.1)


def test_gains_drift_slowly():
    gains = station_gains(SimulationOptions(), 20, SECONDS)
    assert np.abs(np.diff(gains, axis=0)).max() < 0.05
    assert np.abs(gains[0] - gains[-1]).max() > 0.1
    steady = station_gains(SimulationOptions(gain_drift_fraction=0), 20, SECONDS)
    np.testing.assert_allclose(steady, np.broadcast_to(steady[:1], steady.shape))


def test_gains_can_be_switched_off():
    options = SimulationOptions(gain_amplitude_scatter=0, gain_phase_scatter_rad=0)
    np.testing.assert_array_equal(station_gains(options, 3, SECONDS), 1.0)


def test_bandpass_has_the_ripple_asked_for():
    bandpass = draw_bandpass(SimulationOptions(bandpass_ripple=0.03), 200)
    gains = np.array([bandpass.at(freq_hz) for freq_hz in np.linspace(120e6, 180e6, 300)])
    assert gains.shape == (300, 200, 2)
    assert np.abs(gains).std(axis=0).mean() == pytest.approx(0.03, rel=0.05)
    assert np.abs(gains).mean() == pytest.approx(1.0, abs=0.005)
    # Cable reflections make a ripple of about a megahertz; within a channel of 24 kHz it is smooth.
    step = np.abs(np.diff([bandpass.at(freq_hz) for freq_hz in 140e6 + 24e3 * np.arange(100)], axis=0))
    assert step.max() < 0.2 * 0.03


def test_bandpass_falls_off_towards_the_filters():
    bandpass = draw_bandpass(SimulationOptions(bandpass_depth=0.5), 3)
    np.testing.assert_allclose(bandpass.at(150e6), 1.0)
    np.testing.assert_allclose(bandpass.at(110e6), np.exp(-0.5))
    np.testing.assert_allclose(bandpass.at(190e6), np.exp(-0.5))


def test_bandpass_can_be_switched_off():
    np.testing.assert_array_equal(draw_bandpass(SimulationOptions(), 3).at(117e6), 1.0)


def test_core_stations_share_a_clock():
    names = ["CS002HBA0", "CS003HBA1"] + [f"RS{number}HBA" for number in range(100, 600)]
    offsets = clock_offsets_s(SimulationOptions(clock_offset_ns=20.0), names)
    np.testing.assert_array_equal(offsets[:2], 0.0)
    assert offsets[2:].std() == pytest.approx(20e-9, rel=0.1)
    # A nanosecond is a whole turn at 1 GHz.
    np.testing.assert_allclose(clock_phase(np.array([1e-9]), 1e9), 2 * np.pi)


def test_ionosphere_is_smooth_in_time_and_space():
    options = SimulationOptions(tec_rms_tecu=1.0)
    distances = np.array([0.0, 1e3, 1e4, 7e4])
    places = np.stack([distances, np.zeros(4)], axis=-1)
    tec = draw_screen(options).tec(places, SECONDS)
    assert tec.shape == (len(SECONDS), 4)
    structure = (tec - tec[:, :1]).std(axis=0)
    assert 0 < structure[1] < 0.2 * structure[2] < 0.4 * structure[3]
    assert np.diff(tec, axis=0).std() < 0.2


def test_ionosphere_has_the_scatter_asked_for():
    tec = [
        draw_screen(SimulationOptions(tec_rms_tecu=0.1, seed=seed)).tec(np.zeros((1, 2)), SECONDS)
        for seed in range(100)
    ]
    assert np.std(tec) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("zenith_deg", [0.0, 30.0, 80.0])
def test_pierce_points_lie_on_the_shell(zenith_deg):
    """A line of sight followed to the height of the shell, step by step, comes out where the formula says."""
    mjd_s, height_m = 4.9e9, 300e3
    ra_rad = np.array([sidereal_time_rad(mjd_s)])
    dec_rad = np.array([CORE_LATITUDE_RAD - np.radians(zenith_deg)])
    offset_m, slant = pierce_points(ra_rad, dec_rad, np.array([mjd_s]), height_m)
    path = np.linspace(0.0, 2.5e6, 2_500_001)
    across, up = path * np.sin(np.radians(zenith_deg)), path * np.cos(np.radians(zenith_deg)) + EARTH_RADIUS_M
    height = np.hypot(across, up) - EARTH_RADIUS_M
    at = np.searchsorted(height, height_m)
    on_ground = EARTH_RADIUS_M * np.arctan2(across[at], up[at])
    # Due south, for the field is on the meridian.
    np.testing.assert_allclose(offset_m[0, 0], [0.0, -on_ground], atol=10.0)
    steepness = (path[at + 1] - path[at - 1]) / (height[at + 1] - height[at - 1])
    assert slant[0, 0] == pytest.approx(steepness, rel=1e-4)


def test_below_the_horizon_nothing_is_infinite():
    offset_m, slant = pierce_points(np.array([0.0]), np.array([-1.5]), np.array([4.9e9]), 300e3)
    assert np.isfinite(offset_m).all()
    assert 1 < slant.max() < 4


def test_screen_over_the_field():
    """The content towards a source is that above where its line of sight pierces the screen."""
    screen = draw_screen(SimulationOptions(tec_rms_tecu=0.1))
    stations = np.random.default_rng(1).normal(scale=2e4, size=(5, 2))
    offset_m = np.random.default_rng(2).normal(scale=5e4, size=(3, 4, 2))
    slant = np.full((3, 4), 1.2)
    seconds = np.array([0.0, 600.0, 1200.0])
    found = screen.slant_tec(stations, offset_m, slant, seconds)
    for time, source in np.ndindex(3, 4):
        above = screen.tec(stations + offset_m[time, source], seconds[time : time + 1])[0]
        np.testing.assert_allclose(found[time, :, source], 1.2 * above, atol=1e-12)


def test_drift_is_the_wind():
    screen = draw_screen(SimulationOptions())
    places = np.zeros((1, 2))
    later = screen.tec(places + 600.0 * screen.wind_m_s, np.array([600.0]))
    np.testing.assert_allclose(later, screen.tec(places, np.zeros(1)), atol=1e-12)


def test_leakage():
    terms = leakage_terms(SimulationOptions(leakage=0.02), 500)
    assert np.sqrt((np.abs(terms) ** 2).mean()) == pytest.approx(0.02, rel=0.05)
    np.testing.assert_array_equal(leakage_terms(SimulationOptions(), 3), 0)


def test_leakage_is_applied_to_both_sides():
    rng = np.random.default_rng(3)
    first, second = baselines(3)
    shape = (2, len(first), 4)
    data = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    terms = rng.normal(size=(3, 2)) + 1j * rng.normal(size=(3, 2))
    changed = apply_leakage(data, terms, first, second)
    for time, row in np.ndindex(2, len(first)):
        left, right = (np.array([[1, terms[s, 0]], [terms[s, 1], 1]]) for s in (first[row], second[row]))
        expected = left @ data[time, row].reshape(2, 2) @ right.conj().T
        np.testing.assert_allclose(changed[time, row].reshape(2, 2), expected, rtol=1e-5, atol=1e-5)


def test_tec_phase():
    # One TECU turns a signal at 150 MHz by about nine times, backwards.
    assert tec_phase(np.array([1.0]), 150e6)[0] / (2 * np.pi) == pytest.approx(-8.96, abs=0.01)
    electron, epsilon_0, electron_mass, light = (
        1.602176634e-19,
        8.8541878128e-12,
        9.1093837015e-31,
        299792458.0,
    )
    constant = electron**2 / (4 * np.pi * epsilon_0 * electron_mass * light) * 1e16
    assert pytest.approx(-constant, rel=1e-6) == TEC_TO_PHASE


def test_noise_statistics():
    first, second = baselines(4)
    sefd_jy = system_flux_jy(2.0, 24e3, 30.0)
    drawn = draw_noise(np.random.default_rng(1), np.ones((20000, 4)), first, second, Noise(2.0, sefd_jy))
    auto = first == second
    cross = drawn[:, ~auto]
    assert cross.dtype == np.complex64
    assert cross.real.std() == pytest.approx(2.0, rel=0.01)
    assert cross.imag.std() == pytest.approx(2.0, rel=0.01)
    assert abs(cross.mean()) < 0.02
    own = drawn[:, auto]
    np.testing.assert_array_equal(own[..., [0, 3]].imag, 0.0)
    np.testing.assert_array_equal(own[..., 2], own[..., 1].conj())
    assert own[..., 0].real.mean() == pytest.approx(sefd_jy, rel=1e-3)
    assert own[..., 3].real.std() == pytest.approx(sefd_jy / np.sqrt(24e3 * 30.0), rel=0.02)


def test_noisy_station():
    first, second = baselines(3)
    factors = np.tile([1.0, 16.0, 1.0], (5000, 1))
    drawn = draw_noise(np.random.default_rng(1), factors, first, second, Noise(2.0, 1000.0))
    spread = dict(zip(zip(first, second, strict=True), drawn[..., 1].real.std(axis=0), strict=True))
    assert spread[0, 2] == pytest.approx(2.0, rel=0.05)
    assert spread[0, 1] == pytest.approx(8.0, rel=0.05)
    own = np.flatnonzero((first == 1) & (second == 1))[0]
    assert drawn[:, own, 0].real.mean() == pytest.approx(16000.0, rel=0.01)


def test_gains_are_applied_to_both_sides():
    rng = np.random.default_rng(2)
    first, second = baselines(3)
    shape = (2, len(first), 4)
    data = (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)
    gains = rng.normal(size=(2, 3, 2)) + 1j * rng.normal(size=(2, 3, 2))
    changed = apply_gains(data, gains, first, second)
    for time, row in np.ndindex(2, len(first)):
        left, right = np.diag(gains[time, first[row]]), np.diag(gains[time, second[row]])
        expected = left @ data[time, row].reshape(2, 2) @ right.conj().T
        np.testing.assert_allclose(changed[time, row].reshape(2, 2), expected, rtol=1e-5, atol=1e-5)


def test_autocorrelations_become_real():
    first, second = baselines(2)
    data = np.full((1, 3, 4), 1 + 1j, dtype=np.complex64)
    make_autocorrelations_real(data, first, second)
    np.testing.assert_array_equal(data[0, :, 0].imag, [0, 1, 0])
    np.testing.assert_array_equal(data[0, :, 1].imag, 1)
