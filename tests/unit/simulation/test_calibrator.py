from dataclasses import replace

import numpy as np
import pytest

from sip_luigi.domain.calibrators import CALIBRATORS, calibrator_model, calibrator_named
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.calibrator import calibrator_observation, previous_obs_id
from sip_luigi.simulation.field import draw_sky
from sip_luigi.simulation.instrument import draw_instrument
from sip_luigi.simulation.options import SimulationOptions

TARGET = SimulationOptions(
    obs_id="L1002", stations=8, duration_s=900, bandpass_ripple=0.03, clock_offset_ns=20, dead_stations=2
)
CALIBRATOR = calibrator_observation(TARGET, "3C196")


def test_it_ends_before_the_target_begins():
    assert CALIBRATOR.obs_id == "L1001"
    assert CALIBRATOR.duration_s == 600
    assert CALIBRATOR.start_mjd_s + 660 == TARGET.start_mjd_s
    assert CALIBRATOR.phase_centre_deg == (123.40023, 48.21738)
    assert CALIBRATOR.instrument_epoch_mjd_s == TARGET.start_mjd_s


def test_the_electronics_are_the_same():
    ours, theirs = draw_instrument(CALIBRATOR), draw_instrument(TARGET)
    assert ours.names == theirs.names
    assert ours.dead == theirs.dead
    np.testing.assert_array_equal(ours.bandpass.at(141e6), theirs.bandpass.at(141e6))
    np.testing.assert_array_equal(ours.clock_s, theirs.clock_s)
    # Over the eleven minutes from start to start the gains have drifted, by little.
    drift = np.abs(ours.gains[0] / theirs.gains[0] - 1)
    assert 1e-3 < drift.max() < 0.5
    between = np.abs(ours.gains[-1] / theirs.gains[0] - 1)
    assert between.max() < 0.1


def test_drift_continues():
    there = replace(CALIBRATOR, start_utc=TARGET.start_utc, ra_deg=None, dec_deg=58.0, interval_s=30.0)
    np.testing.assert_array_equal(draw_instrument(there).gains, draw_instrument(TARGET).gains[:20])


@pytest.mark.parametrize(
    ("duration_s", "interval_s", "n_times"), [(600, 5, 120), (7200, 30, 240), (10, 1, 10)]
)
def test_has_time_slots_enough_for_the_flagger(duration_s, interval_s, n_times):
    found = calibrator_observation(TARGET, "3C196", duration_s=duration_s)
    assert (found.interval_s, found.n_times, found.duration_s) == (interval_s, n_times, duration_s)
    # The system noise is that of the target's.
    expected = TARGET.noise_jy * np.sqrt(TARGET.interval_s / interval_s)
    assert found.noise_jy == pytest.approx(expected)


def test_interference_is_its_own():
    ours, theirs = draw_instrument(CALIBRATOR), draw_instrument(TARGET)
    assert not np.allclose(ours.rfi[0].strength, theirs.rfi[0].strength)


@pytest.mark.parametrize("calibrator", CALIBRATORS, ids=lambda calibrator: calibrator.name)
def test_spectrum_is_the_published_one(calibrator):
    sky = draw_sky(SimulationOptions(sources=0, standard_source=calibrator.name))
    assert sky.names == (calibrator.name,)
    model = calibrator_model(calibrator)
    for freq_hz in (120e6, 150e6, 180e6):
        assert sky.flux_at(freq_hz)[0] == pytest.approx(model.flux_at(freq_hz), rel=1e-12)


def test_field_and_standard_source_together():
    sky = draw_sky(SimulationOptions(sources=3, standard_source="3C295"))
    assert sky.names == ("SIM0001", "SIM0002", "SIM0003", "3C295")
    assert sky.flux_at(150e6)[3] == pytest.approx(97.763)


def test_refused():
    with pytest.raises(ConfigurationError, match=r"3C48.*found '3C999'"):
        calibrator_observation(TARGET, "3C999")
    with pytest.raises(ConfigurationError, match="L1002 for both"):
        calibrator_observation(TARGET, "3C196", "L1002")
    with pytest.raises(ConfigurationError, match="sinks to an elevation of"):
        calibrator_observation(replace(TARGET, start_utc="2024-03-20T10:00:00"), "3C286")
    with pytest.raises(ConfigurationError, match="above 0 s, found 0 s"):
        calibrator_observation(TARGET, "3C196", duration_s=0)
    with pytest.raises(ConfigurationError, match="observation id"):
        calibrator_observation(TARGET, "3C196", "../L1")


@pytest.mark.parametrize(
    ("obs_id", "expected"),
    [("L999001", "L999000"), ("L1000", "L0999"), ("night7", "night6"), ("L0", "L0-cal"), ("x", "x-cal")],
)
def test_previous_obs_id(obs_id, expected):
    assert previous_obs_id(obs_id) == expected


def test_named():
    assert calibrator_named("3C48").flux_jy == 64.768
