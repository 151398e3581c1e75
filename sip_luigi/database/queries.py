"""Questions that people ask: sources, light curves, versions, runs. The answers are JSON values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from sqlalchemy import Connection, func, select

from sip_luigi.database import sources
from sip_luigi.database.bulk import table_of
from sip_luigi.database.models import (
    Image,
    Loss,
    Product,
    QualityFigure,
    Run,
    SkySource,
    SkyVersion,
    SourceState,
)
from sip_luigi.database.versions import head, image_numbers, images_of
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.light_curve import weighted_mean
from sip_luigi.domain.sky import TERMS, Kind, Rows

LIST_LENGTH = 50


def version_or_head(connection: Connection, version: int | None) -> int:
    """A version that was asked for, or the newest."""
    return head(connection) if version is None else version


def source_json(row: Any, name: str = "") -> dict[str, Any]:
    """A source as it is told of."""
    numbers = {field: row[field].item() for field in row.dtype.names if field != "healpix"}
    position = {axis: math.degrees(numbers.pop(f"{axis}_rad")) for axis in ("ra", "dec")}
    errors = {axis: math.degrees(numbers.pop(f"{axis}_error_rad")) * 3600.0 for axis in ("ra", "dec")}
    spectrum = [numbers.pop(term) for term in TERMS]
    while len(spectrum) > 1 and not spectrum[-1]:
        spectrum.pop()
    return {
        "name": name,
        **{f"{axis}_deg": value for axis, value in position.items()},
        **{f"{axis}_error_arcsec": value for axis, value in errors.items()},
        "spectral_index": spectrum,
        **numbers,
    }


def cone_json(connection: Connection, rows: Rows) -> list[dict[str, Any]]:
    """Sources as they are told of."""
    names = sources.names_of(connection, rows["source_id"])
    return [source_json(row, names.get(int(row["source_id"]), "")) for row in rows]


def find_source(connection: Connection, wanted: str) -> int:
    """Number of a source that is given by number or name; of several of a name that of the newest version wins.

    Raises
    ------
    ConfigurationError
        There is none.
    """
    source = table_of(SkySource)
    query = select(source.c.source_id).where(source.c.name == wanted).order_by(source.c.source_id.desc())
    found = connection.execute(query).scalars().first()
    if found is None and wanted.isdigit():
        by_number = select(source.c.source_id).where(source.c.source_id == int(wanted))
        found = connection.execute(by_number).scalars().first()
    if found is None:
        raise ConfigurationError(f"no source {wanted!r}; look for it with: sip sky cone --ra … --dec …")
    return int(found)


def show(connection: Connection, source_id: int, version: int | None = None) -> dict[str, Any]:
    """All that is known of a source: its state, its fluxes by band, its light curve."""
    number = version_or_head(connection, version)
    rows = sources.sources_of(connection, np.array([source_id]), number)
    names = sources.names_of(connection, np.array([source_id]))
    if not len(rows):
        raise ConfigurationError(f"source {names.get(source_id, source_id)} is not in version {number}")
    curve = light_curve(connection, source_id, number)
    return {
        "version": number,
        **source_json(rows[0], names.get(source_id, "")),
        "bands": bands(curve),
        "light_curve": curve,
    }


def light_curve(connection: Connection, source_id: int, version: int) -> list[dict[str, Any]]:
    """Fluxes and limits of a source, in order of time."""
    images = images_of(connection, version)
    points = sources.points_of(connection, np.array([source_id]), image_numbers(images))
    points = points[np.lexsort((points["image_id"], points["mjd"]))]
    curve = []
    for point in points:
        image = images[int(point["image_id"])]
        seen = point["kind"] != Kind.UNDETECTED
        flux = float(point["flux_jy"] * point["share"])
        error = math.hypot(point["flux_error_jy"] * point["share"], point["flux_scale_error"] * flux)
        curve.append(
            {
                "image": image.name,
                "obs_id": image.obs_id,
                "mjd": float(point["mjd"]),
                "frequency_hz": float(point["freq_hz"]),
                "kind": Kind(int(point["kind"])).name.lower().replace("_", "-"),
                "flux_jy": flux if seen else None,
                "flux_error_jy": error if seen else None,
                "limit_jy": None if seen else float(point["limit_jy"]),
                "version": image.version,
                "calibrated_by": image.calibrated_by,
            }
        )
    return curve


def bands(curve: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Weighted mean fluxes of a light curve in bands of a tenth of a decade of frequency."""
    seen = [point for point in curve if point["flux_jy"]]
    numbers = np.array([round(10.0 * math.log10(point["frequency_hz"])) for point in seen], dtype=np.int64)
    found = []
    for band in sorted(set(numbers.tolist())):
        points = [point for point, number in zip(seen, numbers, strict=True) if number == band]
        columns = {
            name: np.array([p[name] for p in points]) for name in ("flux_jy", "flux_error_jy", "frequency_hz")
        }
        one = np.zeros(len(points), dtype=np.int64)
        mean, error = weighted_mean(columns["flux_jy"], columns["flux_error_jy"], one, 1)
        found.append(
            {
                "frequency_hz": float(columns["frequency_hz"].mean()),
                "flux_jy": float(mean[0]),
                "flux_error_jy": float(error[0]),
                "n": len(points),
            }
        )
    return found


def history(connection: Connection) -> list[dict[str, Any]]:
    """All versions and refusals, newest first."""
    version, image = table_of(SkyVersion), table_of(Image)
    joined = version.outerjoin(image, image.c.version == version.c.number)
    columns = [image.c.name.label("image"), image.c.obs_id, image.c.calibrated_by, image.c.quality]
    rows = connection.execute(
        select(version, *columns).select_from(joined).order_by(version.c.number.desc())
    ).all()
    return [dict(row._mapping) for row in rows]


def changes(connection: Connection, version: int, most: int = LIST_LENGTH) -> dict[str, Any]:
    """Sources that a version made new, variable, vanished or returned.

    Returns
    -------
    dict
        By kind of change ``n``, and ``sources``: the brightest of them.
    """
    state = table_of(SourceState)
    ids = connection.execute(select(state.c.source_id).where(state.c.from_version == version)).scalars().all()
    numbers = np.sort(np.array(ids, dtype=np.int64))
    after = sources.sources_of(connection, numbers, version)
    before = np.zeros(len(after), dtype=after.dtype)
    known = sources.sources_of(connection, numbers, version - 1)
    before[np.searchsorted(after["source_id"], known["source_id"])] = known
    new = before["source_id"] == 0
    kinds = {
        "new": new,
        "appeared": new & after["appeared"],
        "variable": after["variable"] & ~before["variable"],
        "vanished": after["vanished"] & ~before["vanished"],
        "returned": before["vanished"] & ~after["vanished"],
    }
    return {name: _told(connection, after[which], most) for name, which in kinds.items()}


def _told(connection: Connection, rows: Rows, most: int) -> dict[str, Any]:
    brightest = rows[np.argsort(-rows["flux_jy"], kind="stable")][:most]
    return {"n": len(rows), "sources": cone_json(connection, brightest)}


def runs(connection: Connection, obs_id: str = "", most: int = LIST_LENGTH) -> list[dict[str, Any]]:
    """Runs, newest first, with the number of products and losses that each made."""
    run, product, loss = table_of(Run), table_of(Product), table_of(Loss)
    counts = [
        select(func.count()).where(table.c.run_id == run.c.run_id).scalar_subquery().label(name)
        for table, name in ((product, "products"), (loss, "losses"))
    ]
    query = select(run, *counts).order_by(run.c.started.desc(), run.c.run_id).limit(most)
    if obs_id:
        query = query.where(run.c.obs_id == obs_id)
    return [dict(row._mapping) for row in connection.execute(query).all()]


def run(connection: Connection, wanted: str) -> dict[str, Any]:
    """A run by the beginning of its id, or the last one of an observation, with its products and losses.

    Raises
    ------
    ConfigurationError
        There is none, or several begin so.
    """
    table = table_of(Run)
    found = connection.execute(select(table).where(table.c.run_id.startswith(wanted, autoescape=True))).all()
    if not found:
        last = select(table).where(table.c.obs_id == wanted).order_by(table.c.started.desc()).limit(1)
        found = connection.execute(last).all()
    if len(found) != 1:
        how_many = "no run or observation" if not found else f"{len(found)} runs"
        raise ConfigurationError(f"{how_many} {wanted!r}; look with: sip runs")
    row = dict(found[0]._mapping)
    return {
        **row,
        "products": _of_run(connection, Product, row["run_id"], "made"),
        "losses": _of_run(connection, Loss, row["run_id"], "name"),
        "quality": _quality(connection, row["obs_id"]),
    }


def _of_run(connection: Connection, model: Any, run_id: str, order: str) -> list[dict[str, Any]]:
    table = table_of(model)
    query = select(table).where(table.c.run_id == run_id).order_by(table.c[order])
    return [dict(row._mapping) for row in connection.execute(query).all()]


def _quality(connection: Connection, obs_id: str) -> dict[str, Any]:
    """The figures of the newest quality report of an observation."""
    product, figure = table_of(Product), table_of(QualityFigure)
    newest = select(product.c.key).where(product.c.obs_id == obs_id, product.c.stage == "quality_report")
    key = connection.execute(newest.order_by(product.c.made.desc()).limit(1)).scalar()
    same = (figure.c.obs_id == obs_id, figure.c.product_key == key)
    return {
        row[0]: row[1] for row in connection.execute(select(figure.c.name, figure.c.value).where(*same)).all()
    }


def imports(connection: Connection) -> list[dict[str, Any]]:
    """Surveys and models that were imported, with the time of it."""
    image, version = table_of(Image), table_of(SkyVersion)
    joined = image.join(version, version.c.number == image.c.version)
    query = select(image.c.name, image.c.kind, image.c.n_detections, version.c.made).select_from(joined)
    return [dict(row._mapping) for row in connection.execute(query.where(image.c.kind != "image")).all()]
