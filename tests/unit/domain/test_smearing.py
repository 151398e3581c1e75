"""Smearing formulas against what they stand for, computed by brute force."""

import math

import numpy as np
import pytest

from sip_luigi.domain.smearing import Field, bandwidth_smearing, field_of, time_smearing

FREQ_HZ, BEAM_RAD = 150e6, math.radians(6.0 / 3600)
EARTH_RAD_S = 7.2921150e-5


def gaussian_uv(beam_rad):
    """Baselines in λ and the weights that make a Gaussian beam of this FWHM."""
    u = np.linspace(-3.0, 3.0, 601) / beam_rad
    uu, vv = np.meshgrid(u, u)
    return uu, vv, np.exp(-((math.pi * beam_rad) ** 2) * (uu**2 + vv**2) / (4 * math.log(2)))


@pytest.mark.parametrize("radius_beams", [50.0, 200.0, 700.0])
def test_time_smearing_is_that_of_a_source_at_the_pole_of_a_rotating_array(radius_beams):
    interval_s = 10.0
    field = Field(radius_beams * BEAM_RAD, BEAM_RAD, FREQ_HZ)
    _, vv, weight = gaussian_uv(BEAM_RAD)
    # The source moves across the fringes at ω θ; over the interval each baseline loses sinc(rate · interval).
    turns = vv * field.radius_rad * EARTH_RAD_S * interval_s
    loss = 1.0 - float((weight * np.sinc(turns)).sum() / weight.sum())
    assert time_smearing(field, interval_s) == pytest.approx(loss, rel=0.1)


@pytest.mark.parametrize(("radius_beams", "width_hz"), [(100, 2e4), (400, 4e4), (1000, 1.9e5)])
def test_bandwidth_smearing_is_that_of_a_square_channel(radius_beams, width_hz):
    field = Field(radius_beams * BEAM_RAD, BEAM_RAD, FREQ_HZ)
    uu, _, weight = gaussian_uv(BEAM_RAD)
    turns = uu * field.radius_rad * width_hz / FREQ_HZ
    loss = 1.0 - float((weight * np.sinc(turns)).sum() / weight.sum())
    assert bandwidth_smearing(field, width_hz) == pytest.approx(loss, rel=0.02)


def test_it_vanishes_smoothly_and_never_passes_one():
    field = Field(1e-3, 1e-3, FREQ_HZ)
    assert bandwidth_smearing(field, 0.0) == 0.0
    # Both sides of the place where the series takes over.
    below, above = (bandwidth_smearing(field, FREQ_HZ * beta) for beta in (1.19e-4, 1.21e-4))
    assert below == pytest.approx(above, rel=0.05)
    assert time_smearing(Field(1.0, 1e-6, FREQ_HZ), 3600.0) == 1.0
    assert 0.9 < bandwidth_smearing(Field(1.0, 1e-6, FREQ_HZ), 2e5) <= 1.0


def test_the_field_is_what_will_be_imaged():
    field = field_of(150e6, "HBA_DUAL", 0.5, 3e3, 0.0)
    assert field.freq_hz == 110e6
    assert math.degrees(field.radius_rad) == pytest.approx(2.59, abs=0.01)
    assert field.beam_rad == pytest.approx(299792458.0 / 110e6 / 3e3)
    assert field_of(150e6, "HBA_DUAL", 0.5, 3e3, 500.0).beam_rad == pytest.approx(1 / 500)
    assert field_of(150e6, "HBA_DUAL", 0.5, 3e3, 5000.0) == field
