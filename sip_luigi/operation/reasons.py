"""Why something would be made, or made again."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Literal, NamedTuple

from sip_luigi.domain.product import Manifest
from sip_luigi.domain.redone import Recipe, why_redone
from sip_luigi.operation.observation import Looked
from sip_luigi.tasks.base import Stage

Need = Literal["make", "check"]
Recipes = Mapping[str, Mapping[str, Recipe]]
"""What products were made of, by the name of the task and the key; what the database knows."""


class Reason(NamedTuple):
    """Why a task is not done.

    Attributes
    ----------
    need : {"make", "check"}
        Whether its product is made, or stands if what it was made of comes out as before.
    text : str
        For a person.
    """

    need: Need
    text: str


def reason_of(looked: Looked, task: Stage, recipes: Recipes) -> Reason:
    """Why a task that is not complete would run."""
    present = task.output().manifest()
    known = recipes.get(task.name, {})
    if present is not None:
        return _of_present(task, present)
    loss = task.ctx.losses.all().get(task.name)
    found = loss or looked.found(task)
    if found is not None:
        lost = f"was lost in {found.loss.stage}: {found.loss.reason}; " if found.loss else ""
        return Reason("make", lost + _changed(task, found, known.get(found.key)))
    return Reason("make", _missing(task, known))


def _of_present(task: Stage, present: Manifest) -> Reason:
    """A product of the right key that does not stand all the same."""
    waiting = [role for role, needed in task.dependencies.items() if not needed.complete()]
    inputs = {role: needed.output().manifest() for role, needed in task.dependencies.items()}
    made_of = task.made_of({role: manifest for role, manifest in inputs.items() if manifest})
    other = sorted(role for role, said in made_of.items() if present.inputs.get(role) != said)
    if other:
        return Reason("make", f"input {_listed(other)} is of other data than it was made of, or was lost")
    if waiting:
        return Reason("check", f"stands if {_listed(waiting)} comes out as before")
    if present.loss:
        return Reason("make", f"was lost in {present.loss.stage}: {present.loss.reason}")
    if not task.is_intact(present):
        return Reason("make", "a result is missing or was changed")
    outcome, verdict = (present.measures.get(name, "unknown") for name in ("outcome", "verdict"))
    return Reason("make", f"the outcome, {outcome} and {verdict}, is refused; the results are there")


def _changed(task: Stage, found: Manifest, before: Recipe | None) -> str:
    """What differs between the product that is there and the one that is wanted."""
    if before is not None:
        counting = task.recipe_inputs()
        inputs = {role: key for role, key in before.inputs.items() if role not in task.by_content}
        before = Recipe(before.key, before.version, before.settings, inputs)
        return why_redone(before, recipe(task, counting))
    if found.version != task.version:
        return f"the stage is of version {task.version}, was {found.version}"
    return f"made with other settings or of other inputs: key {found.key[:8]}, now {task.key[:8]}"


def recipe(task: Stage, inputs: Mapping[str, str]) -> Recipe:
    """What the product of a task is to be made of."""
    return Recipe(task.key, task.version, json.loads(json.dumps(task.recipe_settings())), inputs)


def _missing(task: Stage, known: Mapping[str, Recipe]) -> str:
    if task.name in task.ctx.losses.wanted:
        return "was cleared away and is needed again"
    place = task.ctx.places.get(getattr(task, "place_name", ""))
    if place and place.reason.startswith("moved from"):
        return place.reason
    if task.key in known:
        return "the product is no longer there or not intact"
    if known:
        *_, last = known.values()
        return f"{_changed(task, Manifest(last.key, task.stage, last.version), last)}; the product made before is gone"
    return "not made yet"


def _listed(names: list[str], most: int = 3) -> str:
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
