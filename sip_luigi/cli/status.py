"""``sip status``: how observations stand."""

from __future__ import annotations

import sys
import time
from contextlib import nullcontext
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Column, Table
from rich.text import Text

from sip_luigi.cli.common import (
    as_json_option,
    cells,
    how_long,
    next_run,
    obs_id_argument,
    quietly,
    reported,
    tell_json,
)
from sip_luigi.domain.standing import STATES

COLOURS = {"good": "green", "moderate": "yellow", "poor": "red", "full": "green", "degraded": "yellow"}
COLOURS |= {"abandoned": "red", "running": "cyan", "finished": "green", "delivered": "green"}
MOST = 20
"""Running and lost tasks that are named."""


@click.command()
@obs_id_argument(required=False)
@click.option(
    "--watch", is_flag=True, help="Look again and again, until it is finished; in a terminal in place."
)
@click.option(
    "--interval", type=click.FloatRange(0.5), default=5.0, show_default=True, help="Seconds between looks."
)
@as_json_option
def status(obs_id: str | None, watch: bool, interval: float, as_json: bool) -> None:
    """Tell how OBS_ID stands, by stage and node; without it, one line for every observation known.

    It only looks: a run that goes on is not disturbed, and none need go on. --watch with --json prints a line a look.
    """
    from sip_luigi.operation import status as of  # noqa: PLC0415 - Luigi takes a while

    if obs_id is None:
        with reported():
            found = of.overview()
        if as_json:
            tell_json({"observations": found})
        else:
            Console().print(_overview(found))
        return
    if watch:
        _watch(obs_id, interval, as_json)
        return
    with reported(), quietly():
        entry = of.status_of(obs_id)
    if as_json:
        tell_json(entry)
    else:
        Console().print(page(entry), soft_wrap=True)


def _watch(obs_id: str, interval: float, as_json: bool) -> None:
    from sip_luigi.operation.status import safely, status_of  # noqa: PLC0415

    console = Console()
    with quietly():
        with reported():
            found = status_of(obs_id)
        in_place = console.is_terminal and not as_json
        with Live(console=console, auto_refresh=False) if in_place else nullcontext() as live:
            tell = (
                Lines(as_json).tell if live is None else lambda entry: live.update(page(entry), refresh=True)
            )
            while True:
                tell(found)
                if found["state"] == "finished":
                    return
                time.sleep(interval)
                found = safely(obs_id)


class Lines:
    """Shows one look after the other where there is no terminal.

    Parameters
    ----------
    as_json : bool
        Every look as one JSON object; otherwise a line where something has changed.
    """

    def __init__(self, as_json: bool) -> None:
        self.as_json, self.last = as_json, ""

    def tell(self, found: dict[str, Any]) -> None:
        """Print a look."""
        text = line(found)
        if self.as_json:
            tell_json(found)
        elif text != self.last:
            click.echo(f"{time.strftime('%H:%M:%S')} {text}")
        self.last = text
        sys.stdout.flush()


def line(found: dict[str, Any]) -> str:
    """A look in one line."""
    if "error" in found:
        return str(found["error"])
    counts = found["counts"]
    total = sum(counts[name] for name in STATES)
    running = ", ".join(_running_text(entry) for entry in found["running"][:3])
    parts = [f"{found['obs_id']} {found['state']}: {counts['done']} of {total} done"]
    parts += [f"running {running}"] if running else []
    parts += [f"{len(found['lost'])} lost"] if found["lost"] else []
    return "; ".join(parts)


def _running_text(entry: dict[str, Any]) -> str:
    progress = "" if entry["progress"] is None else f" {entry['progress']:.0%}"
    return f"{entry['task']}{progress}"


def page(found: dict[str, Any]) -> RenderableType:
    """A look for people."""
    if "error" in found:
        return Text(found["error"], "red")
    parts: list[RenderableType] = [_head(found)]
    if found["state"] != "finished":
        parts += [_tallies("stage", found["stages"]), _tallies("node", found["nodes"])]
    if found["running"]:
        parts.append(_running(found["running"]))
    parts += [Text(text) for text in _remarks(found)]
    return Group(*parts)


def _head(found: dict[str, Any]) -> Text:
    text = Text.assemble(
        (found["obs_id"], "bold"), ": ", (found["state"], COLOURS.get(found["state"], "yellow"))
    )
    text.append(f", {found['fraction']:.0%} of the tasks")
    if found["expected_s"]:
        at = time.strftime("%a %H:%M", time.localtime(time.time() + found["expected_s"]))
        by = "earlier runs" if found["expected_by"] == "history" else "the rate so far"
        when = f"expected end: {at}, in" if found["state"] == "running" else "left to do:"
        text.append(f"; {when} {how_long(found['expected_s'])}, by {by}")
    if result := found["verdict"]:
        text.append("; results: ")
        text.append(str(result["outcome"]), COLOURS.get(result["outcome"], ""))
        text.append(", ")
        text.append(str(result["verdict"]), COLOURS.get(result["verdict"], ""))
    return text


def _tallies(name: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(Column(name, no_wrap=True), *STATES, Column("progress", no_wrap=True))
    for row in rows:
        total = sum(row[state] for state in STATES)
        over = row["done"] + row["lost"] + row["passed"] + row["progress"]
        numbers = [str(row[state] or "") for state in STATES]
        colours = ("", "cyan", "", "red", "")
        texts = [Text(number, colour) for number, colour in zip(numbers, colours, strict=True)]
        table.add_row(Text(row[name]), *texts, _bar(over / total if total else 1.0))
    return table


def _bar(fraction: float, width: int = 10) -> Text:
    full = int(fraction * width)
    return Text.assemble(("█" * full, "green"), ("░" * (width - full), "dim"), f" {fraction:4.0%}")


def _running(entries: list[dict[str, Any]]) -> Table:
    table = Table("running", "node", "for", Column("progress", no_wrap=True))
    for entry in entries[:MOST]:
        progress = Text("") if entry["progress"] is None else _bar(entry["progress"])
        table.add_row(*cells(entry["task"], entry["node"], how_long(entry["running_s"])), progress)
    if len(entries) > MOST:
        table.add_row(*cells(f"and {len(entries) - MOST} more", "", "", ""))
    return table


def _remarks(found: dict[str, Any]) -> list[str]:
    obs_id = found["obs_id"]
    lines = [f"lost: {entry['task']}: {entry['reason']}" for entry in found["lost"][:MOST]]
    if found["lost"]:
        lines.append(
            f"try again what was lost: sip retry {obs_id} --lost; their logs: sip logs {obs_id} --failed"
        )
    lines += [
        f"{node} takes no new work: {state['state']} since {state['since']}: {state['reason']}"
        for node, state in found["kept_out"].items()
    ]
    lines += [f"{node} does not answer: {error}" for node, error in found["silent"].items()]
    scheduler = found["scheduler"]
    if scheduler and not scheduler["answers"]:
        lines.append(f"the scheduler at {scheduler['url']} does not answer: sip scheduler status")
    lines += [
        f"{entry['task']} on {entry['node']} runs, and nobody has watched it for {how_long(entry['unwatched_s'])}"
        for entry in found["unwatched"]
    ]
    if result := found["verdict"]:
        lines += [f"reason: {reason}" for reason in result["reasons"] or ()]
        lines.append(f"report: {result['report']}")
    if found["state"] in ("waiting", "unwatched"):
        lines.append(f"no run goes on; go on with: {next_run(obs_id)}")
    return lines


def _overview(found: list[dict[str, Any]]) -> Table:
    table = Table("observation", "state", "outcome", "verdict", "lost", "delivered")
    for row in found:
        words = [row["state"], row["outcome"] or "", row["verdict"] or ""]
        coloured = [Text(word, COLOURS.get(word, "")) for word in words]
        table.add_row(
            Text(row["obs_id"]), *coloured, *cells(str(row["losses"] or ""), row["delivered"] or "")
        )
    if not found:
        table.add_row(*cells("none yet", "", "", "", "", ""))
    return table
