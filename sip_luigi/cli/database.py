"""``sip db``: the tables of the database."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from sip_luigi.cli.common import as_json_option, reported

if TYPE_CHECKING:
    from sip_luigi.database import Database


@click.group()
def db() -> None:
    """Look at the tables of the database, and change them to another version."""


def _database() -> Database:
    from sip_luigi.database.access import required_database  # noqa: PLC0415 - it takes a while
    from sip_luigi.settings.load import load_settings  # noqa: PLC0415

    return required_database(load_settings())


@db.command()
@as_json_option
def status(as_json: bool) -> None:
    """Tell the version of the tables; ends with 1 where the pipeline could not use them."""
    from sip_luigi.database import schema  # noqa: PLC0415

    with reported():
        database = _database()
        found = schema.status(database)
    if as_json:
        click.echo(json.dumps({"database": database.name, **found._asdict()}))
    else:
        tables = f"tables of version {found.found}" if found.found else "no tables yet"
        click.echo(f"{database.name}: {tables}; this program's are {found.needed}")
        if found.problem:
            click.echo(found.problem)
    sys.exit(1 if found.problem else 0)


@db.command()
@click.argument("revision", default="head")
@as_json_option
def upgrade(revision: str, as_json: bool) -> None:
    """Change the tables up to REVISION, by default the newest; what is in them stays."""
    from sip_luigi.database import schema  # noqa: PLC0415

    with reported():
        database = _database()
        reached = schema.upgrade(database, revision)
    _tell(database, reached, as_json)


@db.command()
@click.argument("revision")
@click.confirmation_option("--yes", prompt="What only newer tables hold is lost. Go on?")
@as_json_option
def downgrade(revision: str, as_json: bool) -> None:
    """Take changes of the tables back down to REVISION; "base" removes all."""
    from sip_luigi.database import schema  # noqa: PLC0415

    with reported():
        database = _database()
        reached = schema.downgrade(database, revision)
    _tell(database, reached, as_json)


def _tell(database: Database, reached: str, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({"database": database.name, "found": reached}))
    else:
        click.echo(f"{database.name}: tables of version {reached}")
