"""``sip plan`` and ``sip retry``: commands about one observation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from sip_luigi.cli.common import cells, reported


@click.command()
@click.argument("obs_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def plan(obs_id: str, as_json: bool) -> None:
    """Say where every subband of OBS_ID is processed, why there, and what is still to be made.

    Nothing is dispatched. Example: sip plan L102085
    """
    from sip_luigi.pipeline import plan_of  # noqa: PLC0415 - Luigi takes a while

    with reported():
        found = plan_of(obs_id)
    if as_json:
        click.echo(json.dumps(found))
    else:
        _show(found)


def _show(found: dict[str, Any]) -> None:
    table = Table("subband", "raw data", "node", "why there", "to be made")
    for row in found["subbands"]:
        missing = ", ".join(row["to_make"]) or "nothing"
        table.add_row(*cells(row["subband"], row["raw"], row["node"], row["reason"], missing))
    band = found["band"]
    table.add_row(*cells("band", "", band["node"], band["reason"], ", ".join(band["to_make"]) or "nothing"))
    if calibrator := found.get("calibrator"):
        missing = ", ".join(calibrator["to_make"]) or "nothing"
        table.add_row(*cells(f"calibrator {calibrator['obs_id']}", "", "", "", missing))
    Console().print(table)
    for line in _preprocessing(found):
        click.echo(line)
    for node, state in found["kept_out"].items():
        click.echo(f"{node} takes no new work: {state['state']} since {state['since']}: {state['reason']}")


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


@click.command()
@click.argument("obs_id")
@click.option("--lost", is_flag=True, required=True, help="Try again what was recorded as lost.")
def retry(obs_id: str, lost: bool) -> None:
    """Strike the recorded losses of OBS_ID, so that the next run tries them again."""
    from sip_luigi import pipeline  # noqa: F401, PLC0415 - Luigi takes a while
    from sip_luigi.tasks.context import open_context  # noqa: PLC0415

    with reported():
        losses = open_context(obs_id).losses
        names = sorted(losses.all())
        for name in names:
            losses.remove(name)
    for name in names:
        click.echo(f"struck: {name}")
    click.echo(f"now run: luigi --module sip_luigi ImagingPipeline --obs-id {obs_id}")
