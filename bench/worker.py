"""What of the pipeline is timed, each in a process of its own: ``python -m bench.worker COMMAND``."""

from __future__ import annotations

import io
import random
import time

import click
from luigi.contrib.ssh import RemoteTarget

from bench.noop import NoopPipeline, define_chain
from bench.timed import answer, run_luigi, scheduler_option, stages_option, workers_option
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.copy_subband import CopySubband
from sip_luigi.tasks.graph import walk

SEED = 1
obs_id_option = click.option("--obs-id", required=True)


@click.group()
def main() -> None:
    """Time one thing."""


@main.command()
@obs_id_option
@stages_option
@workers_option
@scheduler_option
def pipeline(obs_id: str, stages: int, workers: int, scheduler: str) -> None:
    """Run the chains of no-op stages as the main command runs its stages."""
    define_chain(stages)
    answer(**run_luigi("NoopPipeline", "--obs-id", obs_id, workers=workers, scheduler=scheduler))


@main.command()
@obs_id_option
@stages_option
def lookup(obs_id: str, stages: int) -> None:
    """Find out that nothing is to do."""
    define_chain(stages)
    started = time.monotonic()
    root = NoopPipeline(obs_id=obs_id)
    opened = time.monotonic()
    complete = root.complete()
    ended = time.monotonic()
    tasks = len(walk(root)) - 1
    answer(lookup_s=ended - started, open_s=opened - started, complete=complete, tasks=tasks)


@main.command()
@obs_id_option
@stages_option
@click.option("--sample", type=int, required=True)
def exists(obs_id: str, stages: int, sample: int) -> None:
    """Ask for some of the same products one by one, as Luigi's own remote target does."""
    define_chain(stages)
    root = NoopPipeline(obs_id=obs_id)
    products = [task.product() for task in walk(root) if task is not root]
    chosen = random.Random(SEED).sample(products, min(sample, len(products)))  # noqa: S311 - no secret
    targets = [RemoteTarget(product.manifest_path, product.node) for product in chosen]
    started = time.monotonic()
    found = sum(target.exists() for target in targets)
    answer(wall_s=time.monotonic() - started, asked=len(targets), found=found)


@main.command()
@obs_id_option
def copy(obs_id: str) -> None:
    """Bring the only subband of an observation to its compute node, as CopySubband does."""
    ctx = open_context(obs_id)
    task = CopySubband(obs_id=obs_id, subband=ctx.subbands[0].name, context=ctx)
    started = time.monotonic()
    task.make({}, io.StringIO())
    answer(wall_s=time.monotonic() - started, path=task.measurementset_path)


if __name__ == "__main__":
    main()
