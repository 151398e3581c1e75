"""What earlier runs teach of stages and products."""

import pytest

from sip_luigi.database.experience import experience, recipes
from sip_luigi.database.provenance import Made, Record, RunStart, begin_run, end_run
from sip_luigi.domain.product import Manifest

OBSERVATION = {"ra_rad": 1.0, "dec_rad": 0.5, "duration_s": 3600.0, "start_freq_hz": 1e8, "end_freq_hz": 2e8}
SUBBAND = {"name": "SB000", "raw_node": "n", "raw_path": "/d/x.MS", "size_bytes": 5, "compute_node": "lce001"}


def store(database, number, *products, obs_id="L1"):
    """A run that made these products."""
    started = f"2026-01-0{number}T00:00:00+00:00"
    run = RunStart(
        f"{number:032x}", obs_id, "ImagingPipeline", "lfe001", 1, "1", "observer", [], {}, {}, started
    )
    begin_run(database, run)
    record = Record(obs_id=obs_id, observation=OBSERVATION, subbands=[SUBBAND], made=products)
    end_run(database, run.run_id, "done", "2026-01-09T00:00:00+00:00", record)


def made(name, seconds=1.0, subband="", day=1, key="k1", settings=None):
    stage = name.partition(".")[0]
    when = f"2026-01-0{day}T01:00:00+00:00"
    manifest = Manifest(key, stage, 1, inputs={"data": "f"}, made=when, elapsed_s=seconds, size_bytes=10)
    return Made(name, subband, 0, "lce001", f"/d/{name}", manifest, settings or {}, {"data": "d1"})


def copies(*seconds, day=1):
    return [made(f"copy.{n}", value, "SB000", day) for n, value in enumerate(seconds)]


def test_times_and_sizes(database):
    store(database, 1, *copies(1.0, 2.0, 30.0), made("image", 9.0))
    with database.reading() as connection:
        found = experience(connection, "L1")
    assert (found["copy"].n, found["copy"].elapsed_s) == (3, 2.0)
    assert found["copy"].per_raw_byte == pytest.approx(2.0), "10 bytes of 5 raw ones"
    assert (found["image"].elapsed_s, found["image"].per_raw_byte) == (9.0, None)


def test_own_figures_go_before_those_of_others(database):
    store(database, 1, *copies(1.0), obs_id="L1")
    store(database, 2, *copies(50.0, 70.0, day=2), made("image", 9.0), obs_id="L2")
    with database.reading() as connection:
        assert experience(connection, "L1")["copy"].elapsed_s == 1.0
        assert experience(connection, "L1")["image"].elapsed_s == 9.0
        assert experience(connection, "L3")["copy"].elapsed_s == 50.0


def test_recipes_by_name_and_key(database):
    store(database, 1, made("image", settings={"robust": 0.0}))
    store(database, 2, made("image", day=2, key="k2", settings={"robust": 0.5}))
    with database.reading() as connection:
        found = recipes(connection, "L1")
        assert recipes(connection, "L2") == {}
    assert list(found["image"]) == ["k1", "k2"]
    assert found["image"]["k2"].settings == {"robust": 0.5}
    assert found["image"]["k2"].inputs == {"data": "d1"}
