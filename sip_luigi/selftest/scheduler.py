"""A central scheduler for the length of a run."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sip_luigi.domain.errors import TransportError

USUAL_PORT = 8082
START_S = 30.0


@contextmanager
def central_scheduler(directory: Path, config: Path) -> Iterator[str]:
    """Run luigid on loopback, on its usual port when that is free, and give its URL.

    Parameters
    ----------
    directory : Path
        Where its state and log are kept.
    config : Path
        Its ``luigi.cfg``.
    """
    process, url = _start(directory, config)
    try:
        yield url
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _start(directory: Path, config: Path) -> tuple[subprocess.Popen[bytes], str]:
    # Another program may take a port between our look at it and luigid's start.
    for preferred in (USUAL_PORT, 0, 0):
        port = free_port(preferred)
        process = _spawn(directory, config, port)
        url = f"http://127.0.0.1:{port}"
        if _answers(process, url):
            return process, url
        process.kill()
        process.wait()
    raise TransportError(f"luigid did not start on loopback; the reason is in {directory / 'luigid.log'}")


def _spawn(directory: Path, config: Path, port: int) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "LUIGI_CONFIG_PATH": str(config)}
    with (directory / "luigid.log").open("ab") as log:
        return subprocess.Popen(
            luigid_argv(str(directory), port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            env=environment,
        )


def luigid_argv(directory: str, port: int) -> tuple[str, ...]:
    """Command line of luigid on loopback, with its state in a directory."""
    return (
        str(Path(sys.executable).with_name("luigid")),
        *("--address", "127.0.0.1", "--port", str(port), "--state-path", f"{directory}/luigid.state"),
    )


def free_port(preferred: int = 0) -> int:
    """A TCP port of loopback that nothing listens on: the preferred one if that is free."""
    for port in (preferred, 0):
        with socket.socket() as probe:
            try:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise TransportError("no free port on loopback")


def _answers(process: subprocess.Popen[bytes], url: str) -> bool:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(f"{url}/api/task_list", timeout=1):  # noqa: S310 - a fixed http URL
                # Whoever answers has to be ours: a luigid that lost the race for the port has ended.
                time.sleep(0.3)
                return process.poll() is None
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    return False
