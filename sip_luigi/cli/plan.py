"""``sip plan``: what a run would do, and why."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from sip_luigi.cli.common import (
    as_json_option,
    cells,
    how_long,
    how_much,
    next_run,
    obs_id_argument,
    reported,
    say,
    tell_json,
)

MOST_REASONS = 4
"""Reasons that are shown of a stage."""


@click.command()
@obs_id_argument()
@click.option(
    "--commands", "with_commands", is_flag=True, help="Show the commands of each stage, of one subband."
)
@click.option("--all-subbands", is_flag=True, help="Show the commands of every subband.")
@click.option("--cycles", type=click.IntRange(1), help="As ImagingPipeline --cycles.")
@click.option("--calibrator-obs-id", default="", help="As ImagingPipeline --calibrator-obs-id.")
@as_json_option
def plan(
    obs_id: str,
    with_commands: bool,
    all_subbands: bool,
    cycles: int | None,
    calibrator_obs_id: str,
    as_json: bool,
) -> None:
    """Say what a run of OBS_ID would do: what is made and why, where, for how long, with how much room.

    Nothing is written and nothing dispatched: nodes are asked what they have.
    """
    from sip_luigi.operation.plan import plan_of  # noqa: PLC0415 - Luigi takes a while

    with reported():
        found = plan_of(
            obs_id,
            cycles=cycles,
            calibrator_obs_id=calibrator_obs_id,
            with_commands=with_commands or all_subbands,
            every_subband=all_subbands,
        )
    if as_json:
        tell_json(found)
    else:
        show(found)


def show(found: dict[str, Any]) -> None:
    """Print a plan for people."""
    console = Console()
    console.print(_places(found))
    for line in _preprocessing(found):
        say(line)
    console.print(_stages(found))
    console.print(_disks(found))
    for node, state in found["kept_out"].items():
        say(f"{node} takes no new work: {state['state']} since {state['since']}: {state['reason']}")
    for entry in found["commands"]:
        _show_commands(entry)
    for line in _end(found):
        say(line)


def _places(found: dict[str, Any]) -> Table:
    table = Table("subband", "raw data", "node", "why there", "to be made")
    for row in found["subbands"]:
        table.add_row(*cells(row["subband"], row["raw"], row["node"], row["reason"], _listed(row["to_make"])))
    band = found["band"]
    table.add_row(*cells("band", "", band["node"], band["reason"], _listed(band["to_make"])))
    if calibrator := found["calibrator"]:
        table.add_row(
            *cells(f"calibrator {calibrator['obs_id']}", "", "", "", _listed(calibrator["to_make"]))
        )
    return table


def _listed(names: list[str]) -> str:
    return ", ".join(names) or "nothing"


def _stages(found: dict[str, Any]) -> Table:
    table = Table("stage", "tasks", "there", "to be made", "why")
    for row in found["stages"]:
        if not row["make"] and not row["check"]:
            continue
        own = row["obs_id"] == found["obs_id"]
        name = row["stage"] if own else f"{row['obs_id']}: {row['stage']}"
        make = str(row["make"]) if not row["check"] else f"{row['make']} (+{row['check']} to be looked at)"
        there = row["tasks"] - row["make"] - row["check"]
        lines = [f"{entry['tasks']} × {entry['text']}" for entry in row["reasons"][:MOST_REASONS]]
        if len(row["reasons"]) > MOST_REASONS:
            lines.append(f"and {len(row['reasons']) - MOST_REASONS} more reasons")
        table.add_row(*cells(name, str(row["tasks"]), str(there), make, "\n".join(lines)))
    if not table.row_count:
        total = sum(row["tasks"] for row in found["stages"])
        table.add_row(*cells("all", str(total), str(total), "nothing", ""))
    return table


def _disks(found: dict[str, Any]) -> Table:
    table = Table("node", "needed", "free", "")
    for row in found["disks"]:
        verdict = Text("enough", "green") if row["enough"] else Text("NOT enough: make room", "red")
        table.add_row(
            *cells(row["node"], how_much(row["needed_bytes"]), how_much(row["free_bytes"])), verdict
        )
    return table


def _show_commands(entry: dict[str, Any]) -> None:
    say(Text.assemble((entry["task"], "bold"), f" on {entry['node']}, {entry['state']}"))
    if entry["note"]:
        say(f"  # {entry['note']}")
    for line in entry["lines"]:
        say(f"  {line}")
    for name, text in entry["parsets"].items():
        say(f"  # {name}:")
        for line in text.splitlines():
            say(f"    {line}")


def _end(found: dict[str, Any]) -> Iterator[str]:
    """What it comes to."""
    if found["complete"]:
        yield "nothing is to be done: the results are there"
        return
    time = found["time"]
    if time["expected_s"] is None:
        yield f"expected time: not known: {time['problem'] or 'no run has been recorded yet'}"
    else:
        left_out = (
            f", without {', '.join(time['unknown_stages'])}, of which nothing is known"
            if time["unknown_stages"]
            else ""
        )
        yield f"expected time: {how_long(time['expected_s'])} on all cores, by earlier runs{left_out}"
    yield f"now run: {next_run(found['obs_id'])}"


def _preprocessing(found: dict[str, Any]) -> Iterator[str]:
    """Lines on what is decided of the data; it can be said of what has been described."""
    for group in found["preprocessing"]:
        names = group["subbands"]
        which = names[0] if len(names) == 1 else f"{names[0]} … {names[-1]} ({len(names)} subbands)"
        yield f"{which}: A-team: {group['ateam']['text']}"
        yield f"{which}: averaging: {group['averaging']['reason']}"
        if group["averaging"]["warning"]:
            yield f"{which}: warning: {group['averaging']['warning']}"
    rest = len(found["subbands"]) - sum(len(group["subbands"]) for group in found["preprocessing"])
    if rest:
        yield f"A-team and averaging of {rest} subbands are decided when they have been described"
