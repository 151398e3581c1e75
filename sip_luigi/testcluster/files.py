"""What the nodes of a cluster read: keys, configurations of client and server, host table, cluster description."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from sip_luigi.testcluster.requirements import program

CONFIG = "/run/sip"
"""Where a node sees its configuration."""
RAW, SCRATCH, CLUSTERDESC = "/data/raw", "/data/scratch", "/data/test.clusterdesc"

# sshd takes the first value of an option that it meets, so additions come first.
_SSHD = f"""\
Port 22
AddressFamily inet
HostKey {CONFIG}/host_key
PidFile {CONFIG}/sshd.pid
AuthorizedKeysFile {CONFIG}/authorized_keys
StrictModes no
UsePAM no
UseDNS no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
LogLevel VERBOSE
Subsystem sftp internal-sftp
"""
_CLIENT = f"""\
Host *
    User root
    Port 22
    IdentityFile {CONFIG}/id_ed25519
    IdentitiesOnly yes
    UserKnownHostsFile {CONFIG}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    BatchMode yes
"""
# A locked root account of the machine would keep sshd from letting anybody in.
_SHADOW = "root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n"


def write_configuration(
    directory: Path, addresses: Mapping[str, str], sshd_options: Mapping[str, Sequence[str]]
) -> None:
    """Write ``<directory>/<node>/`` for every node: all that it finds at :data:`CONFIG`.

    Parameters
    ----------
    directory : Path
        The cluster's own directory; the shared client key lies there too.
    addresses : mapping
        Node → address.
    sshd_options : mapping
        Node → lines for its ``sshd_config`` that go before ours.
    """
    client = _key(directory / "id_ed25519")
    for node in addresses:
        (directory / node).mkdir(exist_ok=True)
    host_keys = {node: _key(directory / node / "host_key") for node in addresses}
    shared = {
        "authorized_keys": client,
        "known_hosts": "".join(f"{n},{a} {host_keys[n]}" for n, a in addresses.items()),
        "ssh_config": "".join(f"Host {n}\n    HostName {a}\n" for n, a in addresses.items()) + _CLIENT,
        "hosts": "127.0.0.1 localhost\n" + "".join(f"{a} {n}\n" for n, a in addresses.items()),
        "shadow": _SHADOW,
    }
    for node in addresses:
        shutil.copy2(directory / "id_ed25519", directory / node)
        own = "".join(f"{line}\n" for line in sshd_options.get(node, ())) + _SSHD
        for name, text in {**shared, "sshd_config": own}.items():
            (directory / node / name).write_text(text, encoding="utf-8")


def clusterdesc_text(head: str, storage: Sequence[str], compute: Sequence[str]) -> str:
    """Text of the cluster description."""
    return (
        "ClusterName = test\n"
        f"Head.Nodes = [ {head} ]\n"
        f"Storage.Nodes = [ {', '.join(storage)} ]\n"
        f"Storage.LocalDisks = [ {RAW} ]\n"
        f"Compute.Nodes = [ {', '.join(compute)} ]\n"
        f"Compute.LocalDisks = [ {SCRATCH} ]\n"
    )


def _key(path: Path) -> str:
    """Make an ed25519 key unless it is there, and return the line of its public half."""
    if not path.exists():
        subprocess.run(
            (program("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-C", path.parent.name, "-f", str(path)),
            check=True,
            stdin=subprocess.DEVNULL,
        )
    return path.with_name(f"{path.name}.pub").read_text(encoding="utf-8")
