"""What the commands about the database have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sip_luigi.database import Database
    from sip_luigi.settings import Settings

version_option = click.option("--version", type=int, help="Version of the sky model. [default: the newest]")
ra_option = click.option("--ra", "ra_deg", type=click.FloatRange(-360, 360), required=True, help="Degrees.")
dec_option = click.option("--dec", "dec_deg", type=click.FloatRange(-90, 90), required=True, help="Degrees.")
radius_option = click.option(
    "--radius",
    "radius_deg",
    type=click.FloatRange(0, 180, min_open=True),
    default=5.0,
    show_default=True,
    help="Degrees.",
)
flux_option = click.option(
    "--flux-limit",
    "flux_limit_jy",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    help="Leave out fainter sources, Jy.",
)


def opened() -> tuple[Settings, Database]:
    """The settings and the database, which has tables from now on."""
    from sip_luigi.database.access import required_database  # noqa: PLC0415 - it takes a while
    from sip_luigi.database.schema import prepare  # noqa: PLC0415
    from sip_luigi.settings.load import load_settings  # noqa: PLC0415

    settings = load_settings()
    database = required_database(settings)
    prepare(database)
    return settings, database


def tell_taken(taken: dict[str, Any], as_json: bool) -> None:
    """Print what became of something that was brought to the sky model."""
    if as_json:
        click.echo(json.dumps(taken))
        return
    word = "is now" if taken["fresh"] else "was already"
    click.echo(f"the sky model {word} at version {taken['version']}: {taken['reason']}")
    for name, number in taken["summary"].items():
        click.echo(f"  {name.replace('_', ' ')}: {number}")
    if taken.get("left_out"):
        click.echo(f"  rows without position or flux, left out: {taken['left_out']}")
