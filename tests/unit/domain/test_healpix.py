import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sip_luigi.domain.catalogue import angle, unit_vectors
from sip_luigi.domain.healpix import MAX_RANGES, cone_ranges, pixels, ranges_near

RA, DEC = st.floats(0, 2 * np.pi), st.floats(-np.pi / 2, np.pi / 2)


def inside(numbers, ranges):
    index = np.searchsorted(ranges[:, 0], numbers, side="right") - 1
    return (index >= 0) & (numbers <= ranges[np.maximum(index, 0), 1])


@settings(deadline=None, max_examples=40)
@given(RA, DEC, st.floats(1e-5, 1.0), st.integers(0, 2**32 - 1))
def test_a_cone_holds_all_that_is_in_it(ra, dec, radius, seed):
    rng = np.random.default_rng(seed)
    away, around = radius * np.sqrt(rng.uniform(0, 1, 200)), rng.uniform(0, 2 * np.pi, 200)
    north = np.array([-np.sin(dec) * np.cos(ra), -np.sin(dec) * np.sin(ra), np.cos(dec)])
    east = np.array([-np.sin(ra), np.cos(ra), 0.0])
    step = np.cos(around)[:, None] * north + np.sin(around)[:, None] * east
    there = np.cos(away)[:, None] * unit_vectors(ra, dec) + np.sin(away)[:, None] * step
    ranges = cone_ranges(ra, dec, radius)
    numbers = pixels(np.arctan2(there[:, 1], there[:, 0]), np.arcsin(np.clip(there[:, 2], -1, 1)))
    assert inside(numbers, ranges).all()
    assert (np.diff(ranges.ravel()) >= 0).all()


@settings(deadline=None, max_examples=200)
@given(RA, DEC, st.floats(1e-6, 0.1))
@example(ra=0.0, dec=1.0, distance=0.0625)
def test_neighbourhoods_hold_their_neighbours(ra, dec, distance):
    around = np.linspace(0, 2 * np.pi, 9)
    there_dec = np.clip(dec + distance * np.cos(around), -np.pi / 2, np.pi / 2)
    there_ra = ra + distance * np.sin(around) / max(np.cos(dec), 1e-9)
    near = (
        angle(np.linalg.norm(unit_vectors(there_ra, there_dec) - unit_vectors(ra, dec), axis=1)) <= distance
    )
    numbers = pixels(there_ra[near] % (2 * np.pi), there_dec[near])
    assert inside(numbers, ranges_near([ra], [dec], distance)).all()


def test_ranges_stay_few():
    rng = np.random.default_rng(1)
    ra, dec = rng.uniform(0, 2 * np.pi, 100_000), np.arcsin(rng.uniform(-1, 1, 100_000))
    ranges = ranges_near(ra, dec, 1e-4)
    assert len(ranges) <= MAX_RANGES
    assert inside(pixels(ra, dec), ranges).all()
    assert len(cone_ranges(1.0, 0.5, np.radians(5.0))) < 100


def test_nothing_is_near_nothing():
    assert ranges_near([], [], 0.1).shape == (0, 2)


@pytest.mark.parametrize("dec", [np.pi / 2, -np.pi / 2])
def test_the_poles(dec):
    assert inside(pixels([0.0, 3.0], [dec, dec]), cone_ranges(1.0, dec, 0.01)).all()
