"""``sip sky import`` and ``sip sky export``: files into the sky model, and out of it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sip_luigi.cli.common import as_json_option, reported
from sip_luigi.cli.sky_common import (
    dec_option,
    flux_option,
    opened,
    ra_option,
    radius_option,
    tell_taken,
    version_option,
)

if TYPE_CHECKING:
    from sip_luigi.database.export import Field
    from sip_luigi.domain.skymodel import SkyModel


@click.command(name="import")
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
    """Bring a survey's catalogue (FITS, VOTable, CSV) or a LOFAR text model to the sky model."""
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
    tell_taken({**taken._asdict(), "left_out": left_out}, as_json)


def _column(text: str) -> tuple[str, str]:
    field, separator, name = text.partition("=")
    if not separator:
        raise click.BadParameter(f"expected FIELD=NAME, found {text!r}", param_hint="--column")
    return field, name


@click.command()
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
    """Write the sky model around a position as text for calibration, calibrators and A-team included."""
    from sip_luigi.database.export import Field  # noqa: PLC0415 - it takes a while
    from sip_luigi.surveys.patches import group  # noqa: PLC0415

    ra_rad, dec_rad, radius_rad, reach_rad = map(
        math.radians, (ra_deg % 360.0, dec_deg, radius_deg, reach_deg)
    )
    field = Field(ra_rad, dec_rad, radius_rad, flux_limit_jy, reach_rad)
    with reported():
        number, known, model = _model(version, field)
        model = group(model, patches, n_patches, patch_flux)
        if output:
            _write(output.absolute(), model.text())
    told = {
        "version": number,
        "n_sources": len(model.sources),
        "n_patches": len(model.patches),
        "n_known": known,
    }
    if as_json:
        click.echo(
            json.dumps({**told, **({"output": str(output)} if output else {"skymodel": model.text()})})
        )
    elif output:
        click.echo(f"{output}: {told['n_sources']} sources in {told['n_patches']} patches, version {number}")
    else:
        click.echo(model.text(), nl=False)


def _model(version: int | None, field: Field) -> tuple[int, int, SkyModel]:
    """The version that was asked, how many sources it knows in a field, and its model of that."""
    from sip_luigi.database.export import export as export_model  # noqa: PLC0415
    from sip_luigi.database.export import n_known  # noqa: PLC0415
    from sip_luigi.database.queries import version_or_head  # noqa: PLC0415
    from sip_luigi.domain.errors import ConfigurationError  # noqa: PLC0415

    _, database = opened()
    with database.reading() as connection:
        number = version_or_head(connection, version)
        model = export_model(connection, number, field)
    if not model.sources:
        raise ConfigurationError(
            f"version {number} of the sky model knows nothing there; import a survey: sip sky import"
        )
    return number, n_known(model), model


def _write(path: Path, text: str) -> None:
    from sip_luigi.domain.errors import ConfigurationError  # noqa: PLC0415
    from sip_luigi.node.files import write_atomically  # noqa: PLC0415

    try:
        write_atomically(path, text)
    except OSError as error:
        raise ConfigurationError(f"--output {path}: {error}; name a file that can be written") from error
