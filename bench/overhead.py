"""What the pipeline adds to the work itself: looking at products, starting jobs, keeping the books.

Chains of no-op stages run on a test cluster of sshd nodes, and on one machine without SSH; each beside the same
work done plainly.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click

from bench.figures import Aim, show
from bench.measurement import by_turns
from bench.places import Alone, NotMeasured, OnCluster, directory_option, make_raw_data, scratch
from sip_luigi.domain.errors import SipError

COMPUTE_NODES = 9
LOCAL_CHAINS = 32
PLAIN = "/data/plain"

AIMS = {
    "lookup_s": Aim(high=2.0),
    "lookup_ratio": Aim(low=300.0),
    "run_ratio": Aim(high=1.5),
    "local_ratio": Aim(high=1.5),
    "peak_rss_mb": Aim(high=500.0),
}


class Shape(NamedTuple):
    """How much is done.

    Attributes
    ----------
    subbands, stages : int
        Chains, and stages of each.
    workers : int
        Luigi workers, and commands at a time over plain SSH.
    sample : int
        Targets, and tasks, of ``luigi.contrib.ssh`` that are timed.
    repeat : int
        Rounds.
    """

    subbands: int
    stages: int
    workers: int
    sample: int
    repeat: int

    @property
    def tasks(self) -> int:
        """Tasks of the graph, without its root."""
        return self.subbands * self.stages

    @property
    def options(self) -> tuple[object, ...]:
        """What runs a graph is told."""
        return ("--stages", self.stages, "--workers", self.workers)


@click.command()
@click.option("--subbands", default=488, show_default=True, help="Chains on the cluster.")
@click.option("--stages", default=8, show_default=True, help="No-op stages of a chain.")
@click.option(
    "--workers", default=4, show_default=True, help="Luigi workers, and commands at a time over SSH."
)
@click.option(
    "--sample", default=64, show_default=True, help="Targets, and tasks, of luigi.contrib.ssh that are timed."
)
@click.option(
    "--repeat", default=2, show_default=True, help="How often each is timed, by turns; the best counts."
)
@directory_option
def main(subbands: int, stages: int, workers: int, sample: int, repeat: int, directory: Path) -> None:
    """Measure the overhead of the pipeline; the last line printed is one JSON object."""
    shape = Shape(subbands, stages, workers, sample, repeat)
    alone = shape._replace(subbands=min(LOCAL_CHAINS, subbands))
    figures = {**shape._asdict(), "compute_nodes": COMPUTE_NODES, "load_before": os.getloadavg()[0]}
    try:
        with scratch(directory) as folder:
            figures |= measure_cluster(folder, shape)
        figures |= measure_alone(directory, alone)
    except (NotMeasured, SipError) as error:
        raise click.ClickException(str(error)) from error
    show("Overhead", figures, AIMS)


def measure_cluster(directory: Path, shape: Shape) -> dict[str, Any]:
    """Chains on nodes that are reached through SSH."""
    with OnCluster.started(directory, COMPUTE_NODES) as place, place.scheduler() as url:
        rss_mb: dict[str, float] = {}

        def ours(turn: int) -> float:
            make_raw_data(place.raw_folders(), obs_id(turn), shape.subbands)
            run = place.time(
                "worker", "pipeline", "--obs-id", obs_id(turn), *shape.options, "--scheduler", url
            )
            # Later, luigid remembers earlier rounds as well.
            rss_mb.setdefault("luigid_rss_mb", place.luigid_rss_mb())
            rss_mb.setdefault("worker_rss_mb", run["worker_rss_mb"])
            return float(run["wall_s"])

        def pooled(turn: int) -> float:
            given = ("--directory", f"{PLAIN}/pooled{turn}", "--chains", shape.subbands)
            ssh = ("--ssh-config", place.cluster.ssh_config, *place.cluster.compute)
            return float(place.time("pooled", *given, *shape.options, *ssh)["wall_s"])

        run_s, pooled_s = by_turns(shape.repeat, ours, pooled)
        contrib_s = contrib_run(place, url, shape)
        return {
            **measure_lookup(place, shape),
            "run_s": min(run_s),
            "run_ms_per_task": 1e3 * min(run_s) / shape.tasks,
            "pooled_ssh_s": min(pooled_s),
            "run_ratio": min(run_s) / min(pooled_s),
            "contrib_ssh_run_s": contrib_s,
            "contrib_ssh_run_ratio": contrib_s / min(run_s),
            "peak_rss_mb": sum(rss_mb.values()),
            **rss_mb,
        }


def contrib_run(place: OnCluster, scheduler: str, shape: Shape) -> float:
    """Time of the whole graph in plain Luigi with ``luigi.contrib.ssh``, from that of some chains, s."""
    chains = max(1, min(shape.subbands, shape.sample // shape.stages))
    given = (
        "--directory",
        f"{PLAIN}/contrib",
        "--chains",
        chains,
        "--nodes",
        " ".join(place.cluster.compute),
    )
    run = place.time("plain", *given, *shape.options, "--scheduler", scheduler)
    return float(run["wall_s"]) * shape.subbands / chains


def measure_lookup(place: OnCluster, shape: Shape) -> dict[str, Any]:
    """Finding out that nothing is to do."""
    request = ("--obs-id", obs_id(0), "--stages", shape.stages)
    looks = [place.time("worker", "lookup", *request) for _ in range(shape.repeat)]
    if not all(look["complete"] and look["tasks"] == shape.tasks for look in looks):
        raise NotMeasured(f"the finished run was not found complete: {looks}")
    asked = place.time("worker", "exists", *request, "--sample", shape.sample)
    if asked["found"] != asked["asked"]:
        raise NotMeasured(f"luigi.contrib.ssh found {asked['found']} of {asked['asked']} products")
    look = min(looks, key=lambda entry: float(entry["lookup_s"]))
    contrib_s = asked["wall_s"] / asked["asked"] * shape.tasks
    return {
        "lookup_s": look["lookup_s"],
        "lookup_open_s": look["open_s"],
        "contrib_ssh_lookup_s": contrib_s,
        "lookup_ratio": contrib_s / look["lookup_s"],
    }


def measure_alone(directory: Path, shape: Shape) -> dict[str, Any]:
    """Chains on this machine, through a luigid, beside plain Luigi with marker files."""

    def timed(program: str, *arguments: object) -> Callable[[int], float]:
        def run(_: int) -> float:
            with (
                scratch(directory) as folder,
                Alone.started(folder, obs_id(0), shape.subbands, shape.workers) as place,
            ):
                scheduler = ("--scheduler", place.scheduler)
                return float(place.time(program, *arguments, *shape.options, *scheduler)["wall_s"])

        return run

    ours = timed("worker", "pipeline", "--obs-id", obs_id(0))
    plain = timed("plain", "--directory", "plain", "--chains", shape.subbands)
    ours_s, plain_s = by_turns(shape.repeat, ours, plain)
    return {
        "local_tasks": shape.tasks,
        "local_ms_per_task": 1e3 * min(ours_s) / shape.tasks,
        "plain_ms_per_task": 1e3 * min(plain_s) / shape.tasks,
        "local_ratio": min(ours_s) / min(plain_s),
    }


def obs_id(turn: int) -> str:
    """An observation for each round."""
    return f"L{900_001 + turn}"


if __name__ == "__main__":
    main()
