import numpy as np
import pytest

from sip_luigi.domain.coverage import Coverage, fit_primary_beam, has_appeared, has_vanished, should_be_seen
from sip_luigi.domain.sky import SOURCE, empty

FIELD = Coverage(1.0, 0.5, 0.05, 1e-3, 0.06, 5.0, 150e6)


def source(distance_rad=0.0, flux_jy=0.1, **columns):
    rows = empty(SOURCE, 1)
    given = {"ra_rad": 1.0, "dec_rad": 0.5 + distance_rad, "flux_jy": flux_jy, "flux_error_jy": 1e-3}
    for name, value in {**given, "reference_freq_hz": 150e6, "beam_arcsec": 20.0, **columns}.items():
        rows[name] = value
    return rows


def test_the_limit_rises_with_the_primary_beam():
    limit = FIELD.limit_jy(np.array([1.0, 1.0, 1.0]), np.array([0.5, 0.53, 0.56]))
    assert limit[:2] == pytest.approx([5e-3, 10e-3], rel=1e-6)
    assert limit[2] == np.inf


def test_the_beam_is_found_again():
    distance = np.linspace(0, 0.05, 500)
    beam = np.exp(-4 * np.log(2) * (distance / 0.06) ** 2)
    assert fit_primary_beam(beam, distance) == pytest.approx(0.06)
    assert fit_primary_beam(np.ones(10), np.linspace(0, 1, 10)) == 0.0
    assert fit_primary_beam(np.full(10, np.nan), np.linspace(0, 1, 10)) == 0.0


def test_what_should_be_seen():
    assert should_be_seen(source(), FIELD)[0][0]
    assert not should_be_seen(source(flux_jy=4e-3), FIELD)[0][0]
    assert not should_be_seen(source(0.06), FIELD)[0][0]
    assert not should_be_seen(source(flux_jy=0.01, major_arcsec=60.0), FIELD)[0][0], "spread over many beams"
    steep = source(flux_jy=0.01, reference_freq_hz=15e6, spectral_index=-0.8)
    assert not should_be_seen(steep, FIELD)[0][0], "at the frequency of the image"


def test_gone_by_more_than_the_errors():
    assert has_vanished(source(flux_jy=0.1), FIELD, 3.0)[0]
    assert not has_vanished(source(flux_jy=0.006), FIELD, 3.0)[0], "a little above the limit"
    assert not has_vanished(source(flux_jy=0.1, flux_error_jy=0.05), FIELD, 3.0)[0]
    assert not has_vanished(source(0.06), FIELD, 3.0)[0], "outside"


def test_appeared_only_where_somebody_looked():
    assert has_appeared(source(), [FIELD], 3.0)[0]
    assert not has_appeared(source(), [], 3.0)[0]
    elsewhere = Coverage(2.0, 0.5, 0.05, 1e-3, 0.0, 5.0, 150e6)
    assert not has_appeared(source(), [elsewhere], 3.0)[0]
