"""What a node has of what the pipeline needs."""

from __future__ import annotations

import os
import platform
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from sip_luigi import __version__
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.node.look import look
from sip_luigi.programs.environment import casarc_text, tool_environment
from sip_luigi.programs.rsync import ssh_command

_VERSION = re.compile(r"\d+(\.\d+)+\S*")
VERSION_FLAGS = {"wsclean": "-version"}
PEER_TIMEOUT_S = 20


def check(request: dict[str, Any]) -> dict[str, Any]:
    """Tell everything that a node has, at once.

    Parameters
    ----------
    request : dict
        ``programs``: names or paths; ``disks``: directories; ``peers``: nodes from which this one copies;
        ``ssh_config``: configuration for reaching them, may be empty.

    Returns
    -------
    dict
        ``time_s`` (Unix), ``python``, ``sip_luigi`` versions, ``cores``, ``disks`` as
        :func:`sip_luigi.node.look.look` gives them, ``programs``: by name its ``path`` and ``version`` or null,
        ``measures``: directory of casacore's tables and the ``age_days`` of the newest, or an ``error``;
        ``peers``: by name an error, empty for none.
    """
    found = look({"programs": request["programs"], "disks": request["disks"]})
    with NamedTemporaryFile("w", suffix=".casarc") as casarc:
        measures = _measures()
        if "error" not in measures:
            casarc.write(casarc_text())
            casarc.flush()
        environment = {**os.environ, **tool_environment(casarc.name)}
        programs = {name: _program(name, path, environment) for name, path in found["programs"].items()}
    return {
        "time_s": time.time(),
        "python": platform.python_version(),
        "sip_luigi": __version__,
        "cores": found["cores"],
        "disks": found["disks"],
        "programs": programs,
        "measures": measures,
        "peers": _peers(request.get("peers", []), request.get("ssh_config", "")),
    }


def _program(name: str, path: str | None, environment: dict[str, str]) -> dict[str, str] | None:
    if path is None:
        return None
    argv = (path, VERSION_FLAGS.get(Path(path).name, "--version"))
    try:
        done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"path": path, "version": "", "error": str(error)}
    version = _VERSION.search(done.stdout + done.stderr)
    if done.returncode and not version:
        return {"path": path, "version": "", "error": (done.stderr or done.stdout).strip()[-300:]}
    return {"path": path, "version": version.group() if version else ""}


def _measures() -> dict[str, Any]:
    try:
        directory = Path(casarc_text().partition(":")[2].strip())
    except ConfigurationError as error:
        return {"error": str(error)}
    newest = max((path.stat().st_mtime for path in directory.rglob("table.dat")), default=0.0)
    if not newest:
        return {"error": f"no tables in {directory}"}
    return {"directory": str(directory), "age_days": (time.time() - newest) / 86400.0}


def _peers(peers: list[str], ssh_config: str) -> dict[str, str]:
    with ThreadPoolExecutor(max(1, len(peers))) as pool:
        return dict(zip(peers, pool.map(lambda peer: _peer(peer, ssh_config), peers), strict=True))


def _peer(peer: str, ssh_config: str) -> str:
    argv = (*ssh_command(ssh_config), "-o", "ConnectTimeout=10", peer, "rsync", "--version")
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PEER_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stderr.strip()[-300:] or f"exit status {done.returncode}" if done.returncode else ""
