"""What the pipeline costs over a shell script: the same observation, the same commands, the same parallelism."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import click

from bench.figures import Aim, show
from bench.measurement import Taken, adopt_orphans, by_turns, measured
from bench.places import directory_option, scratch
from bench.shell_script import ShellScript
from sip_luigi.domain.errors import SipError
from sip_luigi.domain.observation import subband_name
from sip_luigi.selftest.run import DEMONSTRATION, SelfTest, demonstration
from sip_luigi.selftest.sites import OneMachine

AIMS = {"wall_ratio": Aim(high=1.05)}

CHECKS = frozenset(
    {"describe", "verify_measurementset", "inspect_solutions", "model_agreement", "verify_image"}
)
"""Commands that look at data and products; a script of less care would do without."""


@dataclass
class Contest:
    """The pipeline and a script with its commands, run by turns on the same data.

    Attributes
    ----------
    test : SelfTest
        The observation, and how the pipeline is run on it.
    directory : Path
        Where both work.
    pipeline, script : list of Taken
        What each run took, luigid too.
    steps_s : list of dict
        Time of each kind of step of each run of the script.
    """

    test: SelfTest
    directory: Path
    pipeline: list[Taken] = field(default_factory=list)
    script: list[Taken] = field(default_factory=list)
    steps_s: list[dict[str, float]] = field(default_factory=list)

    def run_pipeline(self, _: int) -> float:
        """Time of the main command, without that of starting luigid, s."""
        for name in ("scratch", "runtime"):
            shutil.rmtree(self.directory / name, ignore_errors=True)
        with measured() as taken:
            wall_s = self.test.run(lambda url: None)
        self.pipeline.append(taken)
        return wall_s

    def run_script(self, _: int) -> float:
        """Time of the script, which is made of what the pipeline has just run, s."""
        folder, obs_id = self.directory / "script", self.test.options.obs_id
        shutil.rmtree(folder, ignore_errors=True)
        products = self.directory / "scratch" / "sip" / obs_id
        script = ShellScript(products, folder, self.test.workers)
        raw = self.test.site.simulated.glob("*_uv.MS")
        script.write({subband_name(str(path), obs_id): path for path in raw})
        with measured() as taken:
            subprocess.run(("sh", str(script.path)), check=True, cwd=folder)
        self.script.append(taken)
        self.steps_s.append(steps(script.times))
        return taken.wall_s


@click.command()
@click.option("--subbands", default=8, show_default=True, help="Subbands of the observation.")
@click.option("--duration", default=3600.0, show_default=True, help="Its length, s.")
@click.option("--seed", default=42, show_default=True, help="Seed of the observation.")
@click.option(
    "--workers", default=2, show_default=True, help="Luigi workers, and chains at a time in the script."
)
@click.option(
    "--repeat", default=2, show_default=True, help="How often both are run, by turns; the best counts."
)
@directory_option
def main(subbands: int, duration: float, seed: int, workers: int, repeat: int, directory: Path) -> None:
    """Measure the efficiency of the pipeline; the last line printed is one JSON object."""
    adopt_orphans()
    options = replace(demonstration(seed), subbands=subbands, duration_s=duration)
    given = {"subbands": subbands, "duration_s": duration, "workers": workers, "repeat": repeat}
    try:
        with scratch(directory) as folder:
            test = SelfTest(OneMachine(folder), options, workers, settings=DEMONSTRATION)
            test.prepare(lambda message, fraction: None)
            contest = Contest(test, folder)
            pipeline_s, script_s = by_turns(repeat, contest.run_pipeline, contest.run_script)
    except (SipError, subprocess.CalledProcessError) as error:
        raise click.ClickException(str(error)) from error
    show("Efficiency", {**given, **summary(contest, pipeline_s, script_s)}, AIMS)


def steps(times: Path) -> dict[str, float]:
    """Seconds of each kind of step of the script, those of parallel chains added."""
    total: dict[str, float] = defaultdict(float)
    for line in times.read_text(encoding="utf-8").splitlines():
        name, began, ended = line.split()
        total[name] += float(ended) - float(began)
    return dict(total)


def summary(contest: Contest, pipeline_s: Sequence[float], script_s: Sequence[float]) -> dict[str, Any]:
    """The best of both, their ratio, and what the steps of the script took."""
    best = script_s.index(min(script_s))
    steps_s = contest.steps_s[best]
    pipeline_cpu_s, script_cpu_s = (
        min(taken.cpu_s for taken in runs) for runs in (contest.pipeline, contest.script)
    )
    return {
        "pipeline_s": min(pipeline_s),
        "script_s": min(script_s),
        "wall_ratio": min(pipeline_s) / min(script_s),
        "pipeline_cpu_s": pipeline_cpu_s,
        "script_cpu_s": script_cpu_s,
        "cpu_ratio": pipeline_cpu_s / script_cpu_s,
        "others_busy_pipeline": contest.pipeline[pipeline_s.index(min(pipeline_s))].others_busy,
        "others_busy_script": contest.script[best].others_busy,
        "script_checks_s": sum(value for name, value in steps_s.items() if name in CHECKS),
        **{f"script_{name.lower()}_s": value for name, value in sorted(steps_s.items())},
    }


if __name__ == "__main__":
    main()
