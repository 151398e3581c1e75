"""What the commands have in common."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from click.shell_completion import CompletionItem
from rich.console import Console
from rich.text import Text

from sip_luigi.domain.errors import SipError, UnknownObservation

Command = Callable[..., Any]

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@contextmanager
def reported() -> Iterator[None]:
    """Turn errors of the pipeline into one message and the exit status that they stand for."""
    try:
        yield
    except UnknownObservation as error:
        click.echo(f"{type(error).__name__}: {error}{_suggestion(error.obs_id)}", err=True)
        sys.exit(error.exit_code)
    except SipError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(error.exit_code)


@contextmanager
def quietly() -> Iterator[None]:
    """Keep to oneself what a look finds on its way, for commands that look again and again."""
    log = logging.getLogger("sip_luigi")
    before, log.disabled = log.disabled, True
    try:
        yield
    finally:
        log.disabled = before


def _suggestion(obs_id: str) -> str:
    from sip_luigi.operation.known import close_to  # noqa: PLC0415 - Luigi takes a while

    close = close_to(obs_id)
    return f"; did you mean {' or '.join(close)}?" if close else ""


class ObservationId(click.ParamType[str]):
    """The id of an observation; a shell completes those that have a job directory."""

    name = "obs_id"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        """Ids that begin so."""
        from sip_luigi.settings import load_settings  # noqa: PLC0415 - Luigi takes a while
        from sip_luigi.tasks.job_directories import observations_with_jobs  # noqa: PLC0415

        try:
            known = observations_with_jobs(load_settings())
            return [CompletionItem(name) for name in known if name.startswith(incomplete)]
        except SipError:
            return []


def obs_id_argument(*, required: bool = True) -> Command:
    """The argument OBS_ID."""
    return click.argument("obs_id", type=ObservationId(), required=required)


def cells(*texts: str) -> list[Text]:
    """Texts for a table, in which brackets are no markup."""
    return [Text(text) for text in texts]


def say(text: str | Text) -> None:
    """Print a line in which no markup is read and that is not broken: commands in it are there to be copied."""
    Console().print(text if isinstance(text, Text) else Text(text), soft_wrap=True, highlight=False)


def tell_json(value: Any) -> None:
    """Print one JSON object on one line."""
    click.echo(json.dumps(value))


def next_run(obs_id: str) -> str:
    """The command that goes on with an observation."""
    return f"luigi --module sip_luigi ImagingPipeline --obs-id {obs_id}"


def how_long(seconds: float | None) -> str:
    """A length of time for people."""
    if seconds is None:
        return "?"
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60:02d} min"


def how_much(n_bytes: float) -> str:
    """A size for people."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.1f} {unit}"
    return f"{n_bytes / 1e3:.1f} kB" if n_bytes else "0"


def show_progress(message: str, fraction: float) -> None:
    """Say how far the simulation is."""
    click.echo(f"simulate {fraction:4.0%}  {message}", err=True)
