"""``sip runs``: what was run where, with what, for how long, and why again."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from sip_luigi.cli.common import as_json_option, cells, reported
from sip_luigi.cli.sky_common import opened


@click.group(invoke_without_command=True)
@click.option("--obs-id", default="", help="Only runs of this observation.")
@click.option("--last", type=click.IntRange(1), default=50, show_default=True, help="So many.")
@as_json_option
@click.pass_context
def runs(context: click.Context, obs_id: str, last: int, as_json: bool) -> None:
    """List the runs of the main command, newest first."""
    if context.invoked_subcommand:
        return
    from sip_luigi.database import queries  # noqa: PLC0415 - it takes a while

    with reported():
        _, database = opened()
        with database.reading() as connection:
            found = [_judged(row) for row in queries.runs(connection, obs_id, last)]
    if as_json:
        click.echo(json.dumps({"runs": found}))
        return
    table = Table("run", "observation", "started", "ended", "outcome", "made", "lost", "by")
    for row in found:
        numbers = str(row["products"]), str(row["losses"])
        who = f"{row['username']}@{row['host']}"
        when = row["started"], row["ended"] or ""
        table.add_row(*cells(row["run_id"][:8], row["obs_id"], *when, row["outcome"], *numbers, who))
    Console().print(table)


@runs.command()
@click.argument("run")
@as_json_option
def show(run: str, as_json: bool) -> None:
    """Tell what RUN made, where and how, and why again; a run's id or its beginning, or an observation."""
    from sip_luigi.database import queries  # noqa: PLC0415

    with reported():
        _, database = opened()
        with database.reading() as connection:
            found = _judged(queries.run(connection, run))
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(f"run {found['run_id']} of {found['obs_id']}: {found['outcome']}")
    click.echo(f"{found['started']} to {found['ended'] or '?'} by {found['username']}@{found['host']}")
    click.echo(f"command: {' '.join(found['command'])}")
    click.echo("software: " + ", ".join(f"{name} {version}" for name, version in found["software"].items()))
    for made in (*found["products"], *found["losses"]):
        if made["obs_id"] != found["obs_id"]:
            # A calibrator's have the same names.
            made["name"] = f"{made['obs_id']} {made['name']}"
    _show_products(found["products"])
    for loss in found["losses"]:
        click.echo(f"lost: {loss['name']}: {loss['stage']}: {loss['reason']}")


def _show_products(products: list[dict[str, Any]]) -> None:
    table = Table("product", "where", "made", "took", "processor", "memory", "size", "why")
    for row in products:
        used = row["resources"]
        processor = f"{used['cpu_s']:.1f} s" if "cpu_s" in used else ""
        memory = f"{used['max_rss_bytes'] / 1e6:.0f} MB" if "max_rss_bytes" in used else ""
        numbers = f"{row['elapsed_s']:.1f} s", processor, memory, f"{row['size_bytes'] / 1e6:.2f} MB"
        table.add_row(*cells(row["name"], row["node"], row["made"], *numbers, row["why"]))
    Console().print(table)


def _judged(row: dict[str, Any]) -> dict[str, Any]:
    """Say of a run that never told its end whether it still goes on, where that can be seen from here."""
    import socket  # noqa: PLC0415

    from sip_luigi.node.process import process_start_time  # noqa: PLC0415

    here = row["host"] == socket.gethostname()
    if row["outcome"] == "running" and here and process_start_time(row["pid"]) != row["process_start"]:
        return {**row, "outcome": "killed"}
    return row
