"""The version of the tables: what a database has, what this program needs, and the way between."""

from __future__ import annotations

import uuid
from typing import Any, NamedTuple

from sqlalchemy import Connection, inspect, text

from sip_luigi.database.engine import Database, make_room
from sip_luigi.domain.errors import ConfigurationError

NEWEST = "0002"
"""The newest change; a test holds it against the files."""
NOTHING = "base"


class Status(NamedTuple):
    """Tables of a database and of this program.

    Attributes
    ----------
    found : str
        Newest change that the database has, empty for a database without tables.
    needed : str
        Newest change that there is.
    problem : str
        Why the database cannot be used as it is; empty when it can.
    """

    found: str
    needed: str
    problem: str


def status(database: Database) -> Status:
    """Look at the tables; a file that is not there is not made by looking."""
    if not database.exists:
        return Status("", NEWEST, "")
    with database.reading() as connection:
        return status_of(connection)


def status_of(connection: Connection) -> Status:
    """The same over a connection."""
    found = _revision(connection)
    if found == "" and inspect(connection).has_table("observation"):
        return Status(found, NEWEST, "it has tables, but not those of this program")
    if found not in ("", NEWEST):
        older = found < NEWEST
        advice = "bring it up: sip db upgrade" if older else "use the newer program that made it"
        word = "older" if older else "newer"
        return Status(
            found, NEWEST, f"its tables are {word} ({found}) than this program needs ({NEWEST}); {advice}"
        )
    return Status(found, NEWEST, "")


def prepare(database: Database) -> None:
    """Make the tables of a database that has none, and refuse one that is of another version.

    Raises
    ------
    ConfigurationError
        It has to be upgraded first, or belongs to something else.
    """
    if not is_prepared(database):
        upgrade(database)


def is_prepared(database: Database) -> bool:
    """Whether a database has tables; nothing is made.

    Raises
    ------
    ConfigurationError
        As :func:`prepare`.
    """
    found = status(database)
    if found.problem:
        raise ConfigurationError(f"database {database.name}: {found.problem}")
    return bool(found.found)


def upgrade(database: Database, revision: str = "head") -> str:
    """Change the tables up to a revision, in one transaction; the revision reached."""
    make_room(database)
    return _change(database, "upgrade", revision)


def downgrade(database: Database, revision: str) -> str:
    """Take changes back, in one transaction; what only newer tables hold is lost."""
    return _change(database, "downgrade", revision)


def revisions() -> list[str]:
    """All changes, oldest first."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    script = ScriptDirectory.from_config(_config())
    return [entry.revision for entry in script.walk_revisions()][::-1]


def _change(database: Database, direction: str, revision: str) -> str:
    from alembic import command  # noqa: PLC0415 - every run would wait for what few need
    from alembic.util import CommandError  # noqa: PLC0415

    change = {"upgrade": command.upgrade, "downgrade": command.downgrade}[direction]
    with database.writing() as connection:
        try:
            config = _config()
            config.attributes["connection"] = connection
            change(config, revision)
        except CommandError as error:
            known = ", ".join((NOTHING, *revisions()))
            raise ConfigurationError(f"database {database.name}: {error}; known are {known}") from error
        return _revision(connection) or NOTHING


def _config() -> Any:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "sip_luigi.database:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: Connection) -> str:
    if not inspect(connection).has_table("alembic_version"):
        return ""
    return str(connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or "")


def new_database_id() -> str:
    """Tells one database from another that took its place."""
    return uuid.uuid4().hex
