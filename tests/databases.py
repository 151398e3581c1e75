"""Databases for tests: a file, and a real PostgreSQL that lives as long as the tests."""

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import replace
from itertools import count
from pathlib import Path

import numpy as np
import psycopg
import pytest

from sip_luigi.database import open_database
from sip_luigi.database.access import rules_of
from sip_luigi.database.batch import Batch, ImageInfo
from sip_luigi.database.take_in import take_in
from sip_luigi.database.versions import UPDATE
from sip_luigi.domain.association import ARCSEC_RAD
from sip_luigi.domain.sky import DETECTION, empty
from sip_luigi.settings import load_settings

NUMBERS = count(1)
WAIT_S = 5.0
CENTRE = (3.7, 0.91)
QUALITY = {
    "rms_jy_beam": 1e-3,
    "thermal_rms_jy_beam": 0.9e-3,
    "dynamic_range": 3000.0,
    "flux_ratio_median": 1.01,
    "n_sources": 100,
}


class Postgres:
    """A PostgreSQL that nobody but the tests reaches, over a socket in its own directory."""

    def __init__(self):
        versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: int(p.parts[-3]))
        if not versions:
            pytest.skip("no PostgreSQL: deploy/install-system-packages test")
        self.bin = versions[-1].parent
        # The path of a socket has 107 characters at most: pytest's own directories are too deep.
        self.directory = Path(tempfile.mkdtemp(prefix="sip-pg-", dir="/tmp"))
        self.as_whom = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.directory, nobody.pw_uid, nobody.pw_gid)
            self.as_whom = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        self._do("initdb", "-D", "data", "-U", "sip", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")

    def _do(self, program, *arguments):
        command = (str(self.bin / program), *arguments)
        done = subprocess.run(
            command, cwd=self.directory, capture_output=True, text=True, check=False, **self.as_whom
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def start(self):
        options = f"-c listen_addresses='' -c fsync=off -k {self.directory}"
        self._do("pg_ctl", "-D", "data", "-w", "-l", "log", "-o", options, "start")

    def stop(self, mode="immediate"):
        self._do("pg_ctl", "-D", "data", "-w", "-m", mode, "stop")

    def url(self, name):
        return f"postgresql+psycopg://sip@/{name}?host={self.directory}"

    def new_database(self):
        name = f"test{next(NUMBERS)}"
        with psycopg.connect(
            f"host={self.directory} user=sip dbname=postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)

    def remove(self):
        if (self.directory / "data" / "postmaster.pid").exists():
            self.stop()
        shutil.rmtree(self.directory)


@pytest.fixture(scope="session")
def postgres():
    server = Postgres()
    server.start()
    yield server
    server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request, tmp_path):
    """An empty database of either kind."""
    if request.param == "sqlite":
        return open_database(f"sqlite:///{tmp_path}/sip.sqlite", WAIT_S)
    return open_database(request.getfixturevalue("postgres").new_database(), WAIT_S)


def rules(**changes):
    """The default rules; keywords are settings of ``[database]``."""
    settings = load_settings()
    return rules_of(replace(settings, database=replace(settings.database, **changes)))


def detections(ra_rad, dec_rad, flux_jy, error_jy=1e-3, position_error_arcsec=0.5, prefix="S"):
    """Detections at given places."""
    rows = empty(DETECTION, len(ra_rad))
    rows["ra_rad"], rows["dec_rad"] = np.asarray(ra_rad) % (2 * np.pi), dec_rad
    rows["ra_error_rad"] = rows["dec_error_rad"] = position_error_arcsec * ARCSEC_RAD
    rows["flux_jy"], rows["flux_error_jy"] = flux_jy, error_jy
    rows["name"] = [f"{prefix}{number}" for number in range(len(rows))]
    return rows


def grid(n=10, step_arcsec=600.0, centre=CENTRE):
    """Positions of a square of sources around a centre."""
    offsets = (np.arange(n) - (n - 1) / 2) * step_arcsec * ARCSEC_RAD
    east, north = (axis.ravel() for axis in np.meshgrid(offsets, offsets))
    dec = centre[1] + north
    return centre[0] + east / np.cos(dec), dec


def image(obs_id="L1", mjd=60000.0, **changes):
    """An image of the field of :func:`grid`."""
    values = {
        "name": obs_id,
        "kind": "image",
        "obs_id": obs_id,
        "freq_hz": 140e6,
        "mjd": mjd,
        "beam_arcsec": 20.0,
        "flux_scale_error": 0.0,
        "astrometric_error_rad": 0.2 * ARCSEC_RAD,
        "ra_rad": CENTRE[0],
        "dec_rad": CENTRE[1],
        "radius_rad": np.deg2rad(2.0),
        "rms_jy": 1e-3,
        "threshold_sigma": 5.0,
        "monitors": True,
        "quality": QUALITY,
    }
    return ImageInfo(**(values | changes))


def survey(name="TGSS", freq_hz=147.5e6, beam_arcsec=25.0, **changes):
    """A survey."""
    given = {"obs_id": None, "radius_rad": 0.0, "monitors": False, "flux_scale_error": 0.05, "mjd": 55000.0}
    values = {**given, **changes}
    return image(name=name, kind="survey", freq_hz=freq_hz, beam_arcsec=beam_arcsec, **values)


def update(database, origin, info, found, action=UPDATE, **settings):
    """Bring something to the sky model."""
    return take_in(database, Batch(action, origin, info, found), rules(**settings))


def wait_for(condition, timeout_s=30.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


def plain(text):
    """A message without the names of temporary places."""
    return re.sub(r"/tmp/\S+", "PATH", text)
