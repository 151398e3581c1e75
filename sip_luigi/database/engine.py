"""The way to the database: opening it, transactions, and errors in words."""

from __future__ import annotations

import errno
import logging
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.pool import NullPool

from sip_luigi.domain.errors import ConfigurationError, DatabaseError, DatabaseUnavailable, DiskFull

logger = logging.getLogger("sip_luigi")

FILE_NAME = "sip.sqlite"
NONE = "none"
LOCK_NUMBER = 0x51B0_57A2
"""PostgreSQL knows the lock of all writers by a number."""
FIRST_WAIT_S = 5.0
CACHE_KIB = 256 * 1024
"""SQLite's page cache: an import of a million rows fits."""


@dataclass(frozen=True)
class Database:
    """A database that can be read and written.

    Attributes
    ----------
    engine : sqlalchemy.Engine
        Connections to it; none is kept, because processes fork and pipelines run for days.
    wait_s : float
        How long to wait for others who write.
    """

    engine: Engine
    wait_s: float

    @property
    def name(self) -> str:
        """Its URL without password, for messages."""
        return self.engine.url.render_as_string(hide_password=True)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self.engine.dialect.name == "sqlite"

    @property
    def exists(self) -> bool:
        """Whether there is something to read; only of a file is that known without asking."""
        path = self.engine.url.database
        return not self.is_sqlite or bool(path and Path(path).exists())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the database."""
        with self._errors(), self.engine.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that no other writer disturbs: all of it is kept, or nothing."""
        with self._errors(), self.engine.connect() as opened:
            connection = opened.execution_options(sip_writes=True)
            with connection.begin():
                if not self.is_sqlite:
                    connection.execute(text(f"SET LOCAL lock_timeout = {int(self.wait_s * 1000)}"))
                    connection.execute(text(f"SELECT pg_advisory_xact_lock({LOCK_NUMBER})"))
                yield connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise self._explained(error) from error
        except SQLAlchemyError as error:
            raise DatabaseError(f"database {self.name}: {error}") from error

    def _explained(self, error: DBAPIError) -> Exception:
        said = " ".join(str(error.orig).split())
        state, words = getattr(error.orig, "sqlstate", None), said.lower()
        if "disk is full" in words or "disk i/o error" in words or state == "53100":
            return DiskFull(
                f"database {self.name}: no room ({said}); nothing was changed, make room and run again"
            )
        if "locked" in words or state == "55P03":
            return DatabaseUnavailable(
                f"database {self.name}: another process has been writing for more than [database] wait_s = "
                f"{self.wait_s:g} s ({said}); nothing was changed, run again when it is done"
            )
        if "no such table" in words or state == "42P01":
            return ConfigurationError(
                f"database {self.name}: not one of this program, or of an older version ({said}); "
                "look with: sip db status"
            )
        if error.connection_invalidated or state is None or state[:2] in ("08", "57", "28", "3D"):
            return DatabaseUnavailable(
                f"database {self.name}: cannot be used ({said}); nothing was changed, see that it runs and that "
                "[database] url is right, then run again"
            )
        return DatabaseError(f"database {self.name}: {said}")


def database_url(given: str, runtime_directory: Path) -> str:
    """The URL of ``[database] url``: a file in the runtime directory when none is given, empty for ``none``."""
    if given == NONE:
        return ""
    return given or f"sqlite:///{runtime_directory / FILE_NAME}"


def open_database(url: str, wait_s: float = 60.0) -> Database:
    """A database by its URL; nothing is opened yet.

    Raises
    ------
    ConfigurationError
        The URL is none, names something that is not supported, or a driver that is not installed.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise ConfigurationError(
            f"[database] url: expected sqlite:////path/to/file or postgresql+psycopg://host/name ({error})"
        ) from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        name = parsed.render_as_string(hide_password=True)
        raise ConfigurationError(f"[database] url = {name}: expected sqlite or postgresql")
    if parsed.drivername == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(parsed, poolclass=NullPool, connect_args=_connect_args(parsed, wait_s))
    except (ImportError, NoSuchModuleError) as error:
        raise ConfigurationError(
            f"[database] url: the driver {parsed.drivername} is not installed ({error}); "
            "pip install 'sip_luigi[postgresql]'"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return Database(engine, wait_s)


def make_room(database: Database) -> None:
    """Make the directory of a file that is to be written."""
    path = database.engine.url.database
    if not database.is_sqlite or not path:
        return
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        kind = DiskFull if error.errno == errno.ENOSPC else DatabaseError
        raise kind(f"database {database.name}: {error}") from error


def _connect_args(url: URL, wait_s: float) -> dict[str, Any]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": wait_s}
    return {"connect_timeout": max(2, min(60, int(wait_s)))}


def _prepare_sqlite(connection: Any, _: Any) -> None:
    # Python's sqlite3 would begin transactions by its own lights, and not around changes of tables.
    connection.isolation_level = None
    cursor = connection.cursor()
    # Readers go on while somebody writes. Whoever makes the file holds it for a moment, without a queue.
    _patiently(cursor, "PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = FULL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    cursor.close()


def _patiently(cursor: Any, statement: str) -> None:
    deadline = time.monotonic() + FIRST_WAIT_S
    while True:
        try:
            cursor.execute(statement)
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # A writer that began as a reader would fail instead of waiting when another was quicker.
    writes = connection.get_execution_options().get("sip_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
