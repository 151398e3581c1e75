"""Runs, products and losses: once each, with the reason why."""

from dataclasses import replace

import pytest

from sip_luigi.database import queries
from sip_luigi.database.provenance import Made, Record, RunStart, begin_run, end_run
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.product import Loss, Manifest

OBSERVATION = {"ra_rad": 1.0, "dec_rad": 0.5, "duration_s": 3600.0, "start_freq_hz": 1e8, "end_freq_hz": 2e8}
SUBBAND = {
    "name": "SB000",
    "raw_node": "lse001",
    "raw_path": "/d/x.MS",
    "size_bytes": 5,
    "compute_node": "lce001",
}


def run_start(number, obs_id="L1"):
    return RunStart(
        run_id=f"{number:032x}",
        obs_id=obs_id,
        task="ImagingPipeline",
        host="lfe001",
        pid=1,
        process_start="1",
        username="observer",
        command=["luigi", "--obs-id", obs_id],
        software={"dp3": "6.6.0"},
        settings={"imaging": {"robust": -0.5}},
        started=f"2026-01-0{number}T00:00:00+00:00",
    )


def made(name="image", made_at="2026-01-01T01:00:00+00:00", settings=None, **changes):
    values = {
        "key": "k1",
        "stage": name,
        "version": 1,
        "inputs": {"data": "f1"},
        "made": made_at,
        "host": "lce001",
    }
    manifest = Manifest(**{**values, "measures": {"resources": {"cpu_s": 3.0}}, "elapsed_s": 4.5, **changes})
    return Made(name, "", 0, "lce001", f"/d/{name}", manifest, settings or {"robust": -0.5}, {"data": "d1"})


def record(*products, **changes):
    given = {"obs_id": "L1", "observation": OBSERVATION, "subbands": [SUBBAND], "made": products}
    return Record(**{**given, "quality": {"rms_jy_beam": 1e-3}, "quality_key": "q", **changes})


def told(database, wanted):
    with database.reading() as connection:
        return queries.run(connection, wanted)


def test_a_run_is_told_of(database):
    begin_run(database, run_start(1))
    assert told(database, "L1")["outcome"] == "running"
    end_run(
        database, run_start(1).run_id, "done", "2026-01-01T02:00:00+00:00", record(made(), made("report"))
    )
    found = told(database, "L1")
    assert (found["outcome"], found["command"]) == ("done", ["luigi", "--obs-id", "L1"])
    assert [row["name"] for row in found["products"]] == ["image", "report"]
    product = found["products"][0]
    assert (product["node"], product["elapsed_s"], product["resources"]) == ("lce001", 4.5, {"cpu_s": 3.0})
    assert product["why"] == "made for the first time"


def test_twice_is_once(database):
    for _ in range(2):
        begin_run(database, run_start(1))
        end_run(database, run_start(1).run_id, "done", "2026", record(made()))
    begin_run(database, run_start(2))
    end_run(database, run_start(2).run_id, "done", "2026", record(made()))
    with database.reading() as connection:
        assert [row["products"] for row in queries.runs(connection)] == [0, 1]


def test_why_a_product_was_made_again(database):
    first, second = made(), made(key="k2", made_at="2026-01-02T01:00:00+00:00", settings={"robust": 0.0})
    lost = made(key="k2", made_at="2026-01-03T01:00:00+00:00", settings={"robust": 0.0})
    for number, product in enumerate((first, second, lost), start=1):
        begin_run(database, run_start(number))
        end_run(database, run_start(number).run_id, "done", "2026", record(product))
    reasons = [told(database, run_start(number).run_id)["products"][0]["why"] for number in (1, 2, 3)]
    assert reasons == [
        "made for the first time",
        "setting robust: -0.5 → 0.0",
        "the product was no longer there or not intact",
    ]


def test_what_a_killed_run_made_is_told_by_the_next(database):
    begin_run(database, run_start(1))
    begin_run(database, run_start(2))
    end_run(database, run_start(2).run_id, "failed", "2026", record(made()))
    with database.reading() as connection:
        found = queries.runs(connection)
    assert [(row["outcome"], row["products"]) for row in found] == [("failed", 1), ("running", 0)]


def test_losses(database):
    lost = replace(made(), manifest=Manifest("k1", "image", 1, loss=Loss("calibrate", "all flagged")))
    begin_run(database, run_start(1))
    for _ in range(2):
        end_run(database, run_start(1).run_id, "failed", "2026", record(lost))
    found = told(database, "L1")
    assert [(row["stage"], row["reason"]) for row in found["losses"]] == [("calibrate", "all flagged")]
    assert found["products"] == []


def test_hostile_texts(database):
    ugly = "'; DROP TABLE run; -- \u2028 \u00e9 %s %(x)s"
    begin_run(database, replace(run_start(1), command=[ugly], username=ugly))
    assert told(database, "L1")["command"] == [ugly]
    for wanted in ("%", "_", ugly):
        with pytest.raises(ConfigurationError, match="no run or observation"):
            told(database, wanted)


def test_a_beginning_of_several(database):
    for number in (1, 2):
        begin_run(database, run_start(number))
    with pytest.raises(ConfigurationError, match="2 runs '0000'"):
        told(database, "0000")
