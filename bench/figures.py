"""How the programs show what they measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import click
from rich.console import Console
from rich.table import Table


class Aim(NamedTuple):
    """What a figure should be.

    Attributes
    ----------
    low, high : float
        Limits.
    """

    low: float = float("-inf")
    high: float = float("inf")

    def __str__(self) -> str:
        return f"≥ {self.low:g}" if self.low > float("-inf") else f"≤ {self.high:g}"


def show(title: str, figures: Mapping[str, Any], aims: Mapping[str, Aim]) -> None:
    """Print figures as a table, and as one JSON object on the last line."""
    table = Table("figure", "measured", "aim", "", title=title)
    for name, value in figures.items():
        shown = f"{value:.4g}" if isinstance(value, float) else str(value)
        aim = aims.get(name)
        verdict = ("met" if aim.low <= value <= aim.high else "missed") if aim else ""
        table.add_row(name, shown, str(aim or ""), verdict)
    # Narrower than it needs, rich would cut names and figures.
    Console(width=110).print(table)
    click.echo(json.dumps({name: rounded(value) for name, value in figures.items()}))


def rounded(value: Any) -> Any:
    """Four significant digits of a float; anything else as it is."""
    return float(f"{value:.4g}") if isinstance(value, float) else value


def last_object(text: str) -> dict[str, Any]:
    """The JSON object on the last line of what a program printed.

    Raises
    ------
    ValueError
        There is none.
    """
    value = json.loads(text.strip().rpartition("\n")[2])
    if not isinstance(value, dict):
        raise ValueError(f"expected a JSON object on the last line, found {value!r}")
    return value
