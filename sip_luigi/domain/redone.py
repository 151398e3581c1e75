"""Why a product was made again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Recipe:
    """What a product was made of.

    Attributes
    ----------
    key : str
        Its Merkle key.
    version : int
        Of the stage.
    settings : mapping
        Science settings of the stage, as JSON values.
    inputs : mapping
        Keys of the inputs by role.
    fingerprints : mapping
        Of the inputs by role, as they were when it was made.
    """

    key: str
    version: int
    settings: Mapping[str, Any] = field(default_factory=dict)
    inputs: Mapping[str, str] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)


def why_redone(before: Recipe | None, after: Recipe) -> str:
    """Say in one line what changed between two products of one name.

    Parameters
    ----------
    before : Recipe or None
        The one made before, None when there is none.
    after : Recipe
        The one made now.
    """
    if before is None:
        return "made for the first time"
    changes = []
    if after.version != before.version:
        changes.append(f"the stage is of version {after.version}, was {before.version}")
    changes += [f"setting {line}" for line in differences(before.settings, after.settings)]
    for verb, names in _inputs(before.inputs, after.inputs).items():
        if names:
            changes.append(f"input {_listed(names)} {verb}")
    if changes:
        return "; ".join(changes)
    changed = _inputs(before.fingerprints, after.fingerprints)["changed"]
    if changed:
        return f"input {_listed(changed)} was made of other data, or was lost"
    return "the product was no longer there or not intact"


def differences(before: Any, after: Any, name: str = "") -> list[str]:
    """Values that differ between two JSON values, by their dotted names."""
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        return [
            line
            for key in sorted({*before, *after})
            for line in differences(before.get(key), after.get(key), f"{name}.{key}" if name else str(key))
        ]
    return [] if before == after else [f"{name}: {_short(before)} → {_short(after)}"]


def _inputs(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, list[str]]:
    both = before.keys() & after.keys()
    return {
        "changed": sorted(role for role in both if before[role] != after[role]),
        "added": sorted(after.keys() - before.keys()),
        "taken away": sorted(before.keys() - after.keys()),
    }


def _listed(names: list[str], most: int = 4) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def _short(value: Any, most: int = 60) -> str:
    text = str(value)
    return text if len(text) <= most else f"{text[:most]}…"
