import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sip_luigi.domain.association import ARCSEC_RAD, Criteria, associate
from sip_luigi.domain.sky import DETECTION, SOURCE, Kind, empty

CRITERIA = Criteria(max_de_ruiter=5.68, max_beams=0.5)
DEC = 0.8


def known(east_arcsec, north_arcsec=0.0, error_arcsec=1.0, beam_arcsec=20.0, dec=DEC):
    return _rows(SOURCE, east_arcsec, north_arcsec, error_arcsec, dec, beam_arcsec=beam_arcsec)


def found(east_arcsec, north_arcsec=0.0, error_arcsec=1.0, dec=DEC):
    return _rows(DETECTION, east_arcsec, north_arcsec, error_arcsec, dec)


def _rows(dtype, east_arcsec, north_arcsec, error_arcsec, dec, **columns):
    east = np.atleast_1d(np.asarray(east_arcsec, dtype=float))
    rows = empty(dtype, len(east))
    rows["dec_rad"] = dec + np.broadcast_to(north_arcsec, east.shape) * ARCSEC_RAD
    rows["ra_rad"] = (east * ARCSEC_RAD / np.cos(rows["dec_rad"])) % (2 * np.pi)
    rows["ra_error_rad"] = rows["dec_error_rad"] = error_arcsec * ARCSEC_RAD
    for name, value in columns.items():
        rows[name] = value
    return rows


def kinds(pairs):
    return [Kind(kind) for kind in pairs.kind]


def test_the_radius_is_the_distance_in_errors():
    pairs = associate(known(0.0, error_arcsec=3.0), found(4.0, 2.0, error_arcsec=1.0), 20.0, 0.0, CRITERIA)
    assert pairs.de_ruiter[0] == pytest.approx(np.hypot(4, 2) / np.hypot(3, 1), rel=1e-4)
    assert kinds(pairs) == [Kind.ONE_TO_ONE]


def test_errors_and_beam_both_set_limits():
    assert len(associate(known(0.0), found(8.5), 20.0, 0.0, CRITERIA).known) == 0, "6 σ"
    assert len(associate(known(0.0), found(7.5), 20.0, 0.0, CRITERIA).known) == 1, "5.3 σ"
    assert len(associate(known(0.0), found(8.5), 20.0, 1.0 * ARCSEC_RAD, CRITERIA).known) == 1, (
        "with astrometry"
    )
    vague = found(12.0, error_arcsec=9.0)
    assert len(associate(known(0.0), vague, 20.0, 0.0, CRITERIA).known) == 0, "beyond half a beam"
    assert len(associate(known(0.0, beam_arcsec=45.0), vague, 20.0, 0.0, CRITERIA).known) == 1


def test_inside_a_larger_beam_flux_may_be_anywhere():
    coarse = known(0.0, error_arcsec=0.5, beam_arcsec=45.0)
    pairs = associate(coarse, found([-15.0, 15.0], error_arcsec=0.2), 6.0, 0.0, CRITERIA)
    assert kinds(pairs) == [Kind.ONE_TO_MANY] * 2
    sharp = known(0.0, error_arcsec=0.5, beam_arcsec=6.0)
    assert len(associate(sharp, found([-15.0, 15.0], error_arcsec=0.2), 6.0, 0.0, CRITERIA).known) == 0


def test_many_to_one():
    pairs = associate(known([-6.0, 6.0], beam_arcsec=6.0), found(0.0), 45.0, 0.0, CRITERIA)
    assert kinds(pairs) == [Kind.MANY_TO_ONE] * 2
    assert len(pairs.undetected) == len(pairs.new) == 0


def test_tangled_groups_are_taken_apart():
    # 0 and 1 in reach of each other's detections; 2 has none that is not another's.
    pairs = associate(known([0.0, 5.0, 2.5]), found([0.2, 4.9]), 20.0, 0.0, CRITERIA)
    assert list(zip(pairs.known.tolist(), pairs.found.tolist(), strict=True)) == [(0, 0), (1, 1)]
    assert kinds(pairs) == [Kind.ONE_TO_ONE] * 2
    assert len(pairs.undetected) == 0, "what is confused is not missed"


def test_who_is_new_and_who_is_missing():
    pairs = associate(known([0.0, 100.0]), found([200.0, 0.5]), 20.0, 0.0, CRITERIA)
    assert (pairs.new.tolist(), pairs.undetected.tolist()) == ([0], [1])


@pytest.mark.parametrize(("n_known", "n_found"), [(0, 0), (3, 0), (0, 3)])
def test_nothing_to_associate(n_known, n_found):
    pairs = associate(
        known(np.arange(n_known) * 100.0), found(np.arange(n_found) * 100.0), 20.0, 0.0, CRITERIA
    )
    assert len(pairs.known) == 0
    assert (len(pairs.new), len(pairs.undetected)) == (n_found, n_known)


@pytest.mark.parametrize("dec", [0.0, 1.5, np.pi / 2 - 1e-4, -np.pi / 2 + 1e-4])
def test_everywhere_on_the_sphere(dec):
    east = np.array([-300.0, -2.0, 0.0, 300.0])
    pairs = associate(known(east, dec=dec), found(east + 1.0, dec=dec), 5.0, 0.0, CRITERIA)
    assert sorted(zip(pairs.known.tolist(), pairs.found.tolist(), strict=True))[0] == (0, 0)
    assert (pairs.de_ruiter < 3.0).all()


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.floats(-40, 40), st.floats(-40, 40)), max_size=12),
    st.lists(st.tuples(st.floats(-40, 40), st.floats(-40, 40)), max_size=12),
)
def test_every_detection_has_one_fate(first, second):
    sources = known(*(np.array(first).reshape(-1, 2).T), error_arcsec=2.0)
    detections = found(*(np.array(second).reshape(-1, 2).T), error_arcsec=2.0)
    pairs = associate(sources, detections, 20.0, 0.0, CRITERIA)
    assert sorted({*pairs.found.tolist(), *pairs.new.tolist()}) == list(range(len(detections)))
    assert not set(pairs.new.tolist()) & set(pairs.found.tolist())
    assert not set(pairs.undetected.tolist()) & set(pairs.known.tolist())
    per_source = np.bincount(pairs.known, minlength=len(sources))[pairs.known]
    per_detection = np.bincount(pairs.found, minlength=len(detections))[pairs.found]
    assert not ((per_source > 1) & (per_detection > 1)).any()
    assert (pairs.de_ruiter <= CRITERIA.max_de_ruiter).all()
