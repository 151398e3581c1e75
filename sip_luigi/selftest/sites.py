"""Where the self-test runs: on this machine alone, or on a test cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from sip_luigi.selftest.scheduler import USUAL_PORT, central_scheduler, luigid_argv
from sip_luigi.testcluster import Cluster

Sections = Mapping[str, Mapping[str, object]]


class Site(Protocol):
    """A head node with its storage and compute nodes."""

    watchable: ClassVar[bool]
    """Whether a browser on this machine reaches the scheduler."""

    @property
    def simulated(self) -> Path:
        """Where the observation is simulated."""
        ...

    @property
    def head(self) -> Path:
        """Directory of the head node, for the configuration and ``runtime/``."""
        ...

    def seen(self, path: Path) -> str:
        """Path of a file below `head` as the head node knows it."""
        ...

    def prepare(self, raw: Sequence[Path]) -> Sections:
        """Put the raw data on the storage nodes; return the settings that say where they are."""
        ...

    def products(self, pattern: str) -> list[Path]:
        """Files of the compute nodes' scratch disks."""
        ...

    def scheduler(self) -> AbstractContextManager[str]:
        """Run luigid for the length of a ``with`` block, which is given its URL."""
        ...

    def run(self, argv: Sequence[str]) -> int:
        """Run a command on the head node and return its exit status."""
        ...


@dataclass(frozen=True)
class OneMachine:
    """Head, storage and compute node are this machine.

    Attributes
    ----------
    directory : Path
        Everything lies below it: ``storage/``, ``scratch/``, ``runtime/``, the configuration.
    """

    watchable: ClassVar[bool] = True
    directory: Path

    @property
    def simulated(self) -> Path:
        """The disk of the storage node; the truth lies there too."""
        return self.directory / "storage"

    @property
    def head(self) -> Path:
        """The directory itself."""
        return self.directory

    def seen(self, path: Path) -> str:
        """The same path."""
        return str(path)

    def prepare(self, raw: Sequence[Path]) -> Sections:
        """Describe a cluster of one; the raw data are where they belong."""
        clusterdesc = self.directory / "selftest.clusterdesc"
        clusterdesc.write_text(
            "ClusterName = selftest\n"
            "Head.Nodes = [ localhost ]\n"
            "Storage.Nodes = [ localhost ]\n"
            f'Storage.LocalDisks = [ "{self.simulated}" ]\n'
            "Compute.Nodes = [ localhost ]\n"
            f'Compute.LocalDisks = [ "{self.directory / "scratch"}" ]\n',
            encoding="utf-8",
        )
        return {"cluster": {"clusterdesc": clusterdesc}}

    def products(self, pattern: str) -> list[Path]:
        """Files below ``scratch/``."""
        return sorted((self.directory / "scratch").glob(pattern))

    def scheduler(self) -> AbstractContextManager[str]:
        """See :func:`sip_luigi.selftest.scheduler.central_scheduler`."""
        return central_scheduler(self.directory, self.directory / "luigi.cfg")

    def run(self, argv: Sequence[str]) -> int:
        """Run it here; what it prints goes to standard error."""
        environment = {**os.environ, "LUIGI_CONFIG_PATH": str(self.directory / "luigi.cfg")}
        return subprocess.run(
            argv, cwd=self.directory, env=environment, stdout=sys.stderr, check=False
        ).returncode


@dataclass(frozen=True)
class OnCluster:
    """A test cluster that runs.

    Attributes
    ----------
    cluster : Cluster
        Its nodes' trees are all that is kept.
    """

    watchable: ClassVar[bool] = False
    cluster: Cluster

    @property
    def simulated(self) -> Path:
        """Outside of all nodes."""
        return self.cluster.base / "simulated"

    @property
    def head(self) -> Path:
        """What the head node sees as ``/data``."""
        return self.cluster.path(self.cluster.head, "/data")

    def seen(self, path: Path) -> str:
        """The path in ``/data``."""
        return f"/data/{path.relative_to(self.head)}"

    def prepare(self, raw: Sequence[Path]) -> Sections:
        """Spread the raw data over the storage nodes, one subband after the other."""
        cluster = self.cluster
        for number, path in enumerate(raw):
            node = cluster.storage[number % len(cluster.storage)]
            place = cluster.path(node, "/data/raw") / path.name
            if not place.exists():
                # Links take no room; the pipeline never writes to raw data.
                shutil.copytree(path, place, copy_function=os.link)
        return {"cluster": cluster.settings}

    def products(self, pattern: str) -> list[Path]:
        """Files of all compute nodes."""
        trees = [self.cluster.path(node, "/data/scratch") for node in self.cluster.compute]
        return sorted((path for tree in trees for path in tree.glob(pattern)), key=lambda path: path.parts)

    @contextmanager
    def scheduler(self) -> Iterator[str]:
        """Run luigid on the head node; nobody outside the cluster reaches it."""
        with (self.head / "luigid.log").open("ab") as log:
            process = self.cluster.popen(
                self.cluster.head,
                luigid_argv("/data", USUAL_PORT),
                env=self._environment(),
                stdout=log,
                stderr=log,
            )
        try:
            yield f"http://127.0.0.1:{USUAL_PORT}"
        finally:
            process.terminate()
            process.wait()

    def run(self, argv: Sequence[str]) -> int:
        """Run it on the head node; what it prints goes to standard error."""
        done = self.cluster.run(self.cluster.head, argv, env=self._environment(), stdout=sys.stderr)
        return int(done.returncode)

    def _environment(self) -> Mapping[str, str]:
        return {
            "LUIGI_CONFIG_PATH": "/data/luigi.cfg",
            "PATH": f"{Path(sys.executable).parent}:/usr/sbin:/usr/bin:/sbin:/bin",
        }
