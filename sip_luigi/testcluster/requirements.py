"""What the test cluster needs of the machine."""

from __future__ import annotations

import os
import shutil
import subprocess

from sip_luigi.domain.errors import ConfigurationError

PACKAGES = {
    "sshd": "openssh-server",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
"""Each program with the Debian package that brings it."""

ADMINISTRATORS = "/usr/sbin:/sbin"
"""Where programs are that only root has in its path."""

# Small steps of everything that a cluster does, in namespaces that end with the probe.
_PROBE = ("--mount", "--pid", "--uts", "--ipc", "--net", "--fork", "--mount-proc")
_PROBE_LINKS = "link add dev probe type bridge\nlink add dev probe0 type veth peer name probe1\n"


def program(name: str) -> str:
    """Path of a program; those of administrators are found for every user.

    Raises
    ------
    ConfigurationError
        It is not installed.
    """
    path = _which(name)
    if path is None:
        raise ConfigurationError(f"{name} is not installed: apt-get install {PACKAGES.get(name, name)}")
    return path


def missing() -> str:
    """Say why a cluster cannot be started on this machine and what to do; empty when it can."""
    absent = [name for name in PACKAGES if _which(name) is None]
    if absent:
        packages = " ".join(dict.fromkeys(PACKAGES[name] for name in absent))
        return (
            f"the test cluster needs {', '.join(absent)}: run `deploy/install-system-packages test` "
            f"or apt-get install {packages}"
        )
    if os.geteuid() != 0:
        return (
            f"the test cluster needs root for its namespaces, this is user id {os.geteuid()}: run it as root"
        )
    return _refused()


def _which(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:{ADMINISTRATORS}")


def _refused() -> str:
    probe = subprocess.run(
        (program("unshare"), *_PROBE, "--", program("ip"), "-batch", "-"),
        input=_PROBE_LINKS,
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode == 0:
        return ""
    return (
        f"the test cluster needs namespaces with a bridge and veth links, the kernel refuses: "
        f"{probe.stderr.strip()}. In a container, start it privileged; elsewhere load `bridge` and `veth`"
    )
