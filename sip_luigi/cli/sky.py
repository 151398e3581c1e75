"""``sip sky``: the sky model that all observations share."""

from __future__ import annotations

import json
import math
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from sip_luigi.cli.common import as_json_option, cells, reported
from sip_luigi.cli.sky_common import (
    dec_option,
    flux_option,
    opened,
    ra_option,
    radius_option,
    tell_taken,
    version_option,
)
from sip_luigi.cli.sky_files import export, import_


@click.group()
def sky() -> None:
    """Ask, feed and mend the sky model that all observations share."""


sky.add_command(import_)
sky.add_command(export)


@sky.command()
@ra_option
@dec_option
@radius_option
@flux_option
@version_option
@as_json_option
def cone(
    ra_deg: float, dec_deg: float, radius_deg: float, flux_limit_jy: float, version: int | None, as_json: bool
) -> None:
    """List the sources around a position, nearest first."""
    from sip_luigi.database import queries, sources  # noqa: PLC0415

    with reported():
        _, database = opened()
        with database.reading() as connection:
            number = queries.version_or_head(connection, version)
            where = math.radians(ra_deg % 360.0), math.radians(dec_deg), math.radians(radius_deg)
            rows = sources.cone(connection, number, *where, flux_limit_jy)
            found = queries.cone_json(connection, rows)
    if as_json:
        click.echo(json.dumps({"version": number, "sources": found}))
        return
    table = Table("source", "name", "RA", "Dec", "flux", "at", "index", "images", "")
    for source in found:
        table.add_row(*cells(*_source_cells(source)))
    Console().print(table)


def _source_cells(source: dict[str, Any]) -> tuple[str, ...]:
    marks = [name for name in ("variable", "appeared", "vanished") if source[name]]
    return (
        str(source["source_id"]),
        source["name"],
        f"{source['ra_deg']:.5f}",
        f"{source['dec_deg']:+.5f}",
        f"{source['flux_jy']:.4g} ± {source['flux_error_jy']:.2g} Jy",
        f"{source['reference_freq_hz'] / 1e6:.1f} MHz",
        f"{source['spectral_index'][0]:.2f}",
        str(source["n_points"]),
        " ".join(marks),
    )


@sky.command()
@click.argument("source")
@version_option
@as_json_option
def show(source: str, version: int | None, as_json: bool) -> None:
    """Tell all that is known of SOURCE, a name or a number."""
    found = _asked(source, version)
    if as_json:
        click.echo(json.dumps(found))
        return
    table = Table("what", "value", title=found["name"])
    for name, value in found.items():
        if name not in ("bands", "light_curve"):
            table.add_row(
                *cells(name.replace("_", " "), f"{value:.6g}" if isinstance(value, float) else str(value))
            )
    Console().print(table)
    for band in found["bands"]:
        error = f"{band['flux_jy']:.4g} ± {band['flux_error_jy']:.2g} Jy"
        click.echo(f"{band['frequency_hz'] / 1e6:8.1f} MHz  {error}  from {band['n']}")


@sky.command()
@click.argument("source")
@version_option
@as_json_option
def lightcurve(source: str, version: int | None, as_json: bool) -> None:
    """List the fluxes of SOURCE and the limits on it, in order of time."""
    found = _asked(source, version)
    told = {
        name: found[name] for name in ("source_id", "name", "variability_v", "variability_eta", "variable")
    }
    if as_json:
        click.echo(json.dumps({**told, "light_curve": found["light_curve"]}))
        return
    table = Table("image", "MJD", "frequency", "flux", "how", "calibrated by", title=found["name"])
    for point in found["light_curve"]:
        flux = (
            f"< {point['limit_jy']:.4g} Jy"
            if point["flux_jy"] is None
            else (f"{point['flux_jy']:.4g} ± {point['flux_error_jy']:.2g} Jy")
        )
        calibrated = "" if point["calibrated_by"] is None else f"version {point['calibrated_by']}"
        where = point["image"], f"{point['mjd']:.3f}", f"{point['frequency_hz'] / 1e6:.1f} MHz"
        table.add_row(*cells(*where, flux, point["kind"], calibrated))
    Console().print(table)
    click.echo(f"V = {told['variability_v']:.3f}, η = {told['variability_eta']:.2f}")


def _asked(source: str, version: int | None) -> dict[str, Any]:
    from sip_luigi.database import queries  # noqa: PLC0415

    with reported():
        _, database = opened()
        with database.reading() as connection:
            return queries.show(connection, queries.find_source(connection, source), version)
    raise AssertionError("not reached: errors end the command")


@sky.command()
@version_option
@as_json_option
def history(version: int | None, as_json: bool) -> None:
    """List the versions and refusals of the sky model; with --version, the sources that it changed."""
    from sip_luigi.database import queries  # noqa: PLC0415

    with reported():
        _, database = opened()
        with database.reading() as connection:
            versions = queries.history(connection)
            changed = queries.changes(connection, version) if version is not None else None
    if as_json:
        click.echo(json.dumps({"versions": versions} if changed is None else {"version": version, **changed}))
        return
    if changed is None:
        _show_history(versions)
        return
    for kind, found in changed.items():
        names = ", ".join(source["name"] or str(source["source_id"]) for source in found["sources"])
        click.echo(f"{kind}: {found['n']}{': ' if names else ''}{names}")


def _show_history(versions: list[dict[str, Any]]) -> None:
    table = Table("version", "made", "by", "what", "from", "calibrated by", "taken", "why", "sources")
    for row in versions:
        numbers = ", ".join(f"{value} {name}" for name, value in row["summary"].items() if value)
        calibrated = "" if row["calibrated_by"] is None else str(row["calibrated_by"])
        taken = "yes" if row["accepted"] else "NO"
        told = (
            row["made"],
            row["made_by"],
            row["action"],
            row["image"] or "",
            calibrated,
            taken,
            row["reason"],
        )
        table.add_row(*cells(str(row["number"]), *told, numbers))
    Console().print(table)


@sky.command()
@click.argument("version", type=click.IntRange(1))
@click.option("--reason", default="", help="Why, for those who come later.")
@as_json_option
def rollback(version: int, reason: str, as_json: bool) -> None:
    """Make the sky model again what it was at VERSION; what came since stays in the history."""
    from sip_luigi.database.versions import rollback as roll_back  # noqa: PLC0415

    with reported():
        _, database = opened()
        taken = roll_back(database, version, reason or f"back to version {version}")
    tell_taken(taken._asdict(), as_json)


@sky.command()
@click.argument("obs_id")
@as_json_option
def refresh(obs_id: str, as_json: bool) -> None:
    """Let OBS_ID begin with the newest sky model: its next run calibrates it afresh.

    Without this an observation keeps the version that was the newest when it was first looked at.
    """
    from sip_luigi.domain.observation import check_obs_id  # noqa: PLC0415
    from sip_luigi.tasks.job_directories import job_layout  # noqa: PLC0415 - Luigi takes a while
    from sip_luigi.tasks.sky_choice import refresh as choose_afresh  # noqa: PLC0415

    with reported():
        settings, _ = opened()
        layout = job_layout(settings, check_obs_id(obs_id))
        before, after = choose_afresh(settings, layout.skymodels, obs_id)
    was = before.version if before else None
    if as_json:
        click.echo(json.dumps({"obs_id": obs_id, "before": was, "version": after.version}))
    else:
        click.echo(
            f"{obs_id} begins with version {after.version}, was {'not chosen' if was is None else was}"
        )
