"""What the commands have in common."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.text import Text

from sip_luigi.domain.errors import SipError

Command = Callable[..., Any]


@contextmanager
def reported() -> Iterator[None]:
    """Turn errors of the pipeline into one message and the exit status that they stand for."""
    try:
        yield
    except SipError as error:
        click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(error.exit_code)


def cells(*texts: str) -> list[Text]:
    """Texts for a table, in which brackets are no markup."""
    return [Text(text) for text in texts]


def show_progress(message: str, fraction: float) -> None:
    """Say how far the simulation is."""
    click.echo(f"simulate {fraction:4.0%}  {message}", err=True)
