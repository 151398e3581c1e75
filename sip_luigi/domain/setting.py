"""Settings that document and check themselves.

A section of ``luigi.cfg`` is a frozen dataclass whose fields are made with :func:`setting`: default,
meaning, unit and range stand in one place, for the reader, the checks and the documentation.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import Field, dataclass, field, fields
from typing import Any, ClassVar

from sip_luigi.domain.errors import ConfigurationError


@dataclass(frozen=True)
class Meaning:
    """What a setting means and which values it may have."""

    doc: str
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    science: bool = True

    def problem(self, value: Any) -> str:
        """Say what is expected of a value that is refused; empty when it is accepted."""
        if self.choices and value not in self.choices:
            return "one of " + ", ".join(repr(choice) for choice in self.choices)
        if isinstance(value, float) and math.isinf(value):
            return "a finite number"
        # Written so that NaN, which compares false with everything, is refused too.
        too_low = self.low is not None and not value >= self.low
        too_high = self.high is not None and not value <= self.high
        return self.range_text() if too_low or too_high else ""

    def range_text(self) -> str:
        """The accepted range in words."""
        bounds = {"at least": self.low, "at most": self.high}
        words = [f"{word} {bound:g}" for word, bound in bounds.items() if bound is not None]
        return " and ".join(words) + (f" {self.unit}" if self.unit and words else "")


def setting(
    default: Any,
    doc: str,
    *,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    science: bool = True,
) -> Any:
    """Declare one key of a section.

    Parameters
    ----------
    default : bool, int, float or str
        Value when nothing is given.
    doc : str
        One sentence for the user.
    unit : str, optional
        Unit of the value.
    low, high : float, optional
        Accepted range, both ends included.
    choices : tuple of str, optional
        Accepted words.
    science : bool, optional
        Whether another value gives another product: only such settings enter keys.
    """
    return field(default=default, metadata={"meaning": Meaning(doc, unit, low, high, choices, science)})


@dataclass(frozen=True)
class Section:
    """Base of every section of the configuration."""

    section: ClassVar[str] = ""

    def __post_init__(self) -> None:
        for item, meaning in described_fields(type(self)):
            value = getattr(self, item.name)
            expected = meaning.problem(value)
            if expected:
                raise ConfigurationError(f"[{self.section}] {item.name} = {value}: expected {expected}")

    def science(self) -> dict[str, Any]:
        """The settings that decide what a product contains."""
        return {
            item.name: getattr(self, item.name)
            for item, meaning in described_fields(type(self))
            if meaning.science
        }


def described_fields(section: type[Any]) -> Iterator[tuple[Field[Any], Meaning]]:
    """Fields of a section with what each one means."""
    for item in fields(section):
        if "meaning" in item.metadata:
            yield item, item.metadata["meaning"]
