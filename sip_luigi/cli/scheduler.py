"""``sip scheduler``: the central scheduler and its visualiser."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import click

from sip_luigi.cli.common import as_json_option, reported

NOT_RUNNING = 3
"""Exit status of ``status`` for a scheduler that does not run, as init scripts have it."""


@click.group()
def scheduler() -> None:
    """Start, stop and look at the central scheduler, which serves the visualiser and all logs.

    Address, port and directory are in [scheduler_server] of luigi.cfg. A plain luigid does as well for small things.
    """


@scheduler.command()
def run() -> None:
    """Run the scheduler in the foreground, as systemd wants it; ends with 10 where one runs already."""
    from sip_luigi.scheduler.server import serve  # noqa: PLC0415 - Luigi takes a while

    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    # One line for every call of every worker is too much.
    logging.getLogger("tornado.access").setLevel(logging.WARNING)
    with reported():
        serve(_settings())


@scheduler.command()
@as_json_option
def start(as_json: bool) -> None:
    """Start the scheduler in the background; well, too, where it runs already."""
    from sip_luigi.scheduler import background  # noqa: PLC0415 - Luigi takes a while

    with reported():
        found, is_new = background.start(_settings())
    text = f"the scheduler {'runs' if is_new else 'runs already'} at {found.url} (process {found.pid})"
    click.echo(json.dumps({"url": found.url, "pid": found.pid, "started": is_new}) if as_json else text)


@scheduler.command()
@as_json_option
def stop(as_json: bool) -> None:
    """End the scheduler; it saves its state, and runs wait for the next one for about 90 s."""
    from sip_luigi.scheduler import background  # noqa: PLC0415 - Luigi takes a while

    with reported():
        ended = background.stop(_settings())
    text = f"the scheduler has ended (process {ended.pid})" if ended else "no scheduler runs"
    click.echo(json.dumps({"ended": ended.pid if ended else None}) if as_json else text)


@scheduler.command()
@as_json_option
def status(as_json: bool) -> None:
    """Tell whether the scheduler runs and answers; ends with 3 where it does not."""
    from sip_luigi.scheduler import background, lock, make  # noqa: PLC0415 - Luigi takes a while

    with reported():
        settings = _settings()
        found = lock.holder(make.lock_path(settings))
    url = found.url if found else make.url_of(settings)
    state = {
        "running": found is not None,
        "answers": background.answers(url) if found else False,
        "pid": found.pid if found else None,
        "url": url,
        "directory": str(make.state_directory(settings)),
    }
    click.echo(json.dumps(state) if as_json else _sentence(state))
    sys.exit(0 if state["answers"] else NOT_RUNNING)


def _sentence(state: dict[str, Any]) -> str:
    if not state["running"]:
        return "no scheduler runs; start it: sip scheduler start"
    manner = "runs and answers" if state["answers"] else "runs but does not answer"
    return f"the scheduler {manner} at {state['url']} (process {state['pid']})"


def _settings() -> Any:
    from sip_luigi.settings.load import load_settings  # noqa: PLC0415 - Luigi takes a while

    return load_settings()
