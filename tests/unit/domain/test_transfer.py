"""From a calibrator's solutions to corrections of a target."""

from dataclasses import replace

import numpy as np
import pytest

from sip_luigi.domain.clock import TEC_TO_PHASE
from sip_luigi.domain.errors import BadData
from sip_luigi.domain.transfer import CalibratorOptions, GainSolutions, corrections_at, separate, stack

STATIONS = ("CS001HBA0", "CS002HBA0", "RS106HBA", "RS208HBA")
DELAY_S = np.array([0.0, 0.0, 120e-9, -80e-9])
OFFSET_RAD = np.array([0.0, 0.7, -1.2, 2.5])
OPTIONS = CalibratorOptions(
    outlier_sigma=5.0, smooth_hz=5e5, max_gap_hz=1e6, max_delay_s=400e-9, max_clock_error_s=5e-9
)
CHANNELS = 48828.125 * np.arange(4)


def level(freq):
    return (1.0 + np.array([0.0, 0.1, 0.2, 0.3])) * (1 - 0.2 * ((freq - 150e6) / 30e6) ** 2)[..., None]


def solved(start_hz, n_times=10, seed=0, freq_step_hz=0.0):
    """Gains of one subband: bandpass, clocks, offsets, an ionosphere that drifts, and noise."""
    rng = np.random.default_rng(int(start_hz) + seed)
    freq = start_hz + CHANNELS + freq_step_hz
    tec = np.array([0.0, 0.001, 0.1, -0.2]) * (1 + 0.1 * np.arange(n_times))[:, None]
    phase = 2 * np.pi * freq[None, :, None] * DELAY_S + TEC_TO_PHASE * tec[:, None] / freq[None, :, None]
    phase = phase[..., None] + OFFSET_RAD[:, None] * np.array([0.5, -0.5])
    phase = phase + rng.normal(0, 0.03, phase.shape)
    amplitude = level(freq)[None, :, :, None] * (1 + rng.normal(0, 0.02, phase.shape))
    phase = np.angle(np.exp(1j * phase))
    return GainSolutions(STATIONS, freq, amplitude, phase, np.ones(phase.shape, dtype=bool))


def band(spacing_hz=195312.5 * 6, n=40, **more):
    return {f"SB{i:03d}": solved(120e6 + i * spacing_hz, **more) for i in range(n)}


def test_bandpass_clock_and_offset_are_what_they_are():
    solutions, left_out = stack(band())
    assert not left_out
    found = separate(solutions, OPTIONS)
    assert found.reference == "CS001HBA0"
    assert not found.unusable
    np.testing.assert_allclose(found.instrument.delay_s, DELAY_S, atol=2e-9)
    np.testing.assert_allclose(found.instrument.xy_offset_rad, OFFSET_RAD, atol=0.02)
    freq = 120e6 + 5 * 195312.5 * 6 + CHANNELS
    corrections = corrections_at(found.instrument, freq, OPTIONS)
    np.testing.assert_allclose(corrections.amplitude, np.repeat(level(freq)[..., None], 2, 2), rtol=0.02)
    assert corrections.weight.all()
    assert not corrections.interpolated
    wanted = 2 * np.pi * freq[:, None] * found.instrument.delay_s
    for receptor, sign in ((0, 0.5), (1, -0.5)):
        turned = corrections.phase_rad[..., receptor] - wanted - sign * found.instrument.xy_offset_rad
        np.testing.assert_allclose(np.exp(1j * turned), np.ones(turned.shape), atol=1e-6)


def test_a_narrow_band_leaves_the_clock_to_the_target():
    found = separate(stack(band(195312.5, 4))[0], OPTIONS)
    assert not found.instrument.delay_s.any()
    assert found.clocks["RS106HBA"].delay_error_s > OPTIONS.max_clock_error_s
    np.testing.assert_allclose(found.instrument.xy_offset_rad, OFFSET_RAD, atol=0.05)


def test_lost_subbands_are_interpolated_within_reason():
    parts = {name: part for name, part in band(195312.5, 20).items() if name not in ("SB008", "SB009")}
    instrument = separate(stack(parts)[0], OPTIONS).instrument
    freq = 120e6 + 8 * 195312.5 + CHANNELS + 97656.0
    corrections = corrections_at(instrument, freq, OPTIONS)
    assert corrections.interpolated
    np.testing.assert_allclose(corrections.amplitude[..., 0], level(freq), rtol=0.02)
    with pytest.raises(BadData, match=r"no calibrator solutions within 1 MHz of 130\.073 MHz"):
        corrections_at(instrument, 130e6 + CHANNELS, OPTIONS)


def test_dead_stations_get_weight_zero():
    parts = {
        name: replace(part, amplitude=part.amplitude * np.array([1, 1, 0.0016, 1])[:, None])
        for name, part in band(n=6).items()
    }
    for part in parts.values():
        part.good[:, :, 1] = False
    found = separate(stack(parts)[0], OPTIONS)
    assert set(found.unusable) == {"CS002HBA0", "RS106HBA"}
    assert "0% of the solutions" in found.unusable["CS002HBA0"]
    corrections = corrections_at(found.instrument, parts["SB002"].freq_hz, OPTIONS)
    assert corrections.weight.any(axis=(0, 2)).tolist() == [True, False, False, True]
    assert np.isfinite(corrections.amplitude).all()


def test_subbands_that_differ():
    parts = band(n=4)
    parts["SB001"] = solved(121e6, n_times=3)
    fewer = parts["SB002"]
    parts["SB002"] = GainSolutions(
        STATIONS[:3],
        fewer.freq_hz,
        fewer.amplitude[:, :, :3],
        fewer.phase_rad[:, :, :3],
        fewer.good[:, :, :3],
    )
    solutions, left_out = stack(parts)
    assert left_out == {"SB001": "3 solutions in time, the others have 10"}
    assert solutions.stations == STATIONS
    assert solutions.amplitude.shape == (10, 12, 4, 2)
    assert not solutions.good[:, 4:8, 3].any()
    assert (np.diff(solutions.freq_hz) > 0).all()


def test_no_station_at_all():
    solutions = stack(band(n=2))[0]
    with pytest.raises(BadData, match="no station has usable calibrator solutions"):
        separate(replace(solutions, good=np.zeros_like(solutions.good)), OPTIONS)
