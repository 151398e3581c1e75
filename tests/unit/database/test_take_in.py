"""What the sky model learns, version by version."""

import numpy as np
import pytest
from databases import CENTRE, QUALITY, detections, grid, image, rules, survey, update

from sip_luigi.database import sources, versions
from sip_luigi.database.batch import Batch
from sip_luigi.database.queries import changes, history, light_curve, show
from sip_luigi.database.take_in import take_in
from sip_luigi.domain.association import ARCSEC_RAD
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.sky import Kind


def all_sources(database, version=None):
    with database.reading() as connection:
        number = versions.head(connection) if version is None else version
        return sources.once(sources.cone(connection, number, *CENTRE, np.deg2rad(5.0)))


def test_new_sources_and_the_same_thing_twice(database):
    found = detections(*grid(), 1.0)
    first = update(database, "u1", image(), found)
    assert (first.version, first.accepted, first.fresh) == (1, True, True)
    assert first.summary["new"] == len(found) == len(all_sources(database))
    again = update(database, "u1", image(), found)
    assert (again.version, again.fresh) == (1, False)
    assert len(all_sources(database)) == len(found)


def test_a_second_night_corrects_and_duplicates_nothing(database):
    ra, dec = grid()
    rng = np.random.default_rng(1)
    update(database, "u1", image("L1", 60000.0), detections(ra, dec, 1.0))
    moved = ra + rng.normal(0, 0.5 * ARCSEC_RAD, len(ra)) / np.cos(dec)
    second = update(database, "u2", image("L2", 60001.0), detections(moved, dec, 1.002))
    assert second.summary["new"] == 0
    assert second.summary["associated"] == len(ra)
    found = all_sources(database)
    assert len(found) == len(ra)
    np.testing.assert_allclose(found["flux_jy"], 1.001, rtol=1e-6)
    np.testing.assert_allclose(found["flux_error_jy"], 1e-3 / np.sqrt(2), rtol=1e-6)
    assert (found["n_points"] == 2).all()
    assert not found["variable"].any()
    with database.reading() as connection:
        old = sources.cone(connection, 1, *CENTRE, np.deg2rad(5.0))
    np.testing.assert_allclose(
        old["flux_jy"], 1.0, rtol=1e-12, err_msg="the version before stays what it was"
    )


def test_an_image_of_the_same_observation_replaces_the_one_before(database):
    ra, dec = grid()
    update(database, "u1", image("L1"), detections(ra, dec, 1.0))
    keep = np.arange(len(ra)) != 5
    taken = update(database, "u2", image("L1"), detections(ra[keep], dec[keep], 1.2))
    found = all_sources(database)
    assert taken.summary["ended"] == 1
    assert len(found) == keep.sum(), "a source of which no image speaks any more is none"
    np.testing.assert_allclose(found["flux_jy"], 1.2)
    assert (found["n_points"] == 1).all()
    with database.reading() as connection:
        assert [point["version"] for point in light_curve(connection, int(found["source_id"][0]), 2)] == [2]


def test_a_source_that_vanishes_and_returns(database):
    ra, dec = grid()
    update(database, "u1", image("L1", 60000.0), detections(ra, dec, 0.1))
    keep = np.arange(len(ra)) != 3
    gone = update(database, "u2", image("L2", 60001.0), detections(ra[keep], dec[keep], 0.1))
    assert (gone.summary["vanished"], gone.summary["undetected"]) == (1, 1)
    found = all_sources(database)
    assert found["vanished"].sum() == 1
    number = int(found["source_id"][found["vanished"]][0])
    with database.reading() as connection:
        curve = show(connection, number)["light_curve"]
        assert changes(connection, 2)["vanished"]["n"] == 1
    assert [point["kind"] for point in curve] == ["new", "undetected"]
    assert curve[1]["limit_jy"] == pytest.approx(5e-3)
    back = update(database, "u3", image("L3", 60002.0), detections(ra, dec, 0.1))
    assert back.summary["returned"] == 1
    assert back.summary["new"] == 0
    assert not all_sources(database)["vanished"].any()


def test_a_source_below_the_limit_is_not_missed(database):
    ra, dec = grid(4)
    update(database, "u1", image("L1", 60000.0), detections(ra, dec, 0.1))
    keep = np.arange(len(ra)) != 3
    shallow = image("L2", 60001.0, rms_jy=0.05)
    taken = update(database, "u2", shallow, detections(ra[keep], dec[keep], 0.1))
    assert (taken.summary["vanished"], taken.summary["undetected"]) == (0, 0)
    outside = image("L3", 60002.0, ra_rad=CENTRE[0] + 0.3)
    assert (
        update(database, "u3", outside, detections([CENTRE[0] + 0.3], [CENTRE[1]], 1.0)).summary["vanished"]
        == 0
    )


def test_a_source_that_appears(database):
    ra, dec = grid(4)
    keep = np.arange(len(ra)) != 3
    update(database, "u1", image("L1", 60000.0), detections(ra[keep], dec[keep], 0.1))
    taken = update(database, "u2", image("L2", 60001.0), detections(ra, dec, 0.1))
    assert (taken.summary["new"], taken.summary["appeared"]) == (1, 1)
    # Fainter than the first image could show, or where it did not look, it is merely new.
    faint = np.append(ra, CENTRE[0] + 0.01), np.append(dec, CENTRE[1])
    flux = np.append(np.full(len(ra), 0.1), 0.006)
    deeper = update(database, "u3", image("L3", 60002.0, rms_jy=1e-4), detections(*faint, flux))
    assert (deeper.summary["new"], deeper.summary["appeared"]) == (1, 0)


def test_a_source_that_varies_has_its_last_flux(database):
    ra, dec = grid(4)
    update(database, "u1", image("L1", 60000.0), detections(ra, dec, 0.1))
    flux = np.full(len(ra), 0.1)
    flux[2] = 0.2
    taken = update(database, "u2", image("L2", 60001.0), detections(ra, dec, flux))
    assert taken.summary["variable"] == 1
    found = all_sources(database)
    assert found["flux_jy"][found["variable"]] == pytest.approx(0.2)
    eta = ((0.1 - 0.15) / 1e-3) ** 2 * 2
    assert found["variability_eta"][found["variable"]] == pytest.approx(eta)
    assert found["variability_v"][found["variable"]] == pytest.approx(np.std([0.1, 0.2], ddof=1) / 0.15)


def test_a_sharper_image_takes_a_source_apart(database):
    ra, dec = np.array([CENTRE[0]]), np.array([CENTRE[1]])
    update(database, "s1", survey(beam_arcsec=60.0), detections(ra, dec, 3.0), action="import")
    parts = np.array([-10.0, 10.0]) * ARCSEC_RAD
    taken = update(
        database, "u1", image(), detections(ra + parts / np.cos(dec), np.repeat(dec, 2), [2.0, 1.0])
    )
    assert (taken.summary["ended"], taken.summary["new"], taken.summary["appeared"]) == (1, 2, 0)
    found = all_sources(database)
    np.testing.assert_allclose(sorted(found["flux_jy"]), [1.0, 2.0], rtol=1e-12)
    with database.reading() as connection:
        rows = (
            connection.exec_driver_sql("SELECT parent_id FROM sky_source ORDER BY source_id").scalars().all()
        )
    assert rows == [0, 1, 1]


def test_two_pieces_in_an_image_of_the_same_beam_are_one_source(database):
    ra, dec = np.array([CENTRE[0]]), np.array([CENTRE[1]])
    update(database, "u1", image("L1"), detections(ra, dec, 3.0, position_error_arcsec=2.0))
    parts = np.array([-4.0, 4.0]) * ARCSEC_RAD
    pieces = detections(ra + parts / np.cos(dec), np.repeat(dec, 2), [2.0, 1.0], position_error_arcsec=2.0)
    taken = update(database, "u2", image("L2", 60001.0), pieces)
    assert taken.summary["new"] == 0
    found = all_sources(database)
    assert len(found) == 1
    assert found["flux_jy"][0] == pytest.approx(3.0, rel=1e-3)
    with database.reading() as connection:
        kinds = connection.exec_driver_sql("SELECT kind FROM link WHERE image_id = 2").scalars().all()
    assert kinds == [Kind.ONE_TO_MANY] * 2


def test_a_coarser_image_of_two_sources_shares_its_flux(database):
    pair = np.array([-10.0, 10.0]) * ARCSEC_RAD
    ra, dec = CENTRE[0] + pair / np.cos(CENTRE[1]), np.repeat(CENTRE[1], 2)
    update(database, "u1", image("L1"), detections(ra, dec, [2.0, 1.0]))
    coarse = survey(beam_arcsec=60.0, flux_scale_error=0.0)
    taken = update(database, "s1", coarse, detections([CENTRE[0]], [CENTRE[1]], 3.3), action="import")
    assert (taken.summary["new"], taken.summary["associated"]) == (0, 1)
    found = np.sort(all_sources(database), order="ra_rad")
    assert len(found) == 2
    np.testing.assert_allclose(found["ra_rad"], ra, atol=1e-12, err_msg="it says nothing of where they are")
    with database.reading() as connection:
        curves = [light_curve(connection, int(number), 2) for number in found["source_id"]]
    points = [curve[0] for curve in curves]
    assert {point["kind"] for point in points} == {"many-to-one"}
    assert [point["flux_jy"] for point in points] == pytest.approx([2.2, 1.1], rel=1e-2)


def test_surveys_give_a_spectral_index(database):
    ra, dec = grid(4)
    update(database, "s1", survey("TGSS", 147.5e6), detections(ra, dec, 1.0), action="import")
    flux = (1.4e9 / 147.5e6) ** -0.7
    nvss = survey("NVSS", 1.4e9, beam_arcsec=45.0)
    update(database, "s2", nvss, detections(ra, dec, flux), action="import")
    found = all_sources(database)
    np.testing.assert_allclose(found["spectral_index"], -0.7, atol=1e-6)
    assert (found["spectral_index_error"] > 0).all()
    with database.reading() as connection:
        bands = show(connection, int(found["source_id"][0]))["bands"]
    assert [round(band["frequency_hz"] / 1e6, 1) for band in bands] == [147.5, 1400.0]


def test_a_worse_image_is_refused_and_the_reason_kept(database):
    ra, dec = grid()
    update(database, "u1", image("L1"), detections(ra, dec, 1.0))
    noisy = image("L2", 60001.0, quality={**QUALITY, "rms_jy_beam": 2e-3})
    taken = update(database, "u2", noisy, detections(ra, dec, 5.0))
    assert (taken.version, taken.accepted) == (2, False)
    assert "noise" in taken.reason
    np.testing.assert_allclose(all_sources(database)["flux_jy"], 1.0, rtol=1e-12)
    with database.reading() as connection:
        assert versions.head(connection) == 1
        assert [(row["number"], row["accepted"]) for row in history(connection)] == [(2, False), (1, True)]
        with pytest.raises(ConfigurationError, match="it was refused"):
            versions.require(connection, 2)
    third = update(database, "u3", image("L3", 60002.0), detections(ra, dec, 1.0))
    assert (third.version, third.accepted) == (3, True)


def test_rollback(database):
    ra, dec = grid()
    update(database, "u1", image("L1", 60000.0), detections(ra, dec, 1.0))
    before = all_sources(database)
    update(database, "u2", image("L2", 60001.0), detections(ra[5:], dec[5:], 1.5))
    extra = detections([CENTRE[0] + 0.001], [CENTRE[1] + 0.001], 9.0)
    update(database, "u3", image("L3", 60002.0), np.concatenate((detections(ra, dec, 1.0), extra)))
    middle = all_sources(database, 2)
    back = versions.rollback(database, 1, "a bad night")
    assert (back.version, back.reason) == (4, "a bad night")
    assert (all_sources(database) == before).all()
    assert (all_sources(database, 2) == middle).all(), "what came between is still there to be looked at"
    again = update(database, "u4", image("L4", 60003.0), detections(ra, dec, 1.0))
    assert again.summary["new"] == 0
    found = all_sources(database)
    assert (found["n_points"] == 2).all(), "what was rolled back is in no light curve"
    np.testing.assert_allclose(found["flux_jy"], 1.0)
    assert update(database, "u2", image("L2", 60001.0), detections(ra, dec, 1.5)).fresh is False
    assert versions.rollback(database, 5, "").fresh is False
    with pytest.raises(ConfigurationError, match="no version 77"):
        versions.rollback(database, 77, "")


def test_an_image_without_sources_is_refused(database):
    nothing = image(quality={**QUALITY, "n_sources": 0})
    taken = update(database, "u1", nothing, detections([], [], 1.0))
    assert (taken.accepted, taken.reason) == (False, "no source was found")


def test_over_the_pole_and_over_midnight(database):
    for number, centre in enumerate([(0.0, 0.3), (2.0, np.pi / 2 - 1e-4), (6.2831, -1.2)]):
        angles = np.linspace(0, 2 * np.pi, 7)[:-1]
        ra = centre[0] + 2e-3 * np.cos(angles) / np.cos(centre[1])
        dec = centre[1] - np.abs(2e-3 * np.sin(angles)) * 1e-2
        where = {"ra_rad": centre[0], "dec_rad": centre[1]}
        update(database, f"a{number}", image(f"A{number}", 60000.0, **where), detections(ra, dec, 1.0))
        taken = update(
            database, f"b{number}", image(f"B{number}", 60001.0, **where), detections(ra, dec, 1.0)
        )
        assert taken.summary["new"] == 0, centre


def test_the_spectra_of_a_model_are_kept(database):
    ra, dec = grid(2)
    spectra = np.tile([-0.6, -0.3, 0.5, -0.3], (len(ra), 1))
    info = image(name="m", kind="model", obs_id=None, freq_hz=150e6, radius_rad=0.0)
    take_in(database, Batch("import", "m", info, detections(ra, dec, 97.0), spectra), rules())
    update(database, "u1", image("L1", freq_hz=140e6), detections(ra, dec, 100.0, error_jy=0.1))
    found = all_sources(database)
    for number, name in enumerate(
        ("spectral_index", "spectral_term_2", "spectral_term_3", "spectral_term_4")
    ):
        assert (found[name] == spectra[0, number]).all()
    assert (found["reference_freq_hz"] == 150e6).all()
    x = np.log10(140 / 150)
    model = found["flux_jy"] * 10 ** (-0.6 * x - 0.3 * x**2 + 0.5 * x**3 - 0.3 * x**4)
    assert (model > 99.9).all()
