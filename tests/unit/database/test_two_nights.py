"""Two nights of one field: what changed, what is new, what is gone, and fluxes as good as their errors say."""

import numpy as np
import pytest
from databases import CENTRE, QUALITY, detections, image, update

from sip_luigi.database import sources
from sip_luigi.database.queries import changes, light_curve
from sip_luigi.domain.association import ARCSEC_RAD
from sip_luigi.domain.catalogue import nearest, unit_vectors

N, RMS_JY, BEAM_ARCSEC, FIELD_RAD, THRESHOLD = 1500, 1e-3, 20.0, 0.035, 5.0
PRIMARY_BEAM_RAD = 0.07
CHANGED, NEW, GONE = range(20), range(20, 40), range(40, 60)


class Night:
    """An image as a source finder would see it: noise and position errors by the signal to noise."""

    def __init__(self, ra, dec, flux_jy, rng, obs_id, mjd):
        here = unit_vectors([CENTRE[0]], [CENTRE[1]])
        away = np.linalg.norm(unit_vectors(ra, dec) - here, axis=1)
        noise = RMS_JY * np.exp(4 * np.log(2) * (away / PRIMARY_BEAM_RAD) ** 2)
        measured = flux_jy + rng.normal(0, noise)
        seen = measured > THRESHOLD * noise
        error = BEAM_ARCSEC / np.sqrt(8 * np.log(2)) * noise / flux_jy.clip(1e-6) * ARCSEC_RAD
        self.truth = np.flatnonzero(seen)
        self.true_flux_jy, self.expected_snr = flux_jy, flux_jy / noise
        found = detections(
            (ra + rng.normal(0, error) / np.cos(dec))[seen],
            (dec + rng.normal(0, error))[seen],
            measured[seen],
            noise[seen],
            prefix=obs_id,
        )
        found["ra_error_rad"] = found["dec_error_rad"] = error[seen]
        self.found = found
        self.image = image(
            obs_id,
            mjd,
            beam_arcsec=BEAM_ARCSEC,
            radius_rad=FIELD_RAD,
            rms_jy=RMS_JY,
            primary_beam_rad=PRIMARY_BEAM_RAD,
            threshold_sigma=THRESHOLD,
            quality={**QUALITY, "n_sources": len(found)},
        )


@pytest.fixture
def field():
    """True positions, at least three beams apart, and fluxes of a first and a second night."""
    rng = np.random.default_rng(20260101)
    away = 0.9 * FIELD_RAD * np.sqrt(rng.uniform(0, 1, 3 * N))
    around = rng.uniform(0, 2 * np.pi, 3 * N)
    dec = CENTRE[1] + away * np.cos(around)
    ra = CENTRE[0] + away * np.sin(around) / np.cos(dec)
    kept = [0]
    vectors = unit_vectors(ra, dec)
    for number in range(1, len(ra)):
        if np.linalg.norm(vectors[kept] - vectors[number], axis=1).min() > 3 * BEAM_ARCSEC * ARCSEC_RAD:
            kept.append(number)
    kept = kept[:N]
    first = 8e-3 * (1 - rng.uniform(0, 1, len(kept))) ** (-1 / 1.0)
    first = np.minimum(first, 1.0)
    second = first.copy()
    bright = [*CHANGED, *NEW, *GONE]
    first[bright] = second[bright] = 0.1
    second[list(CHANGED)] = 0.2
    first[list(NEW)] = 0.0
    second[list(GONE)] = 0.0
    return ra[kept], dec[kept], first, second, rng


def test_two_nights(database, field):
    ra, dec, first, second, rng = field
    nights = Night(ra, dec, first, rng, "L1", 60000.0), Night(ra, dec, second, rng, "L2", 60001.0)
    for night in nights:
        assert update(database, night.image.obs_id, night.image, night.found).accepted
    with database.reading() as connection:
        rows = sources.once(sources.cone(connection, 2, *CENTRE, 0.1))
        changed = changes(connection, 2, most=1000)
        curves = {
            int(row["source_id"]): light_curve(connection, int(row["source_id"]), 2) for row in rows[:400]
        }
    true, separation = nearest(
        unit_vectors(rows["ra_rad"], rows["dec_rad"]), unit_vectors(ra, dec), 10 * ARCSEC_RAD
    )
    assert (true >= 0).all()
    assert len(np.unique(true)) == len(true), "no source is there twice"
    expected = set(nights[0].truth) | set(nights[1].truth)
    assert set(true.tolist()) == expected, "and none is missing"
    assert np.median(separation) < 3 * ARCSEC_RAD

    by_number = dict(zip(rows["source_id"].tolist(), true.tolist(), strict=True))

    def told(kind):
        return {by_number[source["source_id"]] for source in changed[kind]["sources"]}

    assert told("variable") == set(CHANGED)
    assert told("appeared") == set(NEW)
    assert told("vanished") == set(GONE)
    faint = told("new") - set(NEW)
    assert all(nights[0].expected_snr[number] < THRESHOLD + 4 for number in faint), (
        "hidden in the noise before"
    )

    steady = ~rows["variable"] & (rows["n_points"] == 2)
    pull = (rows["flux_jy"] - first[true])[steady] / rows["flux_error_jy"][steady]
    bright = nights[0].expected_snr[true][steady] > 2 * THRESHOLD
    n = int(bright.sum())
    assert n > 100
    chi2 = (pull[bright] ** 2).mean()
    assert chi2 == pytest.approx(1.0, abs=4 * np.sqrt(2 / n)), f"{n} sources"
    assert rows["variability_eta"][steady].mean() == pytest.approx(1.0, abs=4 * np.sqrt(2 / steady.sum()))

    pulls = [
        (point["flux_jy"] - night.true_flux_jy[by_number[number]]) / point["flux_error_jy"]
        for number, curve in curves.items()
        for night, point in zip(nights, curve, strict=False)
        if len(curve) == 2 and point["flux_jy"] and nights[0].expected_snr[by_number[number]] > 2 * THRESHOLD
    ]
    assert np.mean(np.square(pulls)) == pytest.approx(1.0, abs=4 * np.sqrt(2 / len(pulls)))


def test_a_repeated_second_night_changes_nothing(database, field):
    ra, dec, first, second, rng = field
    nights = Night(ra, dec, first, rng, "L1", 60000.0), Night(ra, dec, second, rng, "L2", 60001.0)
    for night in (*nights, nights[1], nights[0]):
        taken = update(database, night.image.obs_id, night.image, night.found)
    assert taken.fresh is False
    with database.reading() as connection:
        assert len(sources.cone(connection, 2, *CENTRE, 0.1)) == len(
            set(nights[0].truth) | set(nights[1].truth)
        )
