"""What calibration gains: the same data through the pipeline with a feature and without, where they need it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from bench.calibration_features import AIMS, CALIBRATOR_ID, FEATURES, IMAGING, STATIONS, Feature, Way
from bench.figures import show, shown
from bench.measurement import by_turns
from bench.places import directory_option, scratch
from sip_luigi.domain.errors import ProgramError, SipError
from sip_luigi.domain.skymodel_text import parse_skymodel
from sip_luigi.selftest.run import SelfTest
from sip_luigi.selftest.sites import OneMachine
from sip_luigi.simulation.calibrator import calibrator_observation
from sip_luigi.simulation.simulate import simulate

Figures = Mapping[str, Any]

FIGURES = {
    "noise_mjy": "noise of the residual, mJy/beam",
    "noise_over_stokes_v": "the same over that of Stokes V",
    "dynamic_range": "brightest pixel over the noise",
    "flux_ratio": "median of measured over true fluxes, sources above 7 σ",
    "flux_scatter": "robust scatter of that ratio above 20 σ",
    "n_sources": "sources found",
    "false_fraction": "part of them that are no source",
    "completeness": "part found of the true sources above 7 σ",
    "flagged_fraction": "data flagged",
    "wall_s": "time of the main command, s",
    "verdict": "what the report says",
}
"""What is measured of each run."""


@dataclass
class Trial:
    """A feature on its observation.

    Attributes
    ----------
    feature : Feature
        What is tried.
    test : SelfTest
        Its observation, and how the pipeline is run on it.
    skymodel : Path
        The model that the pipeline is given.
    keep : Path or None
        Where the results are left.
    figures : dict
        Of each way, what was measured.
    """

    feature: Feature
    test: SelfTest
    skymodel: Path
    keep: Path | None
    figures: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, way: Way, _: int) -> float:
        """Process the observation from the raw data on, and return the time that it took, s."""
        test = self.test
        for name in ("scratch", "runtime"):
            shutil.rmtree(test.site.head / name, ignore_errors=True)
        wall_s = self._time(*IMAGING, "--calibration-skymodel", str(self.skymodel), *way.arguments)
        self.figures[way.name] = measure(test)
        if self.keep:
            shutil.copytree(test.results, self.keep / f"{self.feature.name}_{way.name}", dirs_exist_ok=True)
        return wall_s

    def _time(self, *arguments: str) -> float:
        started = time.monotonic()
        try:
            return self.test.run(lambda url: None, *arguments)
        except ProgramError:
            # An observation that is given up has its report: that there is no image is a result.
            if not (self.test.results / "quality.json").exists():
                raise
            return time.monotonic() - started


def measure(test: SelfTest) -> dict[str, Any]:
    """What the report says and what the truth says of it; None where there is no image."""
    quality = json.loads((test.results / "quality.json").read_text(encoding="utf-8"))
    if quality["rms_jy_beam"] is None:
        return {**dict.fromkeys(FIGURES), "verdict": quality["outcome"]}
    found = test.figures()
    return {
        "noise_mjy": 1e3 * quality["rms_jy_beam"],
        "noise_over_stokes_v": quality["noise_over_stokes_v"],
        "dynamic_range": quality["dynamic_range"],
        "flux_ratio": found["flux_ratio_median"],
        "flux_scatter": found["flux_scatter_20sigma"],
        "n_sources": quality["n_sources"],
        "false_fraction": found["false_fraction"],
        "completeness": found["completeness_7sigma"],
        "flagged_fraction": quality["flagged_fraction"],
        "verdict": quality["verdict"],
    }


@click.command()
@click.option(
    "--feature",
    "names",
    multiple=True,
    type=click.Choice([feature.name for feature in FEATURES]),
    help="Try this one; may be repeated. [default: all]",
)
@click.option("--subbands", default=4, show_default=True, help="Subbands of each observation.")
@click.option("--stations", default=len(STATIONS), show_default=True, help="Stations of each observation.")
@click.option("--workers", default=2, show_default=True, help="Luigi workers.")
@click.option(
    "--repeat", default=1, show_default=True, help="How often each is timed, by turns; the best counts."
)
@click.option(
    "--keep",
    type=click.Path(file_okay=False, path_type=Path),
    help="Leave the results of every run here. [default: none is left]",
)
@directory_option
def main(
    names: Sequence[str],
    subbands: int,
    stations: int,
    workers: int,
    repeat: int,
    keep: Path | None,
    directory: Path,
) -> None:
    """Measure what features of the calibration are worth; the last line printed is one JSON object."""
    given = {"subbands": subbands, "stations": stations, "load_before": os.getloadavg()[0]}
    chosen = [feature for feature in FEATURES if not names or feature.name in names]
    found: dict[str, Any] = {}
    try:
        with scratch(directory) as folder:
            for feature in chosen:
                options = replace(feature.options, subbands=subbands, stations=STATIONS[:stations])
                trial = prepared(replace(feature, options=options), folder, workers, keep)
                figures = measured_by_turns(trial, repeat)
                show_ways(feature, figures)
                found |= summary(feature.name, figures)
    except SipError as error:
        raise click.ClickException(str(error)) from error
    show("Calibration", {**given, **found}, {name: aim for name, aim in AIMS.items() if name in found})


def prepared(feature: Feature, folder: Path, workers: int, keep: Path | None) -> Trial:
    """Simulate the observation, and the calibrator's, and write the sky model."""
    site = OneMachine(folder / feature.options.obs_id)
    test = SelfTest(site, feature.options, workers)
    test.prepare(_quietly)
    if feature.calibrator:
        calibrator = calibrator_observation(feature.options, feature.calibrator, CALIBRATOR_ID)
        simulate(calibrator, site.simulated, progress=_quietly, jobs=workers)
    true = parse_skymodel(test.truth("skymodel").read_text(encoding="utf-8"), test.truth("skymodel"))
    skymodel = site.head / f"{feature.name}.skymodel"
    skymodel.write_text(feature.model(true).text(), encoding="utf-8")
    return Trial(feature, test, skymodel, keep)


def measured_by_turns(trial: Trial, repeat: int) -> dict[str, Figures]:
    """Figures of each way, the first of which does without the feature."""
    ways = trial.feature.ways
    runs: list[Callable[[int], float]] = [partial(trial.run, way) for way in ways]
    taken = by_turns(repeat, *runs)
    return {
        way.name: {**trial.figures[way.name], "wall_s": min(times)}
        for way, times in zip(ways, taken, strict=True)
    }


def summary(name: str, figures: Mapping[str, Figures]) -> dict[str, Any]:
    """All figures under names of their own, and what each way gains over the one that does without.

    ``noise_ratio`` is the noise without over the noise with, ``dynamic_range_ratio`` the dynamic range with over the
    one without: above 1 the feature is worth it.
    """
    flat = {
        f"{name}_{way}_{figure}": value for way, values in figures.items() for figure, value in values.items()
    }
    without, *others = figures
    for way in others:
        flat[f"{name}_{way}_noise_ratio"] = ratio(figures[without], figures[way], "noise_mjy")
        flat[f"{name}_{way}_dynamic_range_ratio"] = ratio(figures[way], figures[without], "dynamic_range")
    return flat


def ratio(above: Figures, below: Figures, figure: str) -> float | None:
    """Ratio of a figure of two runs; None where one of them has no image."""
    if above[figure] is None or below[figure] is None:
        return None
    return float(above[figure] / below[figure])


def show_ways(feature: Feature, figures: Mapping[str, Figures]) -> None:
    """Print the ways side by side."""
    table = Table("figure", *figures, title=feature.name)
    for name, meaning in FIGURES.items():
        table.add_row(meaning, *(shown(values[name]) for values in figures.values()))
    Console(width=110).print(table)


def _quietly(message: str, fraction: float) -> None:
    """Show no progress."""


if __name__ == "__main__":
    main()
