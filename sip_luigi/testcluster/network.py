"""The network of a cluster: one bridge, and for every node a link to a network namespace of its own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.testcluster.requirements import program

PREFIX = "10.87.0"
BRIDGE = "bridge0"
LINK = "eth0"
"""A node's own interface; the other end carries the node's name and hangs on the bridge."""


def addresses(nodes: Sequence[str]) -> dict[str, str]:
    """An address for each node."""
    return {node: f"{PREFIX}.{number}" for number, node in enumerate(nodes, 1)}


@dataclass(frozen=True)
class Network:
    """The network inside the namespaces of a holder.

    Attributes
    ----------
    holder : int
        Its process.
    address : mapping
        Node → address.
    """

    holder: int
    address: Mapping[str, str]

    def namespace(self, node: str) -> str:
        """File of a node's network namespace, as seen from outside."""
        return f"/proc/{self.holder}/root/run/netns/{node}"

    def start(self) -> None:
        """Make the bridge."""
        self._ip(f"link add dev {BRIDGE} type bridge", f"link set dev {BRIDGE} up")

    def plug(self, node: str) -> None:
        """Give a node a network namespace and a link; its hardware address is always the same."""
        hardware = f"02:57:00:00:00:{int(self.address[node].rpartition('.')[2]):02x}"
        self._ip(
            f"netns add {node}",
            f"link add dev {node} type veth peer name {LINK} address {hardware} netns {node}",
            f"link set dev {node} master {BRIDGE} up",
        )
        self._ip(
            f"address add {self.address[node]}/24 dev {LINK}",
            f"link set dev {LINK} up",
            "link set dev lo up",
            options=("-netns", node),
        )

    def unplug(self, node: str) -> None:
        """Take link and network namespace of a node away."""
        self._ip(f"link del dev {node}", f"netns del {node}")

    def cut(self, node: str) -> None:
        """Take a node's link down: nothing from it arrives, nothing gets to it, nobody is told."""
        self._ip(f"link set dev {node} down")

    def mend(self, node: str) -> None:
        """Bring a node's link up again."""
        self._ip(f"link set dev {node} up")

    def _ip(self, *lines: str, options: Sequence[str] = ()) -> None:
        # The PID namespace as well: ip looks itself up in /proc.
        entered = (program("nsenter"), f"--target={self.holder}", "--mount", "--net", "--pid", "--")
        done = subprocess.run(
            (*entered, program("ip"), *options, "-batch", "-"),
            input="\n".join(lines) + "\n",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ConfigurationError(
                f"ip refused to make the network of the test cluster: {'; '.join(lines)}: {done.stderr.strip()}"
            )
