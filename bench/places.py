"""Where something is timed: the head node of a test cluster, or this machine alone."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bench.figures import last_object
from sip_luigi.selftest.run import LUIGI, config_text
from sip_luigi.selftest.scheduler import central_scheduler
from sip_luigi.selftest.sites import OnCluster as Site
from sip_luigi.selftest.sites import OneMachine, Sections
from sip_luigi.testcluster import Cluster

REPOSITORY = Path(__file__).parents[1]
IN_MEMORY = "/dev/shm"  # noqa: S108 - a directory of our own is made in it
START_S = 30.0
FAILED = dict.fromkeys(
    ("missing_data", "not_run", "scheduling_error", "task_failed", "unhandled_exception"), 1
)
"""Plain Luigi has to be told that a failure is one."""


class NotMeasured(Exception):
    """A process that is timed failed, so that there is no figure."""


# After many files were deleted, ext4 makes new ones slowly for minutes: one measurement would change the next.
directory_option = click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=lambda: IN_MEMORY if os.access(IN_MEMORY, os.W_OK) else tempfile.gettempdir(),
    help=f"Work below this directory. [default: {IN_MEMORY}, a file system in memory]",
)


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A directory for the length of a measurement."""
    directory = Path(tempfile.mkdtemp(prefix="sip-bench-", dir=parent))
    # One that is asked to end cleans up as well: what it leaves may be memory.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def make_raw_data(folders: Sequence[Path], obs_id: str, subbands: int) -> None:
    """Spread directories with the names of raw MeasurementSets; nothing here reads them."""
    for number in range(subbands):
        path = folders[number % len(folders)] / f"{obs_id}_SAP000_SB{number:03d}_uv.MS"
        path.mkdir(parents=True)
        (path / "table.dat").write_text(str(number), encoding="utf-8")


def timed_argv(program: str, *arguments: object) -> tuple[str, ...]:
    """Command line of one of the programs of this folder that time something."""
    return (sys.executable, "-m", f"bench.{program}", *map(str, arguments))


def environment(config: str) -> dict[str, str]:
    """Variables of what is timed."""
    path = os.pathsep.join((str(Path(sys.executable).parent), "/usr/sbin:/usr/bin:/sbin:/bin"))
    return {"LUIGI_CONFIG_PATH": config, "PYTHONPATH": str(REPOSITORY), "PATH": path}


def read(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    """The answer of a process that is timed.

    Raises
    ------
    NotMeasured
        It has none, or did not end well.
    """
    try:
        answer = last_object(done.stdout)
    except ValueError:
        answer = {"status": done.returncode or "no answer"}
    if answer.get("status"):
        raise NotMeasured(f"{' '.join(done.args[-12:])}: {answer['status']}: {done.stderr[-2000:].strip()}")
    return answer


@dataclass(frozen=True)
class Alone:
    """One machine, without SSH.

    Attributes
    ----------
    directory : Path
        Where everything is.
    scheduler : str
        URL of luigid.
    """

    directory: Path
    scheduler: str

    @classmethod
    @contextmanager
    def started(cls, directory: Path, obs_id: str, subbands: int, workers: int) -> Iterator[Alone]:
        """Lay out data and configuration and start luigid."""
        site = OneMachine(directory)
        make_raw_data([site.simulated], obs_id, subbands)
        (directory / "scratch").mkdir()
        cluster = {**site.prepare([])["cluster"], "cores": workers}
        config = directory / "luigi.cfg"
        config.write_text(settings_text(str(directory / "runtime"), {"cluster": cluster}), encoding="utf-8")
        with central_scheduler(directory, config) as url:
            yield cls(directory, url)

    def time(self, program: str, *arguments: object) -> dict[str, Any]:
        """Have a program time something."""
        done = subprocess.run(
            timed_argv(program, *arguments),
            env=environment(str(self.directory / "luigi.cfg")),
            cwd=self.directory,
            capture_output=True,
            text=True,
            check=False,
        )
        return read(done)


@dataclass(frozen=True)
class OnCluster:
    """The head node of a test cluster.

    Attributes
    ----------
    cluster : Cluster
        It runs.
    """

    cluster: Cluster

    @classmethod
    @contextmanager
    def started(cls, directory: Path, compute: int) -> Iterator[OnCluster]:
        """Start the nodes and configure the head node."""
        with Cluster(directory, compute=compute) as cluster:
            text = settings_text("/data/runtime", {"cluster": cluster.settings})
            cluster.path(cluster.head, "/data/luigi.cfg").write_text(text, encoding="utf-8")
            _let_ssh_find_nodes(cluster)
            yield cls(cluster)

    @contextmanager
    def scheduler(self) -> Iterator[str]:
        """Run luigid on the head node; gives its URL once it answers."""
        with Site(self.cluster).scheduler() as url:
            probe = (sys.executable, "-c", _PROBE, f"{url}/api/task_list")
            deadline = time.monotonic() + START_S
            while self.cluster.run(self.cluster.head, probe, stderr=subprocess.DEVNULL).returncode:
                if time.monotonic() > deadline:
                    raise NotMeasured("luigid did not start on the head node")
                time.sleep(0.2)
            yield url

    def raw_folders(self) -> list[Path]:
        """The disks of the storage nodes."""
        return [self.cluster.path(node, "/data/raw") for node in self.cluster.storage]

    def time(self, program: str, *arguments: object) -> dict[str, Any]:
        """Have a program time something on the head node."""
        done = self.cluster.run(
            self.cluster.head,
            timed_argv(program, *arguments),
            env=environment("/data/luigi.cfg"),
            capture_output=True,
            text=True,
        )
        return read(done)

    def luigid_rss_mb(self) -> float:
        """Most memory that luigid has had."""
        processes = self.cluster.processes(self.cluster.head)
        pid = next(pid for pid, argv in processes.items() if any(word.endswith("/luigid") for word in argv))
        lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024.0


_PROBE = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=1)"


def settings_text(runtime_directory: str, sections: Sections) -> str:
    """A ``luigi.cfg``."""
    head: Sections = {"DEFAULT": {"runtime_directory": runtime_directory}, "retcode": FAILED}
    return config_text({**head, **sections, **LUIGI})


def _let_ssh_find_nodes(cluster: Cluster) -> None:
    # luigi.contrib.ssh has no option for a configuration file: the user's own is the only one it finds.
    folder = cluster.path(cluster.head, str(Path.home() / ".ssh"))
    folder.mkdir(mode=0o700, exist_ok=True)
    text = cluster.path(cluster.head, cluster.ssh_config).read_text(encoding="utf-8")
    (folder / "config").write_text(text, encoding="utf-8")
