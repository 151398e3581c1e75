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
        if self.low > float("-inf") and self.high < float("inf"):
            return f"{self.low:g} to {self.high:g}"
        return f"≥ {self.low:g}" if self.low > float("-inf") else f"≤ {self.high:g}"

    def verdict(self, value: float | None) -> str:
        """Whether a figure is what it should be; one that could not be measured is not."""
        return "met" if value is not None and self.low <= value <= self.high else "missed"


def show(title: str, figures: Mapping[str, Any], aims: Mapping[str, Aim]) -> None:
    """Print figures as a table, and as one JSON object on the last line."""
    table = Table("figure", "measured", "aim", "", title=title)
    for name, value in figures.items():
        aim = aims.get(name)
        table.add_row(name, shown(value), str(aim or ""), aim.verdict(value) if aim else "")
    # Narrower than it needs, rich would cut names and figures.
    Console(width=110).print(table)
    click.echo(json.dumps({name: rounded(value) for name, value in figures.items()}))


def shown(value: Any) -> str:
    """A figure as people read it; a dash where there is none."""
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


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
