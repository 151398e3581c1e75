"""``sip sky``: the sky model that all observations share."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

from sip_luigi.cli.common import cells, reported

if TYPE_CHECKING:
    from sip_luigi.database import Database
    from sip_luigi.settings import Settings

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
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


@click.group()
def sky() -> None:
    """Ask, feed and mend the sky model that all observations share."""


def opened() -> tuple[Settings, Database]:
    """The settings and the database, which has tables from now on."""
    from sip_luigi.database.access import required_database  # noqa: PLC0415 - it takes a while
    from sip_luigi.database.schema import prepare  # noqa: PLC0415
    from sip_luigi.settings.load import load_settings  # noqa: PLC0415

    settings = load_settings()
    database = required_database(settings)
    prepare(database)
    return settings, database


@sky.command(name="import")
@click.argument("path", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--survey", help="TGSS, NVSS, LoTSS, WENSS, VLSSr or pipeline; not for a LOFAR text model.")
@click.option("--column", "columns", multiple=True, metavar="FIELD=NAME", help="A column of another name.")
@click.option(
    "--frequency", "freq_hz", type=click.FloatRange(0, min_open=True), help="Hz, if not the survey's."
)
@click.option("--beam", "beam_arcsec", type=click.FloatRange(0, min_open=True), help="Arcsec, likewise.")
@click.option("--flux-error", type=click.FloatRange(0), help="Relative error of the flux scale, likewise.")
@click.option("--position-error", type=click.FloatRange(0), help="Systematic error, arcsec, likewise.")
@click.option("--mjd", type=float, help="Middle of the observations, likewise.")
@as_json_option
def import_(
    path: Path,
    survey: str | None,
    columns: tuple[str, ...],
    freq_hz: float | None,
    beam_arcsec: float | None,
    flux_error: float | None,
    position_error: float | None,
    mjd: float | None,
    as_json: bool,
) -> None:
    """Bring a survey's catalogue (FITS, VOTable, CSV) or a LOFAR text model to the sky model.

    Example: sip sky import TGSSADR1_7sigma_catalog.fits --survey TGSS
    """
    from sip_luigi.database.access import rules_of  # noqa: PLC0415
    from sip_luigi.database.importing import ModelErrors, import_model, import_survey  # noqa: PLC0415
    from sip_luigi.surveys.read import survey_of  # noqa: PLC0415

    with reported():
        settings, database = opened()
        rules = rules_of(settings)
        if survey:
            changes = {
                "freq_hz": freq_hz,
                "beam_arcsec": beam_arcsec,
                "flux_scale_error": flux_error,
                "position_error_arcsec": position_error,
                "mjd": mjd,
            }
            wanted = survey_of(survey, changes, dict(_column(text) for text in columns))
            taken, left_out = import_survey(database, path, wanted, rules)
        else:
            given = {"position_arcsec": position_error, "flux": flux_error, "beam_arcsec": beam_arcsec}
            errors = ModelErrors(**{name: value for name, value in given.items() if value is not None})
            taken, left_out = import_model(database, path, errors, rules, freq_hz)
    _tell_taken({**taken._asdict(), "left_out": left_out}, as_json)


def _column(text: str) -> tuple[str, str]:
    field, separator, name = text.partition("=")
    if not separator:
        raise click.BadParameter(f"expected FIELD=NAME, found {text!r}", param_hint="--column")
    return field, name


def _tell_taken(taken: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(taken))
        return
    word = "is now" if taken["fresh"] else "was already"
    click.echo(f"the sky model {word} at version {taken['version']}: {taken['reason']}")
    for name, number in taken["summary"].items():
        click.echo(f"  {name.replace('_', ' ')}: {number}")
    if taken.get("left_out"):
        click.echo(f"  rows without position or flux, left out: {taken['left_out']}")


@sky.command()
@ra_option
@dec_option
@radius_option
@flux_option
@version_option
@click.option(
    "--patches",
    default="cluster",
    show_default=True,
    type=click.Choice(("none", "single", "every", "cluster", "tessellate")),
    help="How LSMTool groups the sources.",
)
@click.option("--n-patches", type=click.IntRange(1), default=10, show_default=True, help="For cluster.")
@click.option(
    "--patch-flux",
    type=click.FloatRange(0, min_open=True),
    default=1.0,
    show_default=True,
    help="Jy a patch, for tessellate.",
)
@click.option(
    "--bright-reach",
    "reach_deg",
    type=click.FloatRange(0, 180),
    default=5.0,
    show_default=True,
    help="Take A-team sources so far outside along, degrees.",
)
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write here, not to the terminal."
)
@as_json_option
def export(
    ra_deg: float,
    dec_deg: float,
    radius_deg: float,
    flux_limit_jy: float,
    version: int | None,
    patches: str,
    n_patches: int,
    patch_flux: float,
    reach_deg: float,
    output: Path | None,
    as_json: bool,
) -> None:
    """Write the sky model around a position as text for calibration, calibrators and A-team included.

    Example: sip sky export --ra 212.8 --dec 52.2 --radius 5 --flux-limit 0.1 --output field.skymodel
    """
    from sip_luigi.database.export import Field, n_known  # noqa: PLC0415
    from sip_luigi.database.export import export as export_model  # noqa: PLC0415
    from sip_luigi.database.queries import version_or_head  # noqa: PLC0415
    from sip_luigi.domain.errors import ConfigurationError  # noqa: PLC0415
    from sip_luigi.node.files import write_atomically  # noqa: PLC0415
    from sip_luigi.surveys.patches import group  # noqa: PLC0415

    field = Field(
        math.radians(ra_deg % 360.0),
        math.radians(dec_deg),
        math.radians(radius_deg),
        flux_limit_jy,
        math.radians(reach_deg),
    )
    with reported():
        _, database = opened()
        with database.reading() as connection:
            number = version_or_head(connection, version)
            model = export_model(connection, number, field)
        if not model.sources:
            raise ConfigurationError(
                f"version {number} of the sky model knows nothing there; import a survey: sip sky import"
            )
        known = n_known(model)
        grouped = group(model, patches, n_patches, patch_flux)
        if output:
            write_atomically(output.absolute(), grouped.text())
    if as_json:
        told = {"version": number, "n_sources": len(grouped.sources), "n_patches": len(grouped.patches)}
        click.echo(
            json.dumps({**told, "n_known": known, "output": str(output or ""), **_text(output, grouped)})
        )
    elif output:
        click.echo(
            f"{output}: {len(grouped.sources)} sources in {len(grouped.patches)} patches, version {number}"
        )
    else:
        click.echo(grouped.text(), nl=False)


def _text(output: Path | None, model: Any) -> dict[str, str]:
    return {} if output else {"skymodel": model.text()}


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
    _tell_taken(taken._asdict(), as_json)


@sky.command()
@click.argument("obs_id")
@as_json_option
def refresh(obs_id: str, as_json: bool) -> None:
    """Let OBS_ID begin with the newest sky model: its next run calibrates it afresh.

    Without this an observation keeps the version that was the newest when it was first looked at.
    """
    from sip_luigi.domain.observation import check_obs_id  # noqa: PLC0415
    from sip_luigi.tasks.context import job_layout  # noqa: PLC0415 - Luigi takes a while
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
