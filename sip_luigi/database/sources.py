"""Sources and their light curves, read and written as arrays."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, and_, func, select, update

from sip_luigi.database.bulk import (
    fetch_rows,
    fields,
    insert_rows,
    numbers_table,
    ranges_table,
    table_of,
)
from sip_luigi.database.models import Detection, Image, Link, SkySource, SourceState
from sip_luigi.database.models.sky import OPEN
from sip_luigi.domain.catalogue import angle, unit_vectors
from sip_luigi.domain.healpix import cone_ranges
from sip_luigi.domain.sky import POINT, SOURCE, Rows

Integers = NDArray[np.int64]


def holds_at(version: int) -> ColumnElement[bool]:
    """States that a version consists of."""
    state = table_of(SourceState)
    return and_(state.c.from_version <= version, state.c.to_version > version)


def sources_in(connection: Connection, ranges: Integers, version: int) -> Rows:
    """Sources of a version in ranges of pixels, each once, in order of their numbers."""
    state, wanted = table_of(SourceState), ranges_table(connection, ranges)
    inside = state.c.healpix.between(wanted.c.low, wanted.c.high)
    query = (
        select(*fields(SourceState, SOURCE)).select_from(wanted.join(state, inside)).where(holds_at(version))
    )
    return once(fetch_rows(connection, query, SOURCE))


def sources_of(connection: Connection, ids: Integers, version: int) -> Rows:
    """Sources of a version by their numbers, in order."""
    if not len(ids):
        return np.zeros(0, dtype=SOURCE)
    state, wanted = table_of(SourceState), numbers_table(connection, ids)
    join = wanted.join(state, state.c.source_id == wanted.c.number)
    query = select(*fields(SourceState, SOURCE)).select_from(join).where(holds_at(version))
    return once(fetch_rows(connection, query, SOURCE))


def once(rows: Rows) -> Rows:
    """Sources without repetition, in order of their numbers."""
    _, first = np.unique(rows["source_id"], return_index=True)
    return rows[first]


def cone(
    connection: Connection,
    version: int,
    ra_rad: float,
    dec_rad: float,
    radius_rad: float,
    flux_limit_jy: float = 0.0,
) -> Rows:
    """Sources of a version within a radius of a position, nearest first.

    Parameters
    ----------
    connection, version
        Where to look.
    ra_rad, dec_rad, radius_rad : float
        The cone.
    flux_limit_jy : float
        Fainter ones, at the reference frequency of their flux, are left out.
    """
    rows = sources_in(connection, cone_ranges(ra_rad, dec_rad, radius_rad), version)
    here = unit_vectors([ra_rad], [dec_rad])
    distance = angle(np.linalg.norm(unit_vectors(rows["ra_rad"], rows["dec_rad"]) - here, axis=-1))
    # Rounding must not lose a source on the edge.
    inside = (distance <= radius_rad * (1 + 1e-12)) & (rows["flux_jy"] >= flux_limit_jy)
    return rows[inside][np.argsort(distance[inside], kind="stable")]


def points_of(connection: Connection, ids: Integers, images: Integers) -> Rows:
    """Light curves of sources in some images."""
    if not len(ids) or not len(images):
        return np.zeros(0, dtype=POINT)
    link, image, detection = table_of(Link), table_of(Image), table_of(Detection)
    wanted = numbers_table(connection, ids)
    join = wanted.join(link, link.c.source_id == wanted.c.number).join(
        image, image.c.image_id == link.c.image_id
    )
    join = join.outerjoin(detection, detection.c.detection_id == link.c.detection_id)
    columns = [_point_column(name, (link, image, detection)) for name in POINT.names or ()]
    rows = fetch_rows(connection, select(*columns).select_from(join), POINT)
    return rows[np.isin(rows["image_id"], images)]


def _point_column(name: str, tables: tuple[Any, ...]) -> Any:
    link, image, detection = tables
    if name in link.c:
        return link.c[name]
    # Of places both have one: a point has that of its detection.
    if name in detection.c:
        return func.coalesce(detection.c[name], 0.0)
    return image.c[name]


def linked_to(connection: Connection, images: Integers) -> Integers:
    """Numbers of the sources that images say something of."""
    if not len(images):
        return np.zeros(0, dtype=np.int64)
    link, wanted = table_of(Link), numbers_table(connection, images)
    join = wanted.join(link, link.c.image_id == wanted.c.number)
    found = connection.execute(select(link.c.source_id).select_from(join).distinct()).scalars().all()
    return np.sort(np.array(found, dtype=np.int64))


def close(connection: Connection, ids: Integers, version: int) -> None:
    """End the states of sources that hold."""
    if len(ids):
        state, wanted = table_of(SourceState), numbers_table(connection, ids)
        chosen = state.c.source_id.in_(select(wanted.c.number))
        connection.execute(update(state).where(chosen, state.c.to_version == OPEN).values(to_version=version))


def write_states(connection: Connection, rows: Rows, version: int) -> None:
    """Write states that hold from a version on, in the order of the key."""
    ordered = rows[np.argsort(rows["source_id"], kind="stable")]
    insert_rows(connection, SourceState, ordered, from_version=version, to_version=OPEN)


def names_of(connection: Connection, ids: Integers) -> dict[int, str]:
    """Names of sources by their numbers."""
    source, wanted = table_of(SkySource), numbers_table(connection, ids)
    join = wanted.join(source, source.c.source_id == wanted.c.number)
    query = select(source.c.source_id, source.c.name).select_from(join)
    return {row[0]: row[1] for row in connection.execute(query).all()}


def largest_beam_rad(connection: Connection) -> float:
    """Largest beam of all images and surveys."""
    largest = connection.execute(select(func.coalesce(func.max(Image.beam_arcsec), 0.0))).scalar_one()
    return math.radians(float(largest) / 3600.0)
