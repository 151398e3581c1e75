"""OpenSSH servers on loopback for tests: each with its own port, host key and configuration."""

import os
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")


def missing():
    """Why there can be no servers; empty when there can."""
    if not SSHD:
        return "no sshd: apt-get install openssh-server"
    return "" if os.geteuid() == 0 else "sshd lets others than root log in only when root runs it"


def make_key(path, kind="ed25519"):
    path.unlink(missing_ok=True)
    size = ("-b", "2048") if kind == "rsa" else ()
    argv = ("ssh-keygen", "-q", "-t", kind, *size, "-N", "", "-C", path.name, "-f", str(path))
    subprocess.run(argv, check=True)
    return path


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@dataclass
class Sshd:
    """One server."""

    directory: Path
    authorized: Path
    options: dict = field(default_factory=dict)
    process: subprocess.Popen | None = None
    port: int = field(default_factory=free_port)

    @property
    def host_key(self):
        return self.directory / "host_key"

    @property
    def name(self):
        return f"[127.0.0.1]:{self.port}"

    @property
    def known_line(self):
        return f"{self.name} {self.host_key.with_suffix('.pub').read_text()}"

    def start(self):
        self.directory.mkdir(exist_ok=True)
        if not self.host_key.exists():
            make_key(self.host_key)
        config = {
            **{"ListenAddress": f"127.0.0.1:{self.port}", "HostKey": self.host_key, "PidFile": "none"},
            **{"AuthorizedKeysFile": self.authorized, "StrictModes": "no", "UsePAM": "no"},
            **{"PermitRootLogin": "yes", "PasswordAuthentication": "no", "LogLevel": "VERBOSE"},
            # bash then leaves alone the .bashrc of whoever runs the tests.
            **{"SetEnv": "SHLVL=1"},
            **self.options,
        }
        path = self.directory / "sshd_config"
        path.write_text("".join(f"{key} {value}\n" for key, value in config.items()))
        Path("/run/sshd").mkdir(exist_ok=True)
        with (self.directory / "log").open("ab") as log:
            argv = (SSHD, "-D", "-e", "-f", str(path))
            self.process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self._wait()
        return self

    def processes(self):
        """The server and what it has started, the server first."""
        parents = {}
        for entry in Path("/proc").iterdir():
            with suppress(OSError, ValueError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                parents[int(entry.name)] = int(fields[1])
        found = [self.process.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def signal(self, number):
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def kill(self):
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGKILL)
            self.process.wait()

    def sessions(self):
        """Connections that have been made so far."""
        return (self.directory / "log").read_text().count("Accepted publickey")

    def _wait(self):
        deadline = time.monotonic() + 10
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            assert self.process.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < deadline, "sshd did not start"
            time.sleep(0.02)
