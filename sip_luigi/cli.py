"""The ``sip`` command: what is around the main command."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from sip_luigi import __version__
from sip_luigi.domain.errors import SipError
from sip_luigi.simulation.options import SimulationOptions

F = Callable[..., Any]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="sip")
def main() -> None:
    """Run everything around the LOFAR Standard Imaging Pipeline.

    The pipeline itself is run by: luigi --module sip_luigi ImagingPipeline --obs-id L102085
    """


@contextmanager
def reported() -> Iterator[None]:
    """Turn errors of the pipeline into one message and the exit status that they stand for."""
    try:
        yield
    except SipError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(error.exit_code)


def show_progress(message: str, fraction: float) -> None:
    """Say how far the simulation is."""
    click.echo(f"simulate {fraction:4.0%}  {message}", err=True)


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


def simulation_options(command: F) -> F:
    """Give a command one option for each field of the simulation options."""
    texts = option_help()
    for item in reversed(fields(SimulationOptions)):
        command = _option(item, texts.get(item.name, ""))(command)
    return command


def _option(item: Field[Any], text: str) -> F:
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


@main.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True, help="Processes.")
@click.option("--force", is_flag=True, help="Replace an observation that was made with other options.")
@click.option("--json", "as_json", is_flag=True, help="Print the paths as one JSON object.")
@simulation_options
def simulate(directory: Path, jobs: int, force: bool, as_json: bool, **values: Any) -> None:
    """Write an observation as the correlator would, into DIRECTORY, with the truth beside it.

    Example: sip simulate /data/raw --obs-id L1 --subbands 10 --seed 7
    """
    from sip_luigi.simulation.simulate import simulate as run  # noqa: PLC0415 - casacore takes a while

    with reported():
        made = run(
            SimulationOptions(**values),
            directory,
            progress=show_progress,
            jobs=jobs,
            force=force,
        )
    paths = [str(path) for path in made.measurement_sets]
    click.echo(json.dumps({"measurementsets": paths}) if as_json else "\n".join(paths))


@main.command()
@click.option("--seed", default=1, show_default=True, help="Seed of the simulated observation.")
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), help="Work here, and keep it.")
@click.option("--workers", default=2, show_default=True, help="Luigi workers.")
def selftest(seed: int, directory: Path | None, workers: int) -> None:
    """Run the pipeline on a simulated observation; fail when the figures miss their limits.

    The last line printed is one JSON object with all figures.
    """
    folder = Path(directory or tempfile.mkdtemp(prefix="sip-selftest-")).absolute()
    try:
        with reported():
            figures = run_selftest(folder, seed, workers)
    finally:
        if directory is None:
            shutil.rmtree(folder, ignore_errors=True)
    click.echo(json.dumps(figures))
    sys.exit(1 if figures["failures"] else 0)


@main.command()
@click.option(
    "--directory", default="demo", type=click.Path(path_type=Path, file_okay=False), show_default=True
)
@click.option("--seed", default=42, show_default=True, help="Seed of the simulated observation.")
@click.option("--workers", default=2, show_default=True, help="Luigi workers.")
def demo(directory: Path, seed: int, workers: int) -> None:
    """Simulate an observation, run the pipeline on it and compare with the truth."""
    with reported():
        figures = run_selftest(directory.absolute(), seed, workers)
    show(figures)
    results = directory.absolute() / "runtime" / "jobs" / figures["obs_id"] / "results"
    click.echo(f"report: {results / 'report.html'}")
    sys.exit(1 if figures["failures"] else 0)


def run_selftest(directory: Path, seed: int, workers: int) -> dict[str, Any]:
    """Simulate, run, compare; progress goes to standard error."""
    from sip_luigi.selftest.run import SelfTest, observation  # noqa: PLC0415 - casacore takes a while

    test = SelfTest(directory, observation(seed), workers)
    test.prepare(show_progress)
    elapsed = test.run(lambda url: click.echo(f"watch it on {url}/static/visualiser/index.html", err=True))
    return {**test.judge(), "pipeline_s": round(elapsed, 1)}


def show(figures: dict[str, Any]) -> None:
    """Print figures as a table, and the verdict."""
    table = Table("figure", "measured")
    for name, value in figures.items():
        if name != "failures":
            table.add_row(name, f"{value:.4g}" if isinstance(value, float) else str(value))
    console = Console()
    console.print(table)
    for failure in figures["failures"]:
        console.print(f"[red]missed[/red] {failure}")
    console.print("verdict: [red]failed[/red]" if figures["failures"] else "verdict: [green]passed[/green]")


@main.command()
@click.argument("obs_id")
@click.option("--lost", is_flag=True, required=True, help="Try again what was recorded as lost.")
def retry(obs_id: str, lost: bool) -> None:
    """Strike the recorded losses of OBS_ID, so that the next run tries them again."""
    from sip_luigi import pipeline  # noqa: F401, PLC0415 - Luigi takes a while
    from sip_luigi.tasks.context import open_context  # noqa: PLC0415

    with reported():
        losses = open_context(obs_id).losses
        names = sorted(losses.all())
        for name in names:
            losses.remove(name)
    for name in names:
        click.echo(f"struck: {name}")
    click.echo(f"now run: luigi --module sip_luigi ImagingPipeline --obs-id {obs_id}")
