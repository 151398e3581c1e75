"""The cluster as a test holds it in its hands."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, ClassVar, Self

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.testcluster.files import (
    CLUSTERDESC,
    CONFIG,
    RAW,
    SCRATCH,
    clusterdesc_text,
    write_configuration,
)
from sip_luigi.testcluster.network import addresses
from sip_luigi.testcluster.nodes import Nodes
from sip_luigi.testcluster.processes import arguments, await_end, continue_all, stop_all
from sip_luigi.testcluster.requirements import missing

MAX_NODES = 250
HEAD = "lfe001"


class Cluster:
    """One head node, storage nodes and compute nodes, each with a real sshd.

    Parameters
    ----------
    base : Path
        Directory of the cluster. A node's tree is ``<base>/<node>``, which the node sees as ``/data``;
        ``<base>/cluster`` holds keys, configurations and logs.
    storage, compute : int
        Number of nodes, at least one each.
    sshd_options : mapping, optional
        Node → lines for its ``sshd_config``, such as ``"MaxSessions 2"``.
    disk_mb : mapping, optional
        Node → size of its ``/data`` in MiB; such a disk is in memory, and gone when the cluster is closed.
    visible : sequence of Path, optional
        More directories that all nodes see, read-only, though they lie where a node has its own files: in
        ``/tmp``, ``/run``, the home of root, ``/data`` or ``base``.

    Attributes
    ----------
    head : str
        The head node, ``lfe001``.
    storage, compute, nodes : tuple of str
        ``lse001`` …, ``lce001`` …, and all nodes.
    address : dict
        Node → IPv4 address, the same after a reboot.
    ssh_config, clusterdesc : str
        Paths inside: the ssh client configuration, on every node, and the cluster description, on the head.
    settings : dict
        What a pipeline on the head node needs in the section ``[cluster]`` of its ``luigi.cfg``.

    Notes
    -----
    A node sees the machine's files read-only; ``/data``, ``/tmp``, ``/run``, ``/dev/shm`` and the home of root
    are its own. Time, kernel, CPUs and memory are shared.
    """

    ssh_config = f"{CONFIG}/ssh_config"
    clusterdesc = CLUSTERDESC
    settings: ClassVar[Mapping[str, str]] = {
        "clusterdesc": clusterdesc,
        "execution": "ssh",
        "ssh_config": ssh_config,
        "node_ssh_config": ssh_config,
    }

    def __init__(
        self,
        base: Path,
        *,
        storage: int = 2,
        compute: int = 3,
        sshd_options: Mapping[str, Sequence[str]] | None = None,
        disk_mb: Mapping[str, int] | None = None,
        visible: Sequence[Path] = (),
    ) -> None:
        if min(storage, compute) < 1 or storage + compute >= MAX_NODES:
            raise ConfigurationError(
                f"{storage} storage and {compute} compute nodes: 1 to {MAX_NODES} make sense"
            )
        self.base = Path(base).resolve()
        self.head = HEAD
        self.storage = tuple(f"lse{number:03d}" for number in range(1, storage + 1))
        self.compute = tuple(f"lce{number:03d}" for number in range(1, compute + 1))
        self.nodes = (self.head, *self.storage, *self.compute)
        self.address = addresses(self.nodes)
        self._sshd_options = dict(sshd_options or {})
        for node in (*self._sshd_options, *(disk_mb or {})):
            self._known(node)
        shown = (*visible, Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[2])
        self._nodes = Nodes(self.base, self.address, dict(disk_mb or {}), shown)
        self._started: list[subprocess.Popen[Any]] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start all nodes.

        Raises
        ------
        ConfigurationError
            The machine cannot run a cluster; the message says why and what to do.
        """
        if self._nodes.started:
            raise ConfigurationError("the test cluster has been started already: close it first")
        reason = missing()
        if reason:
            raise ConfigurationError(reason)
        try:
            self._nodes.start()
            write_configuration(self._nodes.own, self.address, self._sshd_options)
            self._make_directories()
            self._nodes.boot(self.nodes)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End everything that runs in the cluster; the files in ``base`` stay."""
        self._nodes.close()
        for process in self._started:
            process.wait()
        self._started.clear()

    def path(self, node: str, inside: str | PurePosixPath) -> Path:
        """Where the caller finds what a node sees at a path.

        What lies in ``/data`` can be read and written whether the node is up or not. Absolute symbolic links
        lead to where they point outside.
        """
        self._known(node)
        place = PurePosixPath(inside)
        if not place.is_absolute() or ".." in place.parts:
            raise ConfigurationError(f"{inside}: expected an absolute path of {node}, without ..")
        if place.is_relative_to("/data"):
            return self._nodes.tree(node) / place.relative_to("/data")
        return Path(f"/proc/{self._nodes.init(node).pid}/root") / place.relative_to("/")

    def run(
        self, node: str, argv: Sequence[str | Path], *, cwd: str = "/data", **keywords: Any
    ) -> subprocess.CompletedProcess[Any]:
        """Run a command on a node and wait for it; keywords are those of :func:`subprocess.run`.

        It has no standard input unless that is given.
        """
        keywords = {"check": False, **_apart(keywords)}
        return subprocess.run(self._enter(node, argv, cwd), **keywords)  # noqa: PLW1510 - among the keywords

    def popen(
        self, node: str, argv: Sequence[str | Path], *, cwd: str = "/data", **keywords: Any
    ) -> subprocess.Popen[Any]:
        """Start a command on a node; keywords are those of :class:`subprocess.Popen`.

        It has no standard input unless that is given.
        Signals that ask a program to end reach the command, SIGKILL too, and the process that is returned ends
        as the command does. Its pid is not that of the command, which :meth:`processes` knows.
        """
        process = subprocess.Popen(self._enter(node, argv, cwd), **_apart(keywords))
        self._started.append(process)
        return process

    def pids(self, node: str) -> list[int]:
        """Processes of a node, by pid outside; its first process, which only keeps it, is left out."""
        self._known(node)
        return self._nodes.init(node).pids() if self._nodes.up(node) else []

    def processes(self, node: str) -> dict[int, tuple[str, ...]]:
        """Command line of each process of a node, sshd included, by pid outside."""
        return {pid: arguments(pid) for pid in self.pids(node)}

    def kill_sshd(self, node: str, number: int = signal.SIGKILL) -> None:
        """Send a signal to a node's sshd and its sessions; what the sessions started goes on."""
        self._known(node)
        servers = self._nodes.servers(node)
        self._nodes.init(node).signal(servers, number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            await_end(servers, self._nodes.init(node).namespace)

    def start_sshd(self, node: str) -> None:
        """Start a node's sshd and wait until it listens; one that runs stays."""
        self._known(node)
        if not self._nodes.servers(node):
            self._nodes.start_sshd([node])

    def freeze(self, node: str) -> None:
        """Stop every process of a node: connections stay, nothing answers."""
        self._known(node)
        init = self._nodes.init(node)
        stop_all(init.namespace, spared=init.pid)

    def thaw(self, node: str) -> None:
        """Let every process of a node go on."""
        self._known(node)
        continue_all(self._nodes.init(node).namespace)

    def cut(self, node: str) -> None:
        """Take a node off the network, without a word to anybody."""
        self._known(node)
        self._nodes.init(node)
        self._nodes.network.cut(node)

    def mend(self, node: str) -> None:
        """Put a node back on the network."""
        self._known(node)
        self._nodes.init(node)
        self._nodes.network.mend(node)

    def destroy(self, node: str) -> None:
        """Let a node fail as by a loss of power: all processes gone, no last packet, its address silent."""
        self._known(node)
        self._nodes.destroy(node)

    def boot(self, node: str) -> None:
        """Start a node anew, with its old tree, host key and address; one that is up loses power first."""
        self._known(node)
        if self._nodes.up(node):
            self._nodes.destroy(node)
        self._nodes.boot([node])

    def _enter(self, node: str, argv: Sequence[str | Path], directory: str) -> tuple[str, ...]:
        self._known(node)
        return self._nodes.init(node).enter(argv, directory)

    def _known(self, node: str) -> None:
        if node not in self.nodes:
            raise ConfigurationError(
                f"no node {node!r} in the test cluster; its nodes are {', '.join(self.nodes)}"
            )

    def _make_directories(self) -> None:
        for node in self.storage:
            self.path(node, RAW).mkdir(exist_ok=True)
        for node in self.compute:
            self.path(node, SCRATCH).mkdir(exist_ok=True)
        text = clusterdesc_text(self.head, self.storage, self.compute)
        self.path(self.head, self.clusterdesc).write_text(text, encoding="utf-8")


def _apart(keywords: dict[str, Any]) -> dict[str, Any]:
    """Keywords of a process that has nothing to do with the caller's terminal."""
    # Ctrl-C is for the tests alone; and ssh would read the caller's input and leave it non-blocking.
    stdin = {} if "input" in keywords else {"stdin": subprocess.DEVNULL}
    return {"start_new_session": True, **stdin, **keywords}
