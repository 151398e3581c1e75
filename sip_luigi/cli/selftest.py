"""``sip selftest`` and ``sip demo``."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sip_luigi.cli.common import reported, show_progress
from sip_luigi.domain.errors import SipError

if TYPE_CHECKING:
    from sip_luigi.selftest.run import SelfTest
    from sip_luigi.selftest.sites import Site


def _numbers(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, ...]:
    try:
        return tuple(int(item) for item in value.split(",")) if value else ()
    except ValueError:
        raise click.BadParameter(f"expected numbers, as in 1,2,3, found {value!r}") from None


@click.command()
@click.option("--seed", default=1, show_default=True, help="Seed of the simulated observation.")
@click.option(
    "--seeds", callback=_numbers, help="Several seeds, as in 1,2,3,4,5: medians over them count too."
)
@click.option("--runs", type=click.IntRange(min=1), help="The same as --seeds 1,2,… up to this number.")
@click.option(
    "--calibrator",
    is_flag=True,
    help="Observe a calibrator too, and give the pipeline a model of the target with wrong fluxes.",
)
@click.option("--directory", type=click.Path(path_type=Path, file_okay=False), help="Work here, and keep it.")
@click.option("--workers", default=2, show_default=True, help="Luigi workers.")
def selftest(
    seed: int,
    seeds: tuple[int, ...],
    runs: int | None,
    calibrator: bool,
    directory: Path | None,
    workers: int,
) -> None:
    """Run the pipeline on simulated observations; fail when the figures miss their limits.

    The last line printed is one JSON object: all figures of one seed, or those of each seed and the medians.
    """
    if seeds and runs:
        raise click.UsageError("expected --seeds or --runs, found both")
    folder = Path(directory or tempfile.mkdtemp(prefix="sip-selftest-")).absolute()
    several = seeds or tuple(range(1, (runs or 0) + 1))
    try:
        with reported():
            if several:
                figures = run_several(
                    several, lambda number: run_in(folder / f"seed{number}", number, workers, calibrator)
                )
            else:
                figures = run_in(folder, seed, workers, calibrator)
    finally:
        if directory is None:
            shutil.rmtree(folder, ignore_errors=True)
    click.echo(json.dumps(figures))
    sys.exit(1 if figures["failures"] else 0)


def run_in(folder: Path, seed: int, workers: int, calibrator: bool) -> dict[str, Any]:
    """Run one seed in a directory of its own."""
    from sip_luigi.selftest.run import SelfTest, calibrator_of, observation  # noqa: PLC0415 - casacore takes long

    target = observation(seed)
    with site(folder, on_cluster=False) as place:
        test = SelfTest(place, target, workers, calibrator_of(target) if calibrator else None)
        return run_selftest(test)[0]


def run_several(seeds: Sequence[int], run: Callable[[int], dict[str, Any]]) -> dict[str, Any]:
    """Run one seed after the other, and judge runs and medians.

    A run that ends with an error is one that failed; the others go on.
    """
    from sip_luigi.selftest.comparison import summary  # noqa: PLC0415 - numpy takes a while

    runs: list[dict[str, Any]] = []
    for number in seeds:
        click.echo(f"seed {number}", err=True)
        try:
            runs.append(run(number))
        except SipError as error:
            runs.append({"seed": number, "failures": [f"{type(error).__name__}: {error}"]})
    figures = summary(runs)
    show_several(figures)
    return figures


@click.command()
@click.option(
    "--directory", default="demo", type=click.Path(path_type=Path, file_okay=False), show_default=True
)
@click.option("--seed", default=42, show_default=True, help="Seed of the simulated observation.")
@click.option("--workers", default=2, show_default=True, help="Luigi workers.")
@click.option(
    "--cluster", "on_cluster", is_flag=True, help="On nodes with sshd, made on this machine; as root."
)
def demo(directory: Path, seed: int, workers: int, on_cluster: bool) -> None:
    """Simulate an observation, run the pipeline on it and compare with the truth."""
    from sip_luigi.selftest.run import DEMONSTRATION, SelfTest, demonstration  # noqa: PLC0415 - casacore takes long

    with reported(), site(directory.absolute(), on_cluster) as place:
        test = SelfTest(place, demonstration(seed), workers, settings=DEMONSTRATION)
        figures, results = run_selftest(test)
    show(figures)
    click.echo(f"report: {results / 'report.html'}")
    sys.exit(1 if figures["failures"] else 0)


@contextmanager
def site(directory: Path, on_cluster: bool) -> Iterator[Site]:
    """Where a demonstration runs; a cluster is ended after it, its files stay."""
    from sip_luigi.selftest.sites import OnCluster, OneMachine  # noqa: PLC0415 - casacore takes a while
    from sip_luigi.testcluster import Cluster  # noqa: PLC0415

    if not on_cluster:
        yield OneMachine(directory)
        return
    directory.mkdir(parents=True, exist_ok=True)
    with Cluster(directory) as cluster:
        click.echo(
            f"cluster: {' '.join(cluster.nodes)}, each with an sshd and a file tree of its own", err=True
        )
        yield OnCluster(cluster)


def run_selftest(test: SelfTest) -> tuple[dict[str, Any], Path]:
    """Simulate, run, compare: the figures and where the results are. Progress goes to standard error."""
    test.prepare(show_progress)

    def announce(url: str) -> None:
        if test.site.watchable:
            click.echo(f"watch it on {url}/static/visualiser/index.html", err=True)

    elapsed = test.run(announce)
    return {**test.judge(), "pipeline_s": round(elapsed, 1)}, test.results


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


def show_several(figures: dict[str, Any]) -> None:
    """Print the figures of several runs side by side, their medians and what misses its limits."""
    runs = figures["runs"]
    table = Table("figure", *(f"seed {run['seed']}" for run in runs), "median")
    for name, median in figures["medians"].items():
        table.add_row(name, *(_shown(value) for value in (*(run.get(name) for run in runs), median)))
    console = Console()
    console.print(table)
    for failure in figures["failures"]:
        console.print("[red]missed[/red]", Text(failure))


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"
