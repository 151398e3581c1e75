"""Commands over plain pooled SSH: paramiko, one connection to each node."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import click
import paramiko  # type: ignore[import-untyped]

from bench.plain import shell_line
from bench.timed import answer, chains_option, directory_option, stages_option, workers_option

Line = tuple[str, str]
"""Node and command."""


def chain_lines(directory: str, chains: int, stages: int, nodes: Sequence[str]) -> list[list[Line]]:
    """The commands of each chain, in order."""
    return [
        [
            (nodes[chain % len(nodes)], shell_line(Path(directory, str(chain), str(stage), "done")))
            for stage in range(1, stages + 1)
        ]
        for chain in range(chains)
    ]


def run_chains(chains: Sequence[Sequence[Line]], ssh_config: str, workers: int) -> None:
    """Run all chains, so many at a time."""
    nodes = sorted({node for chain in chains for node, _ in chain})
    clients = {node: connect(node, ssh_config) for node in nodes}

    def run(chain: Sequence[Line]) -> None:
        for node, line in chain:
            execute(clients[node], line)

    try:
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(run, chains))
    finally:
        for client in clients.values():
            client.close()


def connect(node: str, ssh_config: str) -> paramiko.SSHClient:
    """An open connection."""
    entry = paramiko.SSHConfig.from_path(ssh_config).lookup(node)
    client = paramiko.SSHClient()
    client.load_host_keys(entry["userknownhostsfile"])
    sock = socket.create_connection((entry["hostname"], int(entry["port"])))
    # The same as our own connections have: without it both would wait for TCP, not for one another.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.connect(entry["hostname"], username=entry["user"], key_filename=entry["identityfile"], sock=sock)
    return client


def execute(client: paramiko.SSHClient, line: str) -> None:
    """Run one command to its end.

    Raises
    ------
    RuntimeError
        It failed.
    """
    _, stdout, stderr = client.exec_command(line)
    stdout.read()
    status = stdout.channel.recv_exit_status()
    if status:
        raise RuntimeError(f"{line}: exit status {status}: {stderr.read().decode(errors='replace').strip()}")


@click.command()
@directory_option
@chains_option
@click.option("--ssh-config", required=True)
@click.argument("nodes", nargs=-1)
@stages_option
@workers_option
def main(
    directory: str, chains: int, ssh_config: str, nodes: Sequence[str], stages: int, workers: int
) -> None:
    """Send the commands of all chains."""
    lines = chain_lines(directory, chains, stages, nodes)
    started = time.monotonic()
    run_chains(lines, ssh_config, workers)
    answer(wall_s=time.monotonic() - started)


if __name__ == "__main__":
    main()
