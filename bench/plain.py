"""The same graph in plain Luigi: marker files on this machine, or on nodes through ``luigi.contrib.ssh``.

Nothing of the pipeline is imported: it would give Luigi other workers.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import luigi
from luigi.contrib.ssh import RemoteContext, RemoteTarget

from bench.timed import (
    answer,
    chains_option,
    directory_option,
    run_luigi,
    scheduler_option,
    stages_option,
    workers_option,
)


class MarkerStage(luigi.Task):
    """One stage of a chain on this machine: run ``true``, then leave a marker."""

    directory = luigi.Parameter()
    chain = luigi.IntParameter()
    stage = luigi.IntParameter()

    def requires(self) -> list[luigi.Task]:
        """The stage before."""
        return [self.clone(stage=self.stage - 1)] if self.stage > 1 else []

    def output(self) -> Any:
        """The marker."""
        return luigi.LocalTarget(f"{self.directory}/{self.chain}/{self.stage}/done")

    def run(self) -> None:
        """Run the tool."""
        subprocess.run(("true",), check=True)
        marker = Path(self.output().path)
        marker.parent.mkdir(parents=True, exist_ok=True)
        marker.touch()


class RemoteStage(MarkerStage):
    """One stage of a chain on a node."""

    node = luigi.Parameter()

    def output(self) -> Any:
        """The marker on the node."""
        return RemoteTarget(f"{self.directory}/{self.chain}/{self.stage}/done", self.node)

    def run(self) -> None:
        """Run the tool on the node, as one would type it."""
        RemoteContext(self.node).check_output([shell_line(Path(self.output().path))])


class PlainPipeline(luigi.WrapperTask):
    """All chains; those on nodes when nodes are named."""

    directory = luigi.Parameter()
    chains = luigi.IntParameter()
    stages = luigi.IntParameter()
    nodes = luigi.Parameter(default="")

    def requires(self) -> Iterator[luigi.Task]:
        """The last stage of every chain."""
        nodes = self.nodes.split()
        for chain in range(self.chains):
            given = {"directory": self.directory, "chain": chain, "stage": self.stages}
            if nodes:
                yield RemoteStage(node=nodes[chain % len(nodes)], **given)
            else:
                yield MarkerStage(**given)


def shell_line(marker: Path) -> str:
    """What somebody types for one stage; the marker's path needs no quotes."""
    return f"mkdir -p {marker.parent} && true && touch {marker}"


@click.command()
@directory_option
@chains_option
@click.option("--nodes", default="")
@stages_option
@workers_option
@scheduler_option
def main(directory: str, chains: int, nodes: str, stages: int, workers: int, scheduler: str) -> None:
    """Run the graph."""
    given = {"directory": directory, "chains": chains, "stages": stages, "nodes": nodes}
    options = [word for name, value in given.items() for word in (f"--{name}", str(value))]
    answer(**run_luigi(PlainPipeline.__name__, *options, workers=workers, scheduler=scheduler))


if __name__ == "__main__":
    main()
