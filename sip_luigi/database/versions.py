"""Versions of the sky model: which there are, what each is made of, and the way back to one."""

from __future__ import annotations

import getpass
import os
import socket
import time
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Integer, and_, func, insert, literal, select, update

from sip_luigi.database.bulk import table_of
from sip_luigi.database.engine import Database
from sip_luigi.database.models import DatabaseInfo, Image, SkyVersion, SourceState
from sip_luigi.database.models.sky import OPEN
from sip_luigi.database.schema import prepare
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.keys import digest

IMPORT, UPDATE, ROLLBACK = "import", "update", "rollback"


class Taken(NamedTuple):
    """What became of something that was brought to the sky model.

    Attributes
    ----------
    version : int
        Number of the version, or of its refusal.
    accepted : bool
        Whether the sky model learnt from it.
    reason : str
        Why, or why not.
    summary : mapping
        Numbers of sources that are new, changed, vanished and so on.
    fresh : bool
        False when the very same thing had been brought before: nothing was changed.
    """

    version: int
    accepted: bool
    reason: str
    summary: Mapping[str, Any]
    fresh: bool = True


def username() -> str:
    """Who runs this; the number of a user that the system has no name for."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def database_id(connection: Connection) -> str:
    """What tells this database from another."""
    info = table_of(DatabaseInfo)
    return str(connection.execute(select(info.c.value).where(info.c.name == "id")).scalar_one())


def head(connection: Connection) -> int:
    """Number of the newest accepted version, 0 for none."""
    version = table_of(SkyVersion)
    newest = select(func.coalesce(func.max(version.c.number), 0)).where(version.c.accepted)
    return int(connection.execute(newest).scalar_one())


def taken_before(connection: Connection, origin: str) -> Taken | None:
    """What became of something when it was brought the first time."""
    version = table_of(SkyVersion)
    row = connection.execute(select(version).where(version.c.origin == origin)).one_or_none()
    return Taken(row.number, row.accepted, row.reason, row.summary, fresh=False) if row else None


def add_version(connection: Connection, action: str, origin: str, parent: int, taken: Taken) -> None:
    """Write down a version, or a refusal."""
    connection.execute(
        insert(table_of(SkyVersion)).values(
            number=taken.version,
            parent=parent or None,
            action=action,
            origin=origin,
            made=time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime()),
            made_by=f"{username()}@{socket.gethostname()}",
            accepted=taken.accepted,
            reason=taken.reason,
            summary=dict(taken.summary),
        )
    )


def next_version(connection: Connection) -> int:
    """Number of the next version; refused ones have numbers too."""
    return int(connection.execute(select(func.coalesce(func.max(SkyVersion.number), 0))).scalar_one()) + 1


def lineage(connection: Connection, number: int) -> list[int]:
    """A version and all that it was made from: what was rolled back is not among them."""
    version = table_of(SkyVersion)
    parents = {row[0]: row[1] for row in connection.execute(select(version.c.number, version.c.parent)).all()}
    found = []
    while number:
        found.append(number)
        number = parents[number] or 0
    return found


def images_of(connection: Connection, number: int) -> dict[int, Any]:
    """Images that a version knows, by number; of an observation the last one only, which replaces the others."""
    image = table_of(Image)
    accepted = set(lineage(connection, number))
    rows = connection.execute(select(image).order_by(image.c.version, image.c.image_id)).all()
    found = {row.image_id: row for row in rows if row.version in accepted}
    last = {row.obs_id: row.image_id for row in found.values() if row.obs_id}
    return {key: row for key, row in found.items() if not row.obs_id or last[row.obs_id] == key}


def require(connection: Connection, number: int) -> int:
    """Check the number of an accepted version.

    Raises
    ------
    ConfigurationError
        There is none of that number, or it was refused.
    """
    version = table_of(SkyVersion)
    row = connection.execute(select(version).where(version.c.number == number)).one_or_none()
    if row is None or not row.accepted:
        why = f"it was refused: {row.reason}" if row is not None else f"the newest is {head(connection)}"
        raise ConfigurationError(f"no version {number} of the sky model; {why}; look with: sip sky history")
    return number


def rollback(database: Database, number: int, reason: str) -> Taken:
    """Make a new version that is what an earlier one was; nothing is removed.

    Raises
    ------
    ConfigurationError
        There is no such version.
    """
    prepare(database)
    with database.writing() as connection:
        require(connection, number)
        before = head(connection)
        if before == number:
            return Taken(number, True, "it is the newest version already", {}, fresh=False)
        version = next_version(connection)
        closed = _restore(connection, number, version)
        origin = f"{ROLLBACK}:{digest([database_id(connection), version, number])}"
        taken = Taken(version, True, reason, {"rolled_back_to": number, "from": before, **closed})
        add_version(connection, ROLLBACK, origin, number, taken)
        return taken


def _restore(connection: Connection, number: int, version: int) -> dict[str, int]:
    state = table_of(SourceState)
    held = and_(state.c.from_version <= number, state.c.to_version > number, state.c.to_version != OPEN)
    values = {"from_version": version, "to_version": OPEN}
    columns = [name for name in state.c.keys() if name not in values]  # noqa: SIM118 - a collection of columns
    again = select(
        *(state.c[name] for name in columns), *(literal(value, Integer) for value in values.values())
    )
    # First those that come back: what is closed below would look like one of them.
    restored = connection.execute(insert(state).from_select([*columns, *values], again.where(held)))
    newer = and_(state.c.to_version == OPEN, state.c.from_version > number, state.c.from_version < version)
    closed = connection.execute(update(state).where(newer).values(to_version=version))
    return {"states_restored": restored.rowcount, "states_closed": closed.rowcount}


def image_numbers(images: Mapping[int, Any]) -> NDArray[np.int64]:
    """Numbers of images as an array."""
    return np.fromiter(images, dtype=np.int64, count=len(images))
