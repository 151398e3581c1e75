"""Runs are recorded, and a database that cannot be written is no reason to fail."""

import logging
import sqlite3
import sys

import pytest

from sip_luigi.database import queries, schema
from sip_luigi.database.access import required_database
from sip_luigi.tasks import provenance
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.initial_sky_model import InitialSkyModel
from sip_luigi.tasks.provenance import DONE, FAILED, INTERRUPTED, recorded


@pytest.fixture
def root(cluster):
    """A small graph: a described observation and its first sky model."""

    def root():
        ctx = open_context("L1", cluster.settings)
        return InitialSkyModel(obs_id="L1", context=ctx)

    for name in ("SAP000_SB000", "SAP000_SB001"):
        cluster.raw(f"data/L1_{name}_uv.MS")
    return root


def runs(cluster):
    with required_database(cluster.settings).reading() as connection:
        return queries.runs(connection)


def test_a_run_that_ends_well(cluster, root):
    with recorded([root()]) as outcome:
        assert runs(cluster)[0]["outcome"] == "running"
        outcome.word = DONE
    found = runs(cluster)[0]
    assert (found["outcome"], found["obs_id"], found["task"]) == (DONE, "L1", "InitialSkyModel")
    assert found["ended"]
    assert "url" not in found["settings"]["database"]
    assert found["settings"]["imaging"]["robust"] == cluster.settings.imaging.robust


@pytest.mark.parametrize(("error", "word"), [(ValueError, FAILED), (KeyboardInterrupt, INTERRUPTED)])
def test_a_run_that_ends_badly(cluster, root, error, word):
    with pytest.raises(error), recorded([root()]):
        raise error
    assert runs(cluster)[0]["outcome"] == word


def test_passwords_are_not_kept(cluster, root, monkeypatch):
    url = "postgresql://sip:secret@head/sip"
    monkeypatch.setattr(sys, "argv", ["/x/luigi", "--database-url", url, f"--other={url}"])
    with recorded([root()]):
        pass
    assert runs(cluster)[0]["command"] == [
        "luigi",
        "--database-url",
        "postgresql://sip:***@head/sip",
        "--other=postgresql://sip:***@head/sip",
    ]


def test_nothing_to_do_is_no_run(cluster, root):
    task = root()
    task.ctx.complete[task.task_id] = True
    with recorded([task]):
        pass
    assert not required_database(cluster.settings).exists
    cluster.set("database", record_runs=False)
    with recorded([root()]):
        pass
    assert not required_database(cluster.settings).exists


@pytest.mark.parametrize("moment", ["before", "during"])
def test_a_database_that_is_locked(cluster, root, caplog, moment):
    cluster.set("database", wait_s=0.1)
    database = required_database(cluster.settings)
    schema.prepare(database)
    task, path = root(), database.engine.url.database
    caplog.set_level(logging.WARNING)
    locker = sqlite3.connect(path, isolation_level=None)
    if moment == "before":
        locker.execute("BEGIN IMMEDIATE")
    with recorded([task]) as outcome:
        if moment == "during":
            locker.execute("BEGIN IMMEDIATE")
        outcome.word = DONE
    locker.close()
    assert "not recorded" in caplog.text
    assert [row["outcome"] for row in runs(cluster)] == ([] if moment == "before" else ["running"])


def test_a_mistake_in_the_record_costs_no_run(cluster, root, caplog, monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("no-such-package",))
    with recorded([root()]) as outcome:
        outcome.word = DONE
    assert "this run is not recorded" in caplog.text


def test_products_are_told_with_what_they_were_made_of(cluster, root, tmp_path):
    path = tmp_path / "m.skymodel"
    path.write_text("FORMAT = Name, Type, Ra, Dec, I\na, POINT, 02:00:00, +30.00.00, 3\n")
    cluster.set("calibration", skymodel=str(path))
    task = root()
    with recorded([task]) as outcome:
        task.run()
        outcome.word = DONE
    with required_database(cluster.settings).reading() as connection:
        found = queries.run(connection, "L1")
    assert [row["name"] for row in found["products"]] == ["initial_sky_model"]
    product = found["products"][0]
    assert product["key"] == task.key
    assert product["path"] == str(task.path())
    assert product["settings"] == task.science()
    assert product["why"] == "made for the first time"
