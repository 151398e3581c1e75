import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.limits import RANGES
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.utc import mjd_seconds, utc_text


def test_defaults_are_an_observation():
    options = SimulationOptions()
    assert options.n_times == 120
    assert options.subband_numbers == tuple(range(8))
    assert options.applies_beam


def test_every_limit_belongs_to_an_option():
    assert set(RANGES) <= set(SimulationOptions().as_dict())


@pytest.mark.parametrize("name", sorted(RANGES))
def test_out_of_range_names_the_option(name):
    low, high = RANGES[name]
    wrong = [low - 1, math.nan, "much", True] + ([high * 2] if math.isfinite(high) else [])
    for value in wrong:
        with pytest.raises(ConfigurationError, match=name):
            SimulationOptions(**{name: value})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("antenna_set", "LBA_OUTER"),
        ("start_utc", "yesterday"),
        ("start_utc", None),
        ("stations", "CS002HBA0"),
        ("stations", 1),
        ("stations", True),
        ("stations", ("CS002HBA0", "CS002HBA0")),
        ("beam", 1),
        ("obs_id", "../L1"),
        ("seed", 1.5),
        ("flux_max_jy", 0.01),
        ("duration_s", 10.0),
        ("dead_stations", 23),
        ("subband_spacing_hz", 20e6),
        ("first_subband", 999),
    ],
)
def test_refused(name, value):
    with pytest.raises(ConfigurationError, match="observation id" if name == "obs_id" else name):
        SimulationOptions(**{name: value})


def test_field_below_the_horizon_is_refused():
    with pytest.raises(ConfigurationError, match="sinks to an elevation of"):
        SimulationOptions(dec_deg=-60.0)
    with pytest.raises(ConfigurationError, match="ra_deg"):
        SimulationOptions(ra_deg=SimulationOptions().phase_centre_deg[0] - 180.0 + 360.0, dec_deg=20.0)


def test_default_field_transits_in_the_middle():
    options = SimulationOptions(duration_s=7200.0)
    before, middle, after = (options.elevation_deg(seconds) for seconds in (0.0, 3600.0, 7200.0))
    assert middle > before
    assert middle > after
    assert before == pytest.approx(after, abs=0.01)
    assert middle == pytest.approx(90.0 - (58.0 - 52.915), abs=0.01)


def test_digest_depends_on_the_data_only():
    options = SimulationOptions()
    assert options.digest == replace(options, disks=3).digest
    assert options.digest == SimulationOptions(noise_jy=1, dec_deg=58).digest
    assert options.digest != replace(options, seed=2).digest


@given(
    stations=st.one_of(st.integers(2, 62), st.just(("CS002HBA0", "RS106HBA"))),
    seed=st.integers(0, 2**63 - 1),
    noise_jy=st.floats(0, 1e9),
)
def test_dictionary_round_trip(stations, seed, noise_jy):
    options = SimulationOptions(stations=stations, seed=seed, noise_jy=noise_jy, dead_stations=0)
    again = SimulationOptions.from_dict(options.as_dict())
    assert again == options
    assert again.digest == options.digest


def test_subband_frequencies():
    options = SimulationOptions(subbands=3, first_subband=80, subband_spacing_hz=1e6)
    assert options.subband_centre_hz(82) == options.frequency_hz + 2e6
    assert options.band_centre_hz == options.frequency_hz + 1e6


def test_beam_needs_its_tables():
    assert not SimulationOptions(beam_tables=False).applies_beam


def test_times():
    assert mjd_seconds("1858-11-17T00:00:10") == 10.0
    assert mjd_seconds("1858-11-17T02:00:10+02:00") == 10.0
    assert utc_text(86400.0 * 51544) == "2000-01-01T00:00:00.000Z"
    assert mjd_seconds(utc_text(4.9e9)) == 4.9e9
