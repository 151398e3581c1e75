import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.catalogue import Detection, angle, chord, match, nearest, unit_vectors
from sip_luigi.domain.quality import robust_sigma, thermal_noise_jy
from sip_luigi.domain.skymodel import SkyModel, Source
from sip_luigi.domain.skymodel_update import position_name, update_sky_model

ARCSEC = math.radians(1 / 3600)


def sky(*positions):
    ra, dec = np.deg2rad(np.array(positions, dtype=float).reshape(-1, 2)).T
    return unit_vectors(ra, dec)


@given(st.floats(1e-9, math.pi))
def test_chord_and_angle(radians):
    assert angle(chord(radians)) == pytest.approx(radians, rel=1e-6)


@pytest.mark.parametrize(
    ("first", "second"),
    [((0.0001, 10), (359.9999, 10)), ((10, 89.9999), (190, 89.9999)), ((120, 0), (120.0002, 0))],
)
def test_neighbours_over_the_seams_of_the_sphere(first, second):
    index, separation = nearest(sky(first), sky(second), 2 * ARCSEC)
    assert index[0] == 0
    assert separation[0] / ARCSEC == pytest.approx(0.72, abs=0.02)


def test_match_is_mutual():
    pairs = match(sky((10, 0), (10.0005, 0)), sky((10.0004, 0), (50, 0)), 10 * ARCSEC)
    assert pairs.first.tolist() == [1]
    assert pairs.second.tolist() == [0]


def test_nothing_matches_nothing():
    assert len(match(sky(), sky((1, 1)), 1.0).first) == 0
    assert len(match(sky((1, 1)), sky(), 1.0).first) == 0


def test_robust_sigma_of_a_normal_distribution_with_outliers():
    values = np.random.default_rng(1).normal(3, 2, 20000)
    values[:200] = 1e6
    assert robust_sigma(values) == pytest.approx(2, rel=0.03)


def test_thermal_noise_scales():
    reference = thermal_noise_jy(8 * 3600, 48e6, 1.0, math.pi / 2, 62)
    assert reference == pytest.approx(62e-6)
    assert thermal_noise_jy(2 * 3600, 48e6, 1.0, math.pi / 2, 62) == pytest.approx(2 * reference)
    assert thermal_noise_jy(8 * 3600, 48e6, 1.0, math.pi / 6, 62) == pytest.approx(4 * reference)
    assert thermal_noise_jy(8 * 3600, 48e6, 0.0, math.pi / 2, 62) is None


def source(name, ra_deg, dec_deg, flux, **more):
    return Source(name, math.radians(ra_deg), math.radians(dec_deg), flux, 150e6, (-0.8,), **more)


def detection(ra_deg, dec_deg, flux):
    return Detection("d", math.radians(ra_deg), math.radians(dec_deg), flux)


def update(model, *detections):
    return update_sky_model(SkyModel(sources=tuple(model)), detections, 150e6, 10 * ARCSEC, -0.7)


def test_a_known_source_takes_flux_and_position():
    made = update([source("a", 10, 50, 1.0)], detection(10.001, 50, 2.0))
    (corrected,) = made.model.sources
    assert (corrected.name, corrected.flux_jy) == ("a", pytest.approx(2.0))
    assert math.degrees(corrected.ra_rad) == pytest.approx(10.001)
    assert corrected.spectral_index == (-0.8,)
    assert (made.matched, made.added, made.undetected) == (("a",), (), ())


def test_components_of_one_detection_keep_their_structure():
    made = update([source("a", 10, 50, 3.0), source("b", 10.001, 50, 1.0)], detection(10.0003, 50, 8.0))
    assert [s.flux_jy for s in made.model.sources] == pytest.approx([6.0, 2.0])
    assert math.degrees(made.model.sources[1].ra_rad) == pytest.approx(10.001)


def test_new_and_undetected():
    made = update([source("a", 10, 50, 1.0)], detection(11, 50, 2.0), detection(11.0, 50.5, -1.0))
    assert made.undetected == ("a",)
    assert made.model.sources[0].flux_jy == 1.0
    assert [s.spectral_index for s in made.model.sources[1:]] == [(-0.7,)]


def test_a_new_source_takes_the_spectral_index_that_was_measured():
    measured = replace(detection(11, 50, 2.0), spectral_index=-1.2)
    assert update([], measured).model.sources[0].spectral_index == (-1.2,)


def test_the_update_is_measured_at_the_frequency_of_the_image():
    model = SkyModel(sources=(source("a", 10, 50, 1.0),))
    made = update_sky_model(model, [detection(10, 50, 2.0)], 120e6, 10 * ARCSEC, -0.7)
    assert made.model.sources[0].flux_at(120e6) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("ra", "dec", "name"),
    [
        ("14:11:20.67", 52.20264, "J141120.6+521209"),
        ("00:00:00.00", -0.5, "J000000.0-003000"),
        ("23:59:59.99", 89.99999, "J235959.9+895959"),
    ],
)
def test_names(ra, dec, name):
    hours, minutes, seconds = map(float, ra.split(":"))
    degrees = 15 * (hours + minutes / 60 + seconds / 3600)
    assert position_name(math.radians(degrees) + 1e-12, math.radians(dec)) == name
