"""The nodes of a cluster as sets of namespaces: started, ended and started again inside one holder."""

from __future__ import annotations

import pwd
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import ConfigurationError, TransportError
from sip_luigi.testcluster.files import CONFIG
from sip_luigi.testcluster.namespaces import Init, Starting, start_holder, start_node
from sip_luigi.testcluster.network import Network
from sip_luigi.testcluster.processes import await_file, executable
from sip_luigi.testcluster.requirements import program


@dataclass
class Nodes:
    """What runs of a cluster.

    Attributes
    ----------
    base : Path
        Directory of the cluster.
    address : mapping
        Node → address.
    disk_mb : mapping
        Node → size of a data disk in memory.
    visible : sequence of Path
        What all nodes see of places that are hidden otherwise.
    """

    base: Path
    address: Mapping[str, str]
    disk_mb: Mapping[str, int]
    visible: Sequence[Path]
    _holder: Init | None = None
    _up: dict[str, Init] = field(default_factory=dict)
    _outside: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def own(self) -> Path:
        """Directory with keys, configurations and logs."""
        return self.base / "cluster"

    @property
    def started(self) -> bool:
        """Whether the holder has been started."""
        return self._holder is not None

    @property
    def holder(self) -> Init:
        """The process in which everything lives."""
        if self._holder is None:
            raise ConfigurationError("the test cluster is not running: start it first")
        return self._holder

    @property
    def network(self) -> Network:
        """Bridge and links."""
        return Network(self.holder.pid, self.address)

    def start(self) -> None:
        """Start the holder, with the disks in memory and the bridge."""
        for name in (*self.address, "cluster/root"):
            (self.base / name).mkdir(parents=True, exist_ok=True)
        disks = {str(self.base / node): f"size={size}m,mode=755" for node, size in self.disk_mb.items()}
        spec = {"tmpfs": {"/run": "mode=755", **disks}}
        self._holder = start_holder(spec, self.own / "holder.log").ready()
        self.network.start()

    def close(self) -> None:
        """End the holder and with it everything else."""
        if self._holder is not None:
            self._holder.kill()
        for process in self._outside:
            process.wait()
            if process.stdout:  # nobody has read from it when the start of another node failed
                process.stdout.close()
        self._outside.clear()
        self._up.clear()
        self._holder = None

    def up(self, node: str) -> bool:
        """Whether a node runs."""
        return node in self._up

    def init(self, node: str) -> Init:
        """First process of a node.

        Raises
        ------
        TransportError
            The node is down.
        """
        if node not in self._up:
            raise TransportError(f"node {node} of the test cluster is down: boot it first")
        return self._up[node]

    def tree(self, node: str) -> Path:
        """The data disk of a node, for those outside."""
        tree = self.base / node
        # A disk in memory is mounted where only the holder and its nodes see it.
        return Path(f"/proc/{self.holder.pid}/root{tree}") if node in self.disk_mb else tree

    def boot(self, nodes: Sequence[str]) -> None:
        """Start nodes, all at the same time."""
        starting: dict[str, Starting] = {}
        for node in nodes:
            self.network.plug(node)
            log = self.own / f"{node}.log"
            starting[node] = start_node(self.holder, self.network.namespace(node), self._spec(node), log)
            self._outside.append(starting[node].outside)
        for node, start in starting.items():
            self._up[node] = start.ready()
        self.start_sshd(nodes)

    def destroy(self, node: str) -> None:
        """End a node; its link goes first, so that nothing of it says goodbye."""
        init = self.init(node)
        self.network.cut(node)
        init.kill()
        del self._up[node]
        self._outside.remove(init.outside)
        self.network.unplug(node)

    def servers(self, node: str) -> list[int]:
        """Processes of sshd, the listening one and those of its sessions."""
        return [pid for pid in self.init(node).pids() if executable(pid).startswith("sshd")]

    def start_sshd(self, nodes: Sequence[str]) -> None:
        """Start sshd on nodes and wait until it listens."""
        pid_files = [self.own / node / "sshd.pid" for node in nodes]
        for path in pid_files:
            path.unlink(missing_ok=True)
        argv = (program("sshd"), "-f", f"{CONFIG}/sshd_config", "-E", f"{CONFIG}/sshd.log")
        quiet: dict[str, Any] = {"stdin": subprocess.DEVNULL, "start_new_session": True}
        started = [subprocess.Popen(self.init(node).enter(argv, "/"), **quiet) for node in nodes]
        failed = [node for node, process in zip(nodes, started, strict=True) if process.wait()]
        if failed:
            log = (self.own / failed[0] / "sshd.log").read_text(encoding="utf-8", errors="replace")
            raise ConfigurationError(f"sshd did not start on {', '.join(failed)}: {log[-1000:].strip()}")
        # sshd goes to the background before it listens, and writes its pid when it does.
        for path in pid_files:
            await_file(path)

    def _spec(self, node: str) -> dict[str, Any]:
        config = self.own / node
        home = pwd.getpwuid(0).pw_dir
        private = {"/tmp": "mode=1777", "/run": "mode=755", "/dev/shm": "mode=1777"}  # noqa: S108 - the node's
        return {
            "hostname": node,
            "root": str(self.own / "root"),
            "data": str(self.base / node),
            "config": str(config),
            "config_at": CONFIG,
            "private": private if home == "/" else {**private, home: "mode=700"},
            "hidden": str(self.base),
            "visible": [str(path) for path in self.visible],
            "files": {f"/etc/{name}": str(config / name) for name in ("hosts", "shadow")},
        }
