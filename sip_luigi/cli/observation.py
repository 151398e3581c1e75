"""``sip retry``, ``cancel`` and ``clean``: commands that change something of one observation."""

from __future__ import annotations

import sys
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from sip_luigi.cli.common import (
    as_json_option,
    cells,
    how_much,
    next_run,
    obs_id_argument,
    reported,
    say,
    tell_json,
)

FAILED = 30
"""Exit status where something was left that should have gone."""


@click.command()
@obs_id_argument()
@click.option("--lost", is_flag=True, help="Try again what was recorded as lost.")
@click.option(
    "--from",
    "from_stage",
    default="",
    metavar="STAGE",
    help="Make the products of STAGE, and all after it, again.",
)
@as_json_option
def retry(obs_id: str, lost: bool, from_stage: str, as_json: bool) -> None:
    """Have the next run of OBS_ID try again what was lost, or make again everything from a stage on.

    Nothing is removed: what is there stays until its successor is made. STAGE is named as in the logs,
    such as calibrate.
    """
    if not lost and not from_stage:
        raise click.UsageError("expected --lost, --from STAGE, or both: nothing is tried again by itself")
    from sip_luigi.operation.retry import retry as try_again  # noqa: PLC0415 - Luigi takes a while

    with reported():
        found = try_again(obs_id, lost=lost, from_stage=from_stage)
    if as_json:
        tell_json(found)
        return
    for name in found["struck"]:
        say(f"struck: {name}")
    if found["again"]:
        say(f"asked for afresh: {', '.join(found['again'])}")
    if not found["struck"] and not found["again"]:
        say("nothing was lost")
        return
    say(f"now run: {next_run(obs_id)}")


@click.command()
@obs_id_argument()
@as_json_option
def cancel(obs_id: str, as_json: bool) -> None:
    """End the runs of OBS_ID on this machine, and every job of it on all nodes; what is made stays.

    Ends with 30 where something still runs, or a node did not answer: what runs there ends by itself, when nobody has
    watched it for [cluster] lease_s.
    """
    from sip_luigi.operation.cancel import cancel as end_all  # noqa: PLC0415 - Luigi takes a while

    with reported():
        found = end_all(obs_id)
    if as_json:
        tell_json(found)
    else:
        _show_cancelled(found)
    whole = all(run["ended"] for run in found["runs"]) and not found["left"] and not found["silent"]
    sys.exit(0 if whole else FAILED)


def _show_cancelled(found: dict[str, Any]) -> None:
    for run in found["runs"]:
        if run["ended"]:
            say(f"ended: run, process {run['pid']}")
        else:
            say(f"NOT ended: run, process {run['pid']} on {run['host']}; end it there: kill {run['pid']}")
    for node, tasks in found["jobs"].items():
        say(f"ended on {node}: {', '.join(tasks)}")
    for node, tasks in found["left"].items():
        say(f"NOT ended on {node}: {', '.join(tasks)}; look there with: ps -ef | grep sip_luigi.node")
    for node, error in found["silent"].items():
        say(f"{node} does not answer; what runs there ends by itself within {found['lease_s']:g} s: {error}")
    if not found["runs"] and not found["jobs"]:
        say(f"nothing of {found['obs_id']} was running")
    say(f"go on with: {next_run(found['obs_id'])}")


@click.command()
@obs_id_argument()
@click.option("--yes", "really", is_flag=True, help="Do it; without, it is only told what would be removed.")
@click.option("--force", is_flag=True, help="Whatever the verdict, and also if it is not finished.")
@click.option("--now", "at_once", is_flag=True, help="Without waiting for the days of [cleanup] after_days.")
@as_json_option
def clean(obs_id: str, really: bool, force: bool, at_once: bool, as_json: bool) -> None:
    """Make room on the compute nodes: remove data of OBS_ID that nobody needs any more.

    Results, logs, parsets and reports stay. So do the descriptions of what is removed: a later run finds everything
    done, and makes again only what a change of settings needs. Removed is what [cleanup] after_days says, and
    only once the verdict on the results is good or moderate.
    """
    from sip_luigi.operation.cleanup import clear  # noqa: PLC0415 - Luigi takes a while

    with reported():
        found = clear(obs_id, really=really, force=force, at_once=at_once)
    if as_json:
        tell_json(found)
    else:
        flags = "".join(flag for given, flag in ((force, " --force"), (at_once, " --now")) if given)
        _show_cleared(found, f"sip clean {obs_id}{flags} --yes")
    sys.exit(FAILED if found["silent"] else 0)


def _show_cleared(found: dict[str, Any], command: str) -> None:
    verb = "removed" if found["removed"] else "would be removed"
    if found["nodes"]:
        table = Table("node", "products", verb)
        for node, entry in found["nodes"].items():
            table.add_row(*cells(node, str(entry["products"]), how_much(entry["bytes"])))
        Console().print(table)
    else:
        say("nothing is to be removed")
    stays: dict[str, int] = {}
    for entry in found["kept"]:
        what = f"{entry['task'].partition('.')[0]}: {entry['reason']}"
        stays[what] = stays.get(what, 0) + 1
    for text, number in stays.items():
        say(f"stays: {number} × {text}")
    for node, error in found["silent"].items():
        say(f"{node} does not answer, nothing was removed there; clean again later: {error}")
    if found["nodes"] and not found["removed"]:
        say(f"do it with: {command}")
