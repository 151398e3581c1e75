"""The sky model of a part of the sky, as text that calibrates."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from sqlalchemy import Connection

from sip_luigi.database import sources
from sip_luigi.database.versions import database_id
from sip_luigi.domain.angles import separation
from sip_luigi.domain.ateam_model import ateam_near
from sip_luigi.domain.calibrators import CALIBRATORS, calibrator_model
from sip_luigi.domain.sky import TERMS, Rows
from sip_luigi.domain.skymodel import SkyModel, Source

CALIBRATOR_EXTENT_RAD = math.radians(60.0 / 3600.0)
"""Sources so near to a calibrator are parts of it, and its own model is better."""
ATEAM_EXTENT_RAD = math.radians(5.0 / 60.0)


@dataclass(frozen=True)
class Field:
    """What is wanted of the sky.

    Attributes
    ----------
    ra_rad, dec_rad, radius_rad : float
        A cone.
    flux_limit_jy : float
        Fainter sources are left out.
    bright_reach_rad : float
        A-team sources so far outside of the cone are taken along.
    """

    ra_rad: float
    dec_rad: float
    radius_rad: float
    flux_limit_jy: float = 0.0
    bright_reach_rad: float = 0.0


def export(connection: Connection, version: int, field: Field) -> SkyModel:
    """The sky model of a field as a version knows it; sources that have vanished are not in it.

    The same version and field give the same text, whatever the database has learnt since. It is empty when the
    version knows nothing there, bright sources of this program's own aside.
    """
    rows = sources.cone(
        connection, version, field.ra_rad, field.dec_rad, field.radius_rad, field.flux_limit_jy
    )
    rows = rows[~rows["vanished"]]
    rows = rows[np.lexsort((rows["source_id"], -rows["flux_jy"]))]
    found = _sources(rows, sources.names_of(connection, rows["source_id"]))
    found = _with_bright(found, field)
    comments = (
        f"database: {database_id(connection)}",
        f"version: {version}",
        f"centre: {math.degrees(field.ra_rad):.6f} {math.degrees(field.dec_rad):+.6f} deg",
        f"radius: {math.degrees(field.radius_rad):g} deg",
        f"flux limit: {field.flux_limit_jy:g} Jy",
        f"sources of the database: {len(rows)}",
    )
    return SkyModel(sources=_uniquely_named(found), header_comments=comments)


def n_known(model: SkyModel) -> int:
    """How many sources of an exported model the database knew."""
    return int(model.header_comments[-1].rpartition(":")[2])


def _sources(rows: Rows, names: dict[int, str]) -> list[Source]:
    columns = {name: rows[name].tolist() for name in rows.dtype.names or ()}
    terms = zip(*(columns[name] for name in TERMS), strict=True)
    return [
        Source(
            name=names[number] or f"S{number}",
            ra_rad=columns["ra_rad"][i],
            dec_rad=columns["dec_rad"][i],
            flux_jy=columns["flux_jy"][i],
            reference_freq_hz=columns["reference_freq_hz"][i],
            spectral_index=_without_zeros(spectrum) if columns["reference_freq_hz"][i] else (),
            major_arcsec=columns["major_arcsec"][i],
            minor_arcsec=columns["minor_arcsec"][i],
            orientation_deg=columns["orientation_deg"][i],
        )
        for i, (number, spectrum) in enumerate(zip(columns["source_id"], terms, strict=True))
    ]


def _without_zeros(terms: Iterable[float]) -> tuple[float, ...]:
    kept = list(terms)
    while len(kept) > 1 and not kept[-1]:
        kept.pop()
    return tuple(kept)


def _with_bright(found: list[Source], field: Field) -> list[Source]:
    """Put the models of calibrators and A-team in the place of what the database has of them."""
    ateam = ateam_near(field.ra_rad, field.dec_rad, field.radius_rad + field.bright_reach_rad)
    calibrators = [source for entry in CALIBRATORS for source in calibrator_model(entry).sources]
    inside = [
        s
        for s in calibrators
        if separation(field.ra_rad, field.dec_rad, s.ra_rad, s.dec_rad) <= field.radius_rad
    ]
    for bright, extent in ((ateam, ATEAM_EXTENT_RAD), (inside, CALIBRATOR_EXTENT_RAD)):
        for source in bright:
            found = [
                s for s in found if separation(source.ra_rad, source.dec_rad, s.ra_rad, s.dec_rad) > extent
            ]
    return [*ateam, *inside, *found]


def _uniquely_named(found: list[Source]) -> tuple[Source, ...]:
    taken: set[str] = set()
    named = []
    for source in found:
        name, number = source.name, 2
        while name in taken:
            name, number = f"{source.name}-{number}", number + 1
        taken.add(name)
        named.append(source if name == source.name else replace(source, name=name))
    return tuple(named)
