"""How fast CopySubband is: the same MeasurementSet from a storage node to a compute node with rsync, and with tar.

All three run on the compute node and pull through ssh, with the same cipher.
"""

from __future__ import annotations

import os
import random
import shlex
import shutil
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bench.figures import Aim, show
from bench.measurement import by_turns
from bench.places import NotMeasured, OnCluster, directory_option, scratch
from sip_luigi.domain.errors import SipError
from sip_luigi.programs.rsync import ssh_command
from sip_luigi.settings.sections import Cluster as ClusterSettings

OBS_ID = "L900001"
NAME = f"{OBS_ID}_SAP000_SB000_uv.MS"
PLAIN = "/data/scratch/plain"

AIMS = {"ratio": Aim(low=1.0)}

SHARES = {"table.f0_TSM0": 0.9, "table.f1_TSM0": 0.06, "table.f2_TSM0": 0.03}
"""Large files of a MeasurementSet, here its visibilities, flags and weights, and their parts of its size."""
SUBTABLES, FILES = 20, 4
"""The rest is in so many subtables of so many files each."""
BLOCK = 1 << 20
SETTLE_S = 6.0
"""Pause before each copy: a virtual machine writes faster to memory that was freed a moment ago, which it gives back
within seconds, and the pipeline needs two seconds before its job starts."""
SEED = 1


@dataclass(frozen=True)
class Copies:
    """A storage and a compute node, and a MeasurementSet between them.

    Attributes
    ----------
    place : OnCluster
        The cluster.
    """

    place: OnCluster

    @property
    def storage(self) -> str:
        """Where the data are."""
        return self.place.cluster.storage[0]

    @property
    def compute(self) -> str:
        """Where they are wanted."""
        return self.place.cluster.compute[0]

    @property
    def source(self) -> Path:
        """The MeasurementSet on the storage node."""
        return self.place.cluster.path(self.storage, "/data/raw") / NAME

    def pipeline(self, _: int) -> float:
        """Time that CopySubband takes, from the start of its job to the published product, s."""
        done = self.place.time("worker", "copy", "--obs-id", OBS_ID)
        self._judge(done["path"])
        return float(done["wall_s"])

    def rsync(self, ssh: tuple[str, ...]) -> Callable[[int], float]:
        """The same with rsync as one types it."""
        argv = ("rsync", "-a", "-e", shlex.join(ssh), f"{self.storage}:/data/raw/{NAME}", f"{PLAIN}/")
        return lambda _: self._plain(argv)

    def tar(self, ssh: tuple[str, ...]) -> Callable[[int], float]:
        """The same with tar on both sides."""
        there = f"{shlex.join(ssh)} {self.storage} tar -C /data/raw -cf - {NAME}"
        return lambda _: self._plain(("sh", "-c", f"{there} | tar -C {PLAIN} -xf -"))

    def _plain(self, argv: tuple[str, ...]) -> float:
        cluster = self.place.cluster
        cluster.path(self.compute, PLAIN).mkdir()
        os.sync()
        started = time.monotonic()
        done = cluster.run(self.compute, argv, capture_output=True, text=True)
        wall_s = time.monotonic() - started
        if done.returncode:
            raise NotMeasured(f"{shlex.join(argv)}: exit status {done.returncode}: {done.stderr[-1000:]}")
        self._judge(f"{PLAIN}/{NAME}")
        return wall_s

    def _judge(self, path: str) -> None:
        """Hold a copy against the original, and remove it, so that the next one finds the same disk."""
        cluster = self.place.cluster
        copied, size = tree(cluster.path(self.compute, path)), tree(self.source)
        shutil.rmtree(cluster.path(self.compute, "/data/scratch"))
        cluster.path(self.compute, "/data/scratch").mkdir()
        os.sync()
        time.sleep(SETTLE_S)
        if copied != size:
            raise NotMeasured(f"{path} is not what was copied")


@click.command()
@click.option("--size", "size_mb", default=1024, show_default=True, help="Size of the MeasurementSet, MiB.")
@click.option(
    "--repeat", default=7, show_default=True, help="How often each is timed, by turns; the median counts."
)
@directory_option
def main(size_mb: int, repeat: int, directory: Path) -> None:
    """Measure the speed of copies; the last line printed is one JSON object."""
    given = {"size_mb": size_mb, "repeat": repeat, "load_before": os.getloadavg()[0]}
    try:
        with scratch(directory) as folder, OnCluster.started(folder, compute=1) as place:
            copies = Copies(place)
            make_measurementset(copies.source, size_mb)
            figures = measure(copies, repeat)
    except (NotMeasured, SipError) as error:
        raise click.ClickException(str(error)) from error
    show("Copy", {**given, **summary(figures, size_mb)}, AIMS)


def measure(copies: Copies, repeat: int) -> dict[str, float]:
    """Median time of each way to copy, s: single ones differ by a fifth, so that the shortest is a matter of luck."""
    config = copies.place.cluster.ssh_config
    ssh, usual = ssh_command(config, ClusterSettings().ssh_cipher), ssh_command(config)
    ways = {
        "pipeline": copies.pipeline,
        "rsync": copies.rsync(ssh),
        "tar": copies.tar(ssh),
        "rsync_usual_cipher": copies.rsync(usual),
        "tar_usual_cipher": copies.tar(usual),
    }
    taken = by_turns(repeat, *ways.values())
    return {name: statistics.median(times) for name, times in zip(ways, taken, strict=True)}


def summary(taken_s: Mapping[str, float], size_mb: int) -> dict[str, Any]:
    """Throughput of each way, and what the pipeline has of that of the better of the others."""
    speed = {name: size_mb / wall_s for name, wall_s in taken_s.items()}
    return {
        "ratio": speed["pipeline"] / max(speed["rsync"], speed["tar"]),
        "ratio_usual_cipher": speed["pipeline"] / max(speed["rsync_usual_cipher"], speed["tar_usual_cipher"]),
        **{f"{name}_mib_s": value for name, value in speed.items()},
    }


def make_measurementset(path: Path, size_mb: int) -> None:
    """Write files of the names and sizes of a MeasurementSet, with content that nothing can compress."""
    content = random.Random(SEED)  # noqa: S311 - no secret
    size = size_mb * BLOCK
    small = int(size * (1.0 - sum(SHARES.values()))) // (SUBTABLES * FILES)
    sizes = {name: int(size * share) for name, share in SHARES.items()}
    sizes |= {f"SUBTABLE{n}/table.f{file}": small for n in range(SUBTABLES) for file in range(FILES)}
    for name, left in sizes.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        with (path / name).open("wb") as stream:
            for offset in range(0, left, BLOCK):
                stream.write(content.randbytes(min(BLOCK, left - offset)))


def tree(path: Path) -> dict[str, int]:
    """Size of each file below a directory."""
    return {
        str(entry.relative_to(path)): entry.stat().st_size for entry in path.rglob("*") if entry.is_file()
    }


if __name__ == "__main__":
    main()
