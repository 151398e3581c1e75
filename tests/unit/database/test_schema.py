"""Tables, and the changes that lead to them."""

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from databases import detections, grid, image, update

from sip_luigi.database import schema
from sip_luigi.database.models import Base
from sip_luigi.domain.errors import ConfigurationError


def tables(database):
    with database.reading() as connection:
        return set(sa.inspect(connection).get_table_names())


def content(database, table):
    with database.reading() as connection:
        reflected = sa.Table(table, sa.MetaData(), autoload_with=connection)
        return [dict(row._mapping) for row in connection.execute(sa.select(reflected)).all()]


def test_the_changes_lead_to_the_tables_of_the_models(database):
    schema.prepare(database)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert schema.revisions()[-1] == schema.NEWEST


def test_looking_makes_nothing(database):
    assert schema.status(database) == ("", schema.NEWEST, "")
    assert not database.is_sqlite or not database.exists


def test_a_database_of_the_first_change_comes_up_with_its_data(database):
    schema.upgrade(database, "0001")
    with database.writing() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO sky_version (number, action, origin, made, made_by, accepted, reason, summary) "
                "VALUES (1, 'import', 'x', '2026-01-01', 'a@b', :yes, 'why', '{}')"
            ),
            {"yes": True},
        )
        columns = {
            "image_id": 7, "version": 1, "name": "TGSS", "kind": "survey", "product_key": "k", "monitors": False,
            "n_detections": 3, "quality": "{}",
            **dict.fromkeys(("freq_hz", "bandwidth_hz", "mjd", "beam_arcsec", "beam_minor_arcsec", "beam_pa_deg",
                             "ra_rad", "dec_rad", "radius_rad", "rms_jy", "primary_beam_rad", "threshold_sigma",
                             "flux_scale_error", "astrometric_error_rad"), 1.5),
        }  # fmt: skip
        table = sa.Table("image", sa.MetaData(), autoload_with=connection)
        connection.execute(sa.insert(table).values(columns))
    before, database_id = content(database, "image"), content(database, "database_info")
    assert "older" in schema.status(database).problem
    with pytest.raises(ConfigurationError, match="sip db upgrade"):
        schema.prepare(database)
    assert schema.upgrade(database) == schema.NEWEST
    schema.prepare(database)
    assert content(database, "image") == [{**row, "calibrated_by": None} for row in before]
    assert content(database, "sky_version")[0]["reason"] == "why"
    assert content(database, "database_info") == database_id
    assert update(database, "u1", image(), detections(*grid(3), 1.0)).version == 2


def test_the_way_down_and_up_again(database):
    found = detections(*grid(4), 1.0)
    update(database, "u1", image(), found)
    states = content(database, "source_state")
    for revision in reversed(schema.revisions()[:-1]):
        assert schema.downgrade(database, revision) == revision
    assert content(database, "source_state") == states
    assert "run" not in tables(database)
    assert schema.upgrade(database) == schema.NEWEST
    assert update(database, "u1", image(), found).fresh is False, "it is still known"
    assert schema.downgrade(database, "base") == schema.NOTHING
    assert tables(database) <= {"alembic_version"}
    schema.prepare(database)
    assert update(database, "u1", image(), found).version == 1


def test_a_change_that_there_is_not(database):
    with pytest.raises(ConfigurationError, match="known are base, 0001"):
        schema.upgrade(database, "9999")


def test_tables_of_something_else_are_left_alone(database):
    with database.writing() as connection:
        connection.execute(sa.text("CREATE TABLE observation (x INTEGER)"))
    with pytest.raises(ConfigurationError, match="not those of this program"):
        schema.prepare(database)


def test_tables_of_a_newer_program(database):
    schema.prepare(database)
    with database.writing() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9000'"))
    assert "newer" in schema.status(database).problem
    with pytest.raises(ConfigurationError, match="newer program"):
        update(database, "u1", image(), detections(*grid(2), 1.0))
