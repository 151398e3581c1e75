"""``sip selftest`` and ``sip demo``."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from sip_luigi.cli.common import reported, show_progress


@click.command()
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


@click.command()
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
