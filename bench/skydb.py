"""How fast the sky model takes in catalogues and answers: ``bench/skydb``."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import numpy as np

from bench.figures import Aim, show
from bench.places import directory_option, scratch
from sip_luigi.database import Database, open_database, sources
from sip_luigi.database.access import rules_of
from sip_luigi.database.batch import Batch, ImageInfo
from sip_luigi.database.importing import import_survey
from sip_luigi.database.take_in import take_in
from sip_luigi.database.versions import UPDATE
from sip_luigi.domain.association import ARCSEC_RAD, associate
from sip_luigi.domain.healpix import ranges_near
from sip_luigi.domain.sky import DETECTION, Rows, empty
from sip_luigi.settings import load_settings
from sip_luigi.surveys.read import survey_of

SEED = 20260101
CONE_DEG, FIELD_DEG = 5.0, 5.0
REPEAT = 5
AIMS = {
    "import_s": Aim(high=60.0),
    "import_cpu_s": Aim(high=60.0),
    "cone_s": Aim(high=1.0),
    "association_s": Aim(high=5.0),
    "update_s": Aim(high=10.0),
    "cone_growth": Aim(high=100.0),
}
T = TypeVar("T")


@click.command()
@directory_option
@click.option("--url", default="", help="A database to use, empty before. [default: a SQLite file]")
@click.option(
    "--rows", "sizes", type=click.IntRange(1000), multiple=True, default=(10_000, 100_000, 1_000_000),
    show_default=True, help="Rows of the catalogue; the last is the one that the aims are for.",
)  # fmt: skip
@click.option("--detections", default=5000, show_default=True, help="In the image that is associated.")
def main(directory: Path, url: str, sizes: tuple[int, ...], detections: int) -> None:
    """Import catalogues of growing size; ask for a cone; associate an image with what is there.

    All is timed with one process; the catalogue covers the sky evenly, the image is one dense field in it.
    """
    figures: dict[str, Any] = {}
    with scratch(directory) as folder:
        for size in sizes:
            place = url or f"sqlite:///{folder}/{size}.sqlite"
            database = open_database(place)
            figures[str(size)] = measure(database, folder, size, detections)
            if url:
                break
    last, first = figures[str(sizes[len(figures) - 1])], figures[str(sizes[0])]
    growth = {
        f"{name.removesuffix('_s')}_growth": last[name] / first[name]
        for name in ("import_s", "cone_s", "association_s")
    }
    told = {f"{name}_{size}": value for size, found in figures.items() for name, value in found.items()}
    show("Sky-model database", {"detections": detections, **last, **growth, **told}, AIMS)


def measure(database: Database, folder: Path, size: int, n_detections: int) -> dict[str, float]:
    """Seconds of each thing for a catalogue of a size."""
    rng = np.random.default_rng(SEED)
    field, rest = _field(rng, n_detections), _everywhere(rng, max(0, size - n_detections))
    path = folder / f"{size}.fits"
    write_catalogue(path, np.concatenate((field, rest)))
    rules = rules_of(load_settings())
    worked = time.process_time()
    imported_s, _ = timed(lambda: import_survey(database, path, survey_of("TGSS", {}, {}), rules))
    worked = time.process_time() - worked
    cone_s = min(timed(lambda: _cone(database))[0] for _ in range(REPEAT))
    image = _moved(rng, field)
    associated_s = min(timed(lambda: _associate(database, image))[0] for _ in range(REPEAT))
    batch = Batch(UPDATE, "bench", _image_info(), image)
    updated_s, taken = timed(lambda: take_in(database, batch, rules))
    found = taken.summary["associated"] / n_detections
    return {
        "import_s": imported_s,
        # Of this process alone: what others do on the machine does not show in it.
        "import_cpu_s": worked,
        "rows_per_s": size / imported_s,
        "cone_s": cone_s,
        "association_s": associated_s,
        "update_s": updated_s,
        "associated_fraction": found,
    }


def timed(call: Callable[[], T]) -> tuple[float, T]:
    """Seconds that a call takes, and its answer."""
    started = time.monotonic()
    answer = call()
    return time.monotonic() - started, answer


def _cone(database: Database) -> int:
    with database.reading() as connection:
        return len(sources.cone(connection, 1, 1.0, 0.3, math.radians(CONE_DEG)))


def _associate(database: Database, image: Rows) -> int:
    """What an update does before it writes: look for sources nearby, and compare."""
    criteria, info = rules_of(load_settings()).criteria, _image_info()
    with database.reading() as connection:
        reach = criteria.max_beams * sources.largest_beam_rad(connection)
        known = sources.sources_in(connection, ranges_near(image["ra_rad"], image["dec_rad"], reach), 1)
    found = associate(known, image, info.beam_arcsec, info.astrometric_error_rad, criteria)
    return len(found.known)


def _field(rng: np.random.Generator, n: int) -> Rows:
    """A dense square around RA 57°, Dec +17°."""
    half = math.radians(FIELD_DEG / 2)
    dec = rng.uniform(0.3 - half, 0.3 + half, n)
    return _rows(1.0 + rng.uniform(-half, half, n) / np.cos(dec), dec, rng)


def _everywhere(rng: np.random.Generator, n: int) -> Rows:
    return _rows(rng.uniform(0, 2 * math.pi, n), np.arcsin(rng.uniform(-1, 1, n)), rng)


def _rows(ra_rad: Any, dec_rad: Any, rng: np.random.Generator) -> Rows:
    rows = empty(DETECTION, len(ra_rad))
    rows["ra_rad"], rows["dec_rad"] = ra_rad % (2 * math.pi), dec_rad
    rows["ra_error_rad"] = rows["dec_error_rad"] = 2.0 * ARCSEC_RAD
    rows["flux_jy"] = 0.05 * (1.0 - rng.uniform(0, 1, len(rows))) ** -0.7
    rows["flux_error_jy"] = 0.1 * rows["flux_jy"]
    rows["name"] = [f"S{number}" for number in range(len(rows))]
    return rows


def _moved(rng: np.random.Generator, rows: Rows) -> Rows:
    moved = rows.copy()
    moved["dec_rad"] += rng.normal(0, 1.0 * ARCSEC_RAD, len(rows))
    return moved


def _image_info() -> ImageInfo:
    return ImageInfo(
        name="bench",
        kind="image",
        obs_id="L1",
        freq_hz=144e6,
        mjd=60000.0,
        beam_arcsec=20.0,
        flux_scale_error=0.05,
        astrometric_error_rad=2.0 * ARCSEC_RAD,
        monitors=True,
        quality={"n_sources": 1},
    )


def write_catalogue(path: Path, rows: Rows) -> None:
    """A catalogue with the columns of TGSS."""
    from astropy.table import Table  # noqa: PLC0415

    Table(
        {
            "Source_name": rows["name"],
            "RA": np.degrees(rows["ra_rad"]),
            "E_RA": rows["ra_error_rad"] / ARCSEC_RAD,
            "DEC": np.degrees(rows["dec_rad"]),
            "E_DEC": rows["dec_error_rad"] / ARCSEC_RAD,
            "Total_flux": 1e3 * rows["flux_jy"],
            "E_Total_flux": 1e3 * rows["flux_error_jy"],
        }
    ).write(path, format="fits")


if __name__ == "__main__":
    main()
