"""Have things made again: what was lost, or all products from a stage on."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from luigi.task_register import Register

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.execution.again import ask_again
from sip_luigi.operation.observation import look
from sip_luigi.tasks.chain import Chain, Need


def retry(obs_id: str, *, lost: bool, from_stage: str) -> dict[str, Any]:
    """Strike recorded losses, ask for products afresh; the next run does the rest.

    Nothing is removed: products that were asked for afresh have another key from now on, and those that are there are
    replaced when their successors are.

    Parameters
    ----------
    obs_id : str
        The observation.
    lost : bool
        Strike its losses.
    from_stage : str
        Name of a stage; its products are asked for afresh, and with them what is made of them. Empty: none.

    Returns
    -------
    dict
        ``struck``: names of losses; ``again``: names of the stages that are gone through again.

    Raises
    ------
    ConfigurationError
        There is no such stage.
    """
    looked = look(obs_id)
    again = following(from_stage, looked.ctx.chain) if from_stage else []
    losses = looked.ctx.losses
    struck = sorted(losses.lost()) if lost else []
    for name in struck:
        losses.remove(name)
    if again:
        # The keys of what follows hold this one.
        ask_again(looked.ctx.layout.again, again[:1])
    return {"obs_id": obs_id, "struck": struck, "again": [stage_name(name) for name in again]}


def stage_name(task_class: str) -> str:
    """Name of a stage in logs and products, by its class."""
    return str(Register.get_task_cls(task_class).stage)


def stage_names(chain: Chain) -> dict[str, str]:
    """Classes of the stages by their names in logs and products."""
    return {stage_name(name): name for name in chain}


def following(stage: str, chain: Chain) -> list[str]:
    """Classes of a stage, which may be named either way, and of those whose products follow from it.

    What is taken of a stage by what it says alone follows only if it says something else.
    """
    names = stage_names(chain)
    first = names.get(stage, stage)
    if first not in chain:
        close = difflib.get_close_matches(stage, [*names, *chain], n=1)
        hint = f"; did you mean {close[0]}?" if close else f"; stages are {', '.join(names)}"
        raise ConfigurationError(f"no stage {stage!r}{hint}")
    found = {first}
    while more := {name for name in chain if name not in found and _needs(chain[name].values()) & found}:
        found |= more
    return [first, *(name for name in chain if name in found - {first})]


def _needs(needs: Iterable[Need]) -> set[str]:
    # What comes from the cycle before would lead back to the beginning.
    return {need.stage for need in needs if need.cycle != "previous" and not need.by_content}
