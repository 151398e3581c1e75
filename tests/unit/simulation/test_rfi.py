from dataclasses import replace

import numpy as np
import pytest

from sip_luigi.domain.instrument import SPEED_OF_LIGHT_M_S
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.rfi import LONGEST_BURST, draw_rfi, rfi_voltages

OPTIONS = SimulationOptions(rfi_narrow=30, rfi_broad=20, first_subband=10, subbands=4)


def test_events_lie_within_the_observation():
    for event in draw_rfi(OPTIONS, 5):
        assert 0 <= event.first_slot <= event.last_slot < OPTIONS.n_times
        assert set(event.subbands) <= set(OPTIONS.subband_numbers)
        assert set(event.channels) <= set(range(OPTIONS.channels))
        assert np.linalg.norm(event.polarisation) == pytest.approx(np.sqrt(2))
        assert np.abs(event.polarisation).min() > 0.4


def test_kinds():
    events = draw_rfi(OPTIONS, 5)
    narrow = [event for event in events if event.kind == "narrow"]
    broad = [event for event in events if event.kind == "broad"]
    assert (len(narrow), len(broad)) == (30, 20)
    assert all(len(event.subbands) == len(event.channels) == 1 for event in narrow)
    assert all(event.last_slot - event.first_slot < LONGEST_BURST for event in broad)
    assert all(event.hits(13, 7) and not event.hits(14, 0) for event in broad)


def test_one_time_slot():
    assert len(draw_rfi(SimulationOptions(duration_s=30), 3)) == 6


def test_nothing_asked_for():
    assert draw_rfi(SimulationOptions(rfi_narrow=0, rfi_broad=0), 3) == ()


def test_records():
    options = replace(OPTIONS, start_utc="2024-03-20T20:00:00")
    event = draw_rfi(options, 5)[-1]
    records = event.as_records(replace(options, interval_s=60.0))
    assert [entry["subband"] for entry in records] == [10, 11, 12, 13]
    minutes = event.first_slot
    assert records[0]["start_utc"] == f"2024-03-20T{20 + minutes // 60}:{minutes % 60:02d}:00.000Z"
    assert records[0]["channels"] == list(range(8))


def test_voltages_follow_the_stopped_fringes():
    event = draw_rfi(OPTIONS, 3)[0]
    freq_hz = 150e6
    w_m = np.array([[0.0, 0.0, 0.0], [0.0, SPEED_OF_LIGHT_M_S / freq_hz / 4, 0.0]])
    voltages = rfi_voltages(event, w_m, freq_hz)
    assert voltages.shape == (2, 3, 2)
    np.testing.assert_allclose(voltages[1, 1], 1j * voltages[0, 1])
    power = (np.abs(voltages) ** 2).sum(axis=-1) / 2
    np.testing.assert_allclose(power[0], event.amplitude_jy * np.abs(event.strength) ** 2)
