"""Look after the nodes of the cluster description, by SSH, with Fabric: ``fab -r deploy --list``.

The nodes, the way to them and the place of the installation come from the ``luigi.cfg`` that ``LUIGI_CONFIG_PATH``
names: ``[cluster] clusterdesc``, ``ssh_config`` and ``node_python``. Every command may be repeated.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from pathlib import Path, PurePosixPath
from typing import Any

import paramiko
from fabric import Config, Connection, task
from invoke import Collection

from sip_luigi.domain.errors import ConfigurationError, ProgramError, SipError, TransportError
from sip_luigi.execution.ssh_config import find_route
from sip_luigi.execution.ssh_hostkeys import verify
from sip_luigi.settings import load_settings
from sip_luigi.tasks.nodes import read_cluster

REPOSITORY = Path(__file__).parents[1]
WHEELS = REPOSITORY / "deploy" / "wheels"
HEAD, COMPUTE, STORAGE = "head", "compute", "storage"
EXTRAS = {HEAD: "[postgresql,deploy]"}
"""What a role needs beyond what every node does."""
NOT_THERE = (126, 127)
"""Exit status of `env` for a program that it cannot run."""
MAX_NODES = 8
"""Nodes that are installed at the same time."""

INSTALL, STATUS = (
    Path(__file__).with_name(name).read_text(encoding="utf-8") for name in ("install-on-node", "node-status")
)


def reported(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn errors into one message and the exit status that they stand for."""

    @wraps(command)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except SipError as error:
            print(f"{type(error).__name__}: {error}", file=sys.stderr)
            sys.exit(error.exit_code)

    return wrapped


class Verified(paramiko.MissingHostKeyPolicy):
    """Fabric trusts every host by itself; the pipeline none that is not known."""

    def __init__(self, node: str, config: str) -> None:
        self.hop = find_route(node, config)[-1]

    def missing_host_key(self, client: Any, hostname: str, key: Any) -> None:
        """Refuse, and say how the key is accepted."""
        verify(self.hop, key.get_name(), key.asbytes())


class Site:
    """The cluster as the settings describe it."""

    def __init__(self) -> None:
        self.settings = load_settings()
        self.cluster = read_cluster(self.settings)
        self.ssh_config = self.settings.cluster.ssh_config
        if self.settings.cluster.execution != "ssh":
            raise ConfigurationError(
                "[cluster] execution = local: there are no nodes to look after; set it to ssh"
            )

    @property
    def link(self) -> PurePosixPath:
        """Where the installation is found on every node: what ``node_python`` lies in."""
        python = PurePosixPath(self.settings.cluster.node_python)
        if python.parent.name != "bin" or not python.is_absolute():
            raise ConfigurationError(
                f"[cluster] node_python = {python}: expected <place of the installation>/bin/python, such as "
                "/opt/sip/bin/python"
            )
        return python.parents[1]

    @property
    def store(self) -> PurePosixPath:
        """Directory of installations and wheels on every node."""
        return self.link.with_name(f"{self.link.name}.d")

    def names(self, role: str) -> list[str]:
        """Nodes of a role; the first of several head nodes is the one that counts."""
        nodes = {HEAD: self.cluster.head[:1], COMPUTE: self.cluster.compute, STORAGE: self.cluster.storage}[
            role
        ]
        if not nodes:
            raise ConfigurationError(f"{self.cluster.path}: no {role} node; give {role.title()}.Nodes")
        return [node.name for node in nodes]

    def connection(self, node: str) -> Connection:
        """A connection to a node that verifies host keys, those of jump hosts too."""
        config = Config(runtime_ssh_path=self.ssh_config) if self.ssh_config else Config()
        made = Connection(
            node, config=config, connect_timeout=int(self.settings.cluster.connect_timeout_s) or 1
        )
        hop: Any = made
        while isinstance(hop, Connection):
            policy = Verified(hop.original_host, self.ssh_config)
            for path in policy.hop.known_hosts:
                if Path(path).is_file():
                    hop.client.load_system_host_keys(path)
            hop.client.set_missing_host_key_policy(policy)
            hop = hop.gateway
        return made

    def run(self, node: str, argv: Iterable[str]) -> Any:
        """Run a command on a node; its status is in the answer."""
        try:
            with self.connection(node) as connection:
                return connection.run(shlex.join(argv), hide=True, warn=True, in_stream=False)
        except (OSError, EOFError, paramiko.SSHException) as error:
            raise TransportError(f"{node}: {error or type(error).__name__}") from error

    def sip(self, *arguments: str) -> Any:
        """Run ``sip`` on the head node, with the settings that this command has."""
        config = os.environ.get("LUIGI_CONFIG_PATH", "luigi.cfg")
        path = str(Path(config).absolute())
        (head,) = self.names(HEAD)
        if self.run(head, ("test", "-r", path)).exited:
            raise ConfigurationError(
                f"{head}: {path} cannot be read there; put the settings on the head node"
            )
        sip = str(self.link / "bin/sip")
        answer = self.run(head, ("env", f"LUIGI_CONFIG_PATH={path}", sip, *arguments))
        if answer.exited in NOT_THERE:
            raise ConfigurationError(
                f"{head}: {sip} cannot be run; install it: fab -r deploy head-node.install"
            )
        return answer

    def install(self, node: str, role: str, wheels: Path) -> str:
        """Bring the wheels to a node and install them; what was installed stays until all is there."""
        place = self.store / f"v-{fingerprint(wheels)}"
        self._require(node, self.run(node, ("mkdir", "-p", str(self.store))))
        shell = shlex.join(
            ("ssh", *(("-F", self.ssh_config) if self.ssh_config else ()), "-o", "BatchMode=yes")
        )
        rsync = ("rsync", "--recursive", "--times", "--delete", "-e", shell)
        done = subprocess.run(
            (*rsync, f"{wheels}/", f"{node}:{self.store}/wheels/"),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise TransportError(f"{node}: the wheels could not be copied: {done.stderr.strip()}")
        what = f"sip_luigi{EXTRAS.get(role, '')}"
        arguments = (f"{self.store}/wheels", str(place), str(self.link), "python3", what)
        answer = self._require(node, self.run(node, ("sh", "-c", INSTALL, "sh", *arguments)))
        return f"{node}: {'installed' if 'new' in answer else 'was installed already'}: {place}"

    def _require(self, node: str, answer: Any) -> str:
        if answer.exited:
            raise ProgramError(f"{node}: {(answer.stderr or answer.stdout).strip()[-2000:]}")
        return str(answer.stdout)

    def everywhere(self, role: str, do: Callable[[str], str]) -> None:
        """Do something on all nodes of a role; say how it went, and end with 1 where it did not."""

        def attempt(node: str) -> tuple[bool, str]:
            try:
                return True, do(node)
            except SipError as error:
                return False, f"{node}: {str(error).removeprefix(f'{node}: ')}"

        with ThreadPoolExecutor(MAX_NODES) as pool:
            answers = list(pool.map(attempt, self.names(role)))
        for well, text in answers:
            print(text, file=sys.stdout if well else sys.stderr)
        if not all(well for well, _ in answers):
            sys.exit(1)


def fingerprint(wheels: Path) -> str:
    """What tells one set of wheels from another."""
    found = sorted(wheels.glob("*.whl"))
    if not any(path.name.startswith("sip_luigi-") for path in found):
        raise ConfigurationError(f"{wheels}: no wheels of sip_luigi there; make them: fab -r deploy wheels")
    total = hashlib.sha256()
    for path in found:
        total.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()[:12]


@task(help={"directory": "where they are put; default: deploy/wheels"})
def wheels(context: Any, directory: str = str(WHEELS)) -> None:
    """Make the wheels of this version and of all that it needs; this machine needs a package index, nodes do not."""
    folder = Path(directory).absolute()
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.whl"):
        old.unlink()
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--disable-pip-version-check")
    constraints = ("-c", str(REPOSITORY / "constraints.txt"), "-w", str(folder))
    done = subprocess.run((*pip, *constraints, f"{REPOSITORY}{EXTRAS[HEAD]}"), check=False)
    if done.returncode:
        sys.exit(done.returncode)
    size = sum(path.stat().st_size for path in folder.glob("*.whl"))
    print(f"{len(list(folder.glob('*.whl')))} wheels, {size / 1e6:.0f} MB, in {folder}")


def installing(role: str) -> Any:
    """The task that installs on the nodes of a role."""

    @task(name="install", help={"wheels": "where the wheels are; default: deploy/wheels"})
    @reported
    def install(context: Any, wheels: str = str(WHEELS)) -> None:
        """Install this version where it is not; the nodes need no package index."""
        site = Site()
        site.everywhere(role, lambda node: site.install(node, role, Path(wheels).absolute()))

    return install


def showing(role: str) -> Any:
    """The task that tells the state of the nodes of a role."""

    @task(name="status")
    @reported
    def status(context: Any) -> None:
        """Tell what is installed, the load, jobs that run, and room on the disks."""
        site = Site()

        def look(node: str) -> str:
            disks = site.cluster.node(node).local_disks
            answer = site.run(node, ("sh", "-c", STATUS, "sh", str(site.link), *disks))
            return f"{node}: " + "; ".join(answer.stdout.split("\n")).strip("; ")

        site.everywhere(role, look)

    return status


def checking(role: str) -> Any:
    """The task that checks the nodes of a role."""

    @task(name="check")
    @reported
    def check(context: Any) -> None:
        """Have the head node check all nodes as `sip cluster check` does; tell of those of this role."""
        site = Site()
        answer = site.sip("cluster", "check", "--json")
        try:
            found = {entry["node"]: entry for entry in json.loads(answer.stdout)["nodes"]}
        except ValueError:
            raise ProgramError(f"the head node: {(answer.stderr or answer.stdout).strip()[-2000:]}") from None

        def judge(node: str) -> str:
            if problems := found[node]["problems"]:
                raise ProgramError("; ".join(problems))
            return f"{node}: good" + "".join(f"; {warning}" for warning in found[node]["warnings"])

        site.everywhere(role, judge)

    return check


def commanding(name: str, doc: str) -> Any:
    """The task that has the head node run ``sip scheduler``."""

    @reported
    def command(context: Any) -> None:
        answer = Site().sip("scheduler", name)
        print((answer.stdout + answer.stderr).strip())
        if answer.exited:
            sys.exit(answer.exited)

    command.__doc__ = doc
    return task(command, name="status" if name == "status" else f"{name}-scheduler")


def collection(name: str, *tasks: Any) -> Collection:
    """Tasks under a name."""
    made = Collection(name)
    for one in tasks:
        made.add_task(one)
    return made


ns = Collection(wheels)
ns.add_collection(
    collection(
        "head-node",
        installing(HEAD),
        commanding("start", "Start the central scheduler; well, too, where it runs already."),
        commanding("stop", "End the central scheduler; runs wait for the next one."),
        commanding(
            "status", "Tell whether the central scheduler runs and answers; ends with 3 where it does not."
        ),
    )
)
ns.add_collection(collection("compute-nodes", installing(COMPUTE), checking(COMPUTE), showing(COMPUTE)))
ns.add_collection(collection("storage-nodes", installing(STORAGE), checking(STORAGE), showing(STORAGE)))
