"""What disturbs a database: killed and concurrent writers, full disks, locks, a server that is stopped."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psycopg
import pytest
import sqlalchemy as sa
from conftest import BIN, REPOSITORY
from databases import Postgres, database, detections, grid, image, postgres, update, wait_for

from sip_luigi.database import open_database, schema, sources, versions
from sip_luigi.database.models import Base
from sip_luigi.domain.errors import DatabaseUnavailable, DiskFull

__all__ = ["database", "postgres"]

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("database")]

N_ROWS = 15_000
MODEL_TABLES = ("sky_version", "image", "detection", "link", "sky_source", "source_state", "observation")


def environment():
    path = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "tests")))
    return {**os.environ, "PYTHONPATH": path}


def counts(database):
    with database.reading() as connection:
        tables = {name: Base.metadata.tables[name] for name in MODEL_TABLES}
        return {
            name: connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
            for name, table in tables.items()
        }


def is_being_written(database):
    """Whether somebody holds the lock of the writers."""
    if database.is_sqlite:
        try:
            with open_database(str(database.engine.url), 0.0).writing():
                return False
        except DatabaseUnavailable:
            return True
    with database.reading() as connection:
        locks = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted")
        return connection.execute(locks).scalar_one() > 0


@pytest.fixture
def catalogue(tmp_path):
    """A survey's catalogue as CSV."""
    rng = np.random.default_rng(5)
    ra, dec = rng.uniform(0, 360, N_ROWS), np.degrees(np.arcsin(rng.uniform(-0.5, 1, N_ROWS)))
    path = tmp_path / "tgss.csv"
    names = "Source_name,RA,DEC,Total_flux,E_Total_flux"
    rows = np.column_stack((np.arange(N_ROWS), ra, dec, rng.uniform(50, 500, N_ROWS), np.full(N_ROWS, 10.0)))
    np.savetxt(
        path, rows, delimiter=",", header=names, comments="", fmt=["T%d", "%.7f", "%.7f", "%.3f", "%.1f"]
    )
    return path


@pytest.fixture
def sip(tmp_path, database):
    """The command, with this database."""
    url = database.engine.url.render_as_string(hide_password=False).replace("%", "%%")
    config = tmp_path / "luigi.cfg"
    config.write_text(
        f"[DEFAULT]\nruntime_directory = {tmp_path}/runtime\n[database]\nurl = {url}\nwait_s = 20\n"
    )

    def start(*arguments):
        return subprocess.Popen(
            (str(BIN / "sip"), *arguments, "--json"),
            env={**os.environ, "LUIGI_CONFIG_PATH": str(config)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def answer(process):
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def test_an_import_that_is_killed_leaves_nothing_and_the_next_completes(database, sip, catalogue):
    schema.prepare(database)
    nothing = dict.fromkeys(MODEL_TABLES, 0)
    many = ("detection", "link", "sky_source", "source_state")
    everything = {"sky_version": 1, "image": 1, "observation": 0, **dict.fromkeys(many, N_ROWS)}
    found = []
    for pause_s in (0.0, 0.3, 1.0):
        process = sip("sky", "import", str(catalogue), "--survey", "TGSS")
        wait_for(lambda: is_being_written(database), 120)
        time.sleep(pause_s)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        wait_for(lambda: not is_being_written(database))
        found.append(counts(database))
        if found[-1] != nothing:
            # Killed after the transaction, before the end of the program.
            break
    assert found[0] == nothing
    assert found[-1] in (nothing, everything)
    taken = answer(sip("sky", "import", str(catalogue), "--survey", "TGSS"))
    assert taken["version"] == 1
    assert taken["fresh"] == (found[-1] == nothing)
    assert counts(database) == everything
    again = answer(sip("sky", "import", str(catalogue), "--survey", "TGSS"))
    assert (again["version"], again["fresh"]) == (1, False)
    assert counts(database)["detection"] == N_ROWS


def test_two_pipelines_that_update_the_same_field_at_once(database, tmp_path):
    program = """
import sys
from databases import detections, grid, image, update
from sip_luigi.database import open_database
database, who = open_database(sys.argv[1], 60.0), sys.argv[2]
for night in range(5):
    found = detections(*grid(), 1.0)
    assert update(database, f"{who}{night}", image(f"{who}{night}", 60000.0 + night), found).accepted
"""
    url = database.engine.url.render_as_string(hide_password=False)
    processes = [
        subprocess.Popen((sys.executable, "-c", program, url, who), env=environment(), stderr=subprocess.PIPE)
        for who in ("A", "B")
    ]
    for process in processes:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err.decode()
    with database.reading() as connection:
        assert versions.lineage(connection, 10) == list(range(10, 0, -1))
        found = sources.cone(connection, 10, 3.7, 0.91, 0.1)
    assert len(found) == 100, "no source twice"
    assert (found["n_points"] == 10).all()


def test_an_update_that_is_killed(database):
    """In the middle of the transaction, at a moment that is certain."""
    update(database, "u1", image("L1"), detections(*grid(), 1.0))
    before = counts(database)
    program = """
import os, signal, sys
from databases import detections, grid, image, update
from sip_luigi.database import open_database, sources
from sip_luigi.database import take_in
write = take_in.sources.write_states
def killed(*arguments):
    write(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
take_in.sources.write_states = killed
update(open_database(sys.argv[1], 20.0), "u2", image("L2", 60001.0), detections(*grid(), 2.0))
"""
    url = database.engine.url.render_as_string(hide_password=False)
    done = subprocess.run(
        (sys.executable, "-c", program, url), env=environment(), capture_output=True, check=False
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    wait_for(lambda: not is_being_written(database))
    assert counts(database) == before
    taken = update(database, "u2", image("L2", 60001.0), detections(*grid(), 2.0))
    assert (taken.version, taken.summary["new"]) == (2, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")
def test_a_full_disk(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk))
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    try:
        small = open_database(f"sqlite:///{disk}/sip.sqlite", 5.0)
        update(small, "u1", image("L1"), detections(*grid(), 1.0))
        before = counts(small)
        rng = np.random.default_rng(1)
        many = detections(rng.uniform(0, 6, 20_000), rng.uniform(-1, 1, 20_000), 1.0)
        with pytest.raises(DiskFull, match=r"no room .*nothing was changed, make room and run again"):
            update(small, "u2", image("L2"), many)
        assert counts(small) == before
        subprocess.run(("mount", "-o", "remount,size=100m", str(disk)), check=True)
        assert update(small, "u2", image("L2"), many).version == 2
    finally:
        subprocess.run(("umount", str(disk)), check=True)


def test_a_locked_file(tmp_path):
    locked = open_database(f"sqlite:///{tmp_path}/sip.sqlite", 0.3)
    update(locked, "u1", image("L1"), detections(*grid(3), 1.0))
    with locked.writing():
        started = time.monotonic()
        with pytest.raises(
            DatabaseUnavailable, match=r"another process .* 0\.3 s .*run again when it is done"
        ):
            update(locked, "u2", image("L2"), detections(*grid(3), 1.0))
        assert time.monotonic() - started > 0.25
        with locked.reading() as connection:
            assert versions.head(connection) == 1, "reading goes on"
    assert update(locked, "u2", image("L2"), detections(*grid(3), 1.0)).version == 2


def test_a_postgresql_whose_lock_is_held(postgres):
    url = postgres.new_database()
    first, second = open_database(url, 30.0), open_database(url, 0.3)
    schema.prepare(first)
    with first.writing(), pytest.raises(DatabaseUnavailable, match=r"another process .* 0\.3 s"):
        update(second, "u1", image(), detections(*grid(3), 1.0))
    assert update(second, "u1", image(), detections(*grid(3), 1.0)).version == 1


@pytest.fixture
def own_postgres():
    """A server that a test may stop."""
    server = Postgres()
    server.start()
    yield server
    server.remove()


def test_a_postgresql_that_is_stopped(own_postgres):
    url = own_postgres.new_database().replace("sip@", "sip:secret@")
    stopped = open_database(url, 2.0)
    update(stopped, "u1", image("L1"), detections(*grid(), 1.0))
    own_postgres.stop()
    with pytest.raises(DatabaseUnavailable, match=r"cannot be used .* see that it runs") as raised:
        update(stopped, "u2", image("L2"), detections(*grid(), 1.0))
    assert "secret" not in str(raised.value)
    own_postgres.start()
    assert update(stopped, "u2", image("L2"), detections(*grid(), 1.0)).version == 2


def test_a_postgresql_that_is_stopped_in_the_middle(own_postgres):
    url = own_postgres.new_database()
    stopped = open_database(url, 20.0)
    schema.prepare(stopped)
    with pytest.raises(DatabaseUnavailable, match="nothing was changed"), stopped.writing() as connection:
        connection.execute(sa.text("INSERT INTO observation (obs_id) VALUES ('L1')"))
        own_postgres.stop()
        connection.execute(sa.text("INSERT INTO observation (obs_id) VALUES ('L2')"))
    own_postgres.start()
    assert set(counts(stopped).values()) == {0}
    assert update(stopped, "u1", image(), detections(*grid(3), 1.0)).version == 1
    with psycopg.connect(
        f"host={own_postgres.directory} user=sip dbname={stopped.engine.url.database}"
    ) as direct:
        assert direct.execute("SELECT count(*) FROM sky_version").fetchone() == (1,)
