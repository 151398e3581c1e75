"""What is missing or old on the head node."""

import os
import time
from dataclasses import replace

import pytest
import sqlalchemy as sa
from databases import detections, grid, survey, update

from sip_luigi.database import schema
from sip_luigi.database.access import required_database
from sip_luigi.databasecheck import age_days, check_database
from sip_luigi.settings import load_settings


@pytest.fixture
def settings(tmp_path, configured):
    loaded = replace(load_settings(), runtime_directory=tmp_path)

    def settings(skymodel="", reference="", **database):
        return replace(
            loaded,
            calibration=replace(loaded.calibration, skymodel=skymodel),
            quality=replace(loaded.quality, reference_catalogue=reference),
            database=replace(loaded.database, **database),
        )

    return settings


def test_an_empty_database_knows_no_sky(settings):
    problems, warnings = check_database(settings())
    assert problems == []
    assert "is empty, and [calibration] skymodel is empty" in warnings[0]
    assert "sip sky import" in warnings[0]
    assert check_database(settings(skymodel="field.skymodel")) == ([], [])
    assert "there is no database" in check_database(settings(url="none"))[1][0]


def test_catalogues_that_are_missing_and_old(settings):
    database = required_database(settings())
    schema.prepare(database)
    assert "no survey was imported" in check_database(settings())[1][0]
    update(database, "s1", survey("TGSS"), detections(*grid(2), 1.0), action="import")
    assert check_database(settings(max_catalogue_age_days=10.0)) == ([], [])
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE sky_version SET made = '2020-01-01T00:00:00+00:00'"))
    assert check_database(settings()) == ([], [])
    warnings = check_database(settings(max_catalogue_age_days=10.0))[1]
    assert len(warnings) == 1
    assert warnings[0].startswith("catalogue TGSS was imported ")
    assert age_days("2020-01-01T00:00:00+00:00") > 2000


def test_a_reference_catalogue_that_is_old(settings, tmp_path):
    path = tmp_path / "reference.fits"
    path.touch()
    chosen = settings("m.skymodel", str(path), max_catalogue_age_days=10.0)
    assert check_database(chosen) == ([], [])
    old = time.time() - 20 * 86400
    os.utime(path, (old, old))
    assert "is 20 days old, more than 10" in check_database(chosen)[1][0]
    assert check_database(settings("m.skymodel", str(path))) == ([], [])


def test_a_database_that_cannot_be_used(settings):
    database = required_database(settings())
    schema.upgrade(database, "0001")
    assert "sip db upgrade" in check_database(settings())[0][0]
    away = settings(url="postgresql://127.0.0.1:1/x", wait_s=1.0)
    assert "cannot be used" in check_database(away)[0][0]
