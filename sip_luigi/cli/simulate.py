"""``sip simulate``."""

from __future__ import annotations

import json
import os
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import click

from sip_luigi.cli.common import Command, reported, show_progress
from sip_luigi.simulation.options import SimulationOptions


def option_help() -> dict[str, str]:
    """Explanation of every simulation option, from the documentation of the class."""
    help_texts: dict[str, str] = {}
    names: list[str] = []
    _, _, attributes = (SimulationOptions.__doc__ or "").partition("Attributes\n")
    for line in attributes.partition("Raises\n")[0].splitlines()[1:]:
        if line.startswith("    ") and not line.startswith("     "):
            names = [name.strip() for name in line.partition(" : ")[0].split(",")]
        elif line.strip():
            for name in names:
                help_texts[name] = f"{help_texts.get(name, '')} {line.strip()}".strip()
    return help_texts


def simulation_options(command: Command) -> Command:
    """Give a command one option for each field of the simulation options."""
    texts = option_help()
    for item in reversed(fields(SimulationOptions)):
        command = _option(item, texts.get(item.name, ""))(command)
    return command


def _option(item: Field[Any], text: str) -> Command:
    name = item.name.replace("_", "-")
    shown: dict[str, Any] = {"help": text, "show_default": True}
    if isinstance(item.default, bool):
        return click.option(f"--{name}/--no-{name}", item.name, default=item.default, **shown)
    if item.name == "stations":
        return click.option("--stations", default=str(item.default), callback=_stations, **shown)
    kind = float if item.default is None else type(item.default)
    return click.option(f"--{name}", item.name, type=kind, default=item.default, **shown)


def _stations(_: click.Context, __: click.Parameter, value: str) -> int | tuple[str, ...]:
    return int(value) if value.isdigit() else tuple(name.strip() for name in value.split(","))


@click.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Processes.")
@click.option("--force", is_flag=True, help="Replace an observation that was made with other options.")
@click.option("--json", "as_json", is_flag=True, help="Print the paths as one JSON object.")
@click.option("--calibrator", default="", help="Observe this standard calibrator, such as 3C196, too.")
@click.option(
    "--calibrator-obs-id", default="", help="Its observation id; without it the one before --obs-id."
)
@click.option("--calibrator-duration-s", default=600.0, show_default=True, help="Length of its observation.")
@simulation_options
def simulate(
    directory: Path,
    jobs: int,
    force: bool,
    as_json: bool,
    calibrator: str,
    calibrator_obs_id: str,
    calibrator_duration_s: float,
    **values: Any,
) -> None:
    """Write an observation as the correlator would, into DIRECTORY, with the truth beside it."""
    from sip_luigi.simulation.calibrator import calibrator_observation  # noqa: PLC0415 - casacore takes long
    from sip_luigi.simulation.simulate import simulate as run  # noqa: PLC0415

    with reported():
        observations = [SimulationOptions(**values)]
        if calibrator:
            observations.append(
                calibrator_observation(observations[0], calibrator, calibrator_obs_id, calibrator_duration_s)
            )
        made = [
            run(options, directory, progress=show_progress, jobs=jobs, force=force)
            for options in observations
        ]
    paths = [[str(path) for path in one.measurement_sets] for one in made]
    if not as_json:
        click.echo("\n".join(path for some in paths for path in some))
        return
    answer: dict[str, Any] = {"measurementsets": paths[0]}
    if calibrator:
        answer["calibrator"] = {"obs_id": made[1].obs_id, "measurementsets": paths[1]}
    click.echo(json.dumps(answer))
