"""``sip cluster``: the nodes, and which of them work."""

from __future__ import annotations

import getpass
import json
import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sip_luigi.cli.common import as_json_option, cells, reported


@click.group()
def cluster() -> None:
    """Check the nodes of the cluster, take them out of the work and give them back."""


@cluster.command()
@as_json_option
def check(as_json: bool) -> None:
    """Ask every node for what the pipeline needs; ends with 1 where the pipeline would fail.

    Of this machine the database is looked at, and whether catalogues that are needed are missing or old.
    """
    from sip_luigi.clustercheck import check_cluster  # noqa: PLC0415 - Luigi takes a while
    from sip_luigi.databasecheck import check_database  # noqa: PLC0415
    from sip_luigi.settings.load import load_settings  # noqa: PLC0415

    with reported():
        settings = load_settings()
        findings = [finding.to_json() for finding in check_cluster(settings)]
        problems, warnings = check_database(settings)
    database = {"problems": problems, "warnings": warnings}
    if as_json:
        click.echo(json.dumps({"nodes": findings, "database": database}))
    else:
        _show(findings)
        _tell({"node": "database", **database}, Console())
    sys.exit(1 if problems or any(finding["problems"] for finding in findings) else 0)


@cluster.command()
@click.argument("node")
@click.option("--reason", default="", help="Why, for those who come later.")
@as_json_option
def drain(node: str, reason: str, as_json: bool) -> None:
    """Give NODE no new work; its unfinished subbands move elsewhere. What runs there is seen through."""
    from sip_luigi.execution.nodestates import DRAINED  # noqa: PLC0415 - Luigi takes a while

    with reported():
        _states(node).keep_out(node, DRAINED, reason or f"by {getpass.getuser()}")
    text = f"{node} takes no new work; give it back: sip cluster resume {node}"
    click.echo(json.dumps({"node": node, "takes_work": False}) if as_json else text)


@cluster.command()
@click.argument("node")
@as_json_option
def resume(node: str, as_json: bool) -> None:
    """Let NODE work again."""
    with reported():
        was_out = _states(node).give_back(node)
    text = f"{node} takes work" if was_out else f"{node} was not kept out"
    click.echo(json.dumps({"node": node, "takes_work": True, "was_kept_out": was_out}) if as_json else text)


def _states(node: str) -> Any:
    from sip_luigi.domain.errors import ConfigurationError  # noqa: PLC0415
    from sip_luigi.settings.load import load_settings  # noqa: PLC0415
    from sip_luigi.tasks.nodes import node_states, read_cluster  # noqa: PLC0415

    settings = load_settings()
    names = [entry.name for entry in read_cluster(settings).compute]
    if node not in names:
        raise ConfigurationError(f"{node}: no such compute node; there are {', '.join(names)}")
    return node_states(settings)


def _show(findings: list[dict[str, Any]]) -> None:
    table = Table("node", "roles", "state", "programs", "disks", "cores", "clock")
    for found in findings:
        state = Text("fails", "red") if found["problems"] else Text("good", "green")
        programs = "\n".join(f"{name} {version}" for name, version in found["programs"].items())
        disks = "\n".join(f"{disk} {free / 1e9:.1f} GB free" for disk, free in found["disks"].items())
        clock = "" if found["clock_offset_s"] is None else f"{found['clock_offset_s']:+.1f} s"
        cores = "" if found["cores"] is None else str(found["cores"])
        table.add_row(
            *cells(found["node"], " ".join(found["roles"])), state, *cells(programs, disks, cores, clock)
        )
    console = Console()
    console.print(table)
    for found in findings:
        _tell(found, console)


def _tell(found: dict[str, Any], console: Console) -> None:
    for kind, colour in (("problems", "red"), ("warnings", "yellow")):
        for text in found[kind]:
            # Commands in a message are there to be copied: no markup is read in them, no line broken.
            words = Text.assemble((found["node"], colour), ": ", text.removeprefix(f"{found['node']}: "))
            console.print(words, soft_wrap=True)
