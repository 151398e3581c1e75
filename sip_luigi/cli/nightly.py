"""``sip nightly``: what cron or a systemd timer starts."""

from __future__ import annotations

import json
import logging
import signal
import sys
from typing import Any

import click

from sip_luigi.cli.common import reported


@click.command()
@click.option(
    "--quiet", is_flag=True, help="Say nothing where another night is going on; the exit status is 10 anyway."
)
@click.option("--dry-run", is_flag=True, help="Say what would be processed, and begin nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the digest as one JSON object.")
def nightly(quiet: bool, dry_run: bool, as_json: bool) -> None:
    """Process what is new on the storage nodes, try again what failed, and tell of it.

    A night that finds nothing is silent. The digest goes out by [mail] and [webhook]; where neither is set, or it
    cannot be sent, it is printed. Ends with 30 where something failed or could not be told, 10 where another
    night is going on, or the status of what keeps it from running.
    """
    from sip_luigi.domain.errors import AlreadyRunning, SipError  # noqa: PLC0415
    from sip_luigi.nightly.night import Night  # noqa: PLC0415 - Luigi takes a while
    from sip_luigi.settings.load import load_settings  # noqa: PLC0415

    with reported():
        night = Night(load_settings())
        if dry_run:
            _show_plan(night.plan(), as_json)
            return
        logging.basicConfig(level=logging.ERROR, stream=sys.stderr, format="%(levelname)s %(message)s")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda got, _: night.end(signal.Signals(got).name))
        try:
            ending = night.run()
        except AlreadyRunning as error:
            if not quiet:
                raise
            sys.exit(error.exit_code)
        except SipError as error:
            ending = night.refused(error)
    if as_json:
        click.echo(json.dumps(ending.digest.to_json()))
    elif ending.news and not ending.sent:
        click.echo(ending.digest.text(), nl=False)
    for problem in ending.unsent:
        click.echo(problem, err=True)
    sys.exit(ending.status)


def _show_plan(plan: dict[str, Any], as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(plan))
        return
    for obs_id in plan["next"]:
        click.echo(f"{obs_id}: would be processed")
    for obs_id, reason in plan["waiting"].items():
        click.echo(f"{obs_id}: waits: {reason}")
    if not plan["next"] and not plan["waiting"]:
        click.echo("nothing to do")
