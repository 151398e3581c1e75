"""What the main command would do: the graph, what is to be made and why, where, with what, for how long."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from sip_luigi.operation.commands import commands
from sip_luigi.operation.estimate import expected_time, rooms
from sip_luigi.operation.history import History, history_of
from sip_luigi.operation.observation import Looked, look
from sip_luigi.operation.reasons import Reason, reason_of
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.context import BAND
from sip_luigi.tasks.preprocess_report import decisions

Reasons = dict[str, Reason]


def plan_of(
    obs_id: str,
    *,
    cycles: int | None = None,
    calibrator_obs_id: str = "",
    with_commands: bool = False,
    every_subband: bool = False,
) -> dict[str, Any]:
    """Tell what the main command would do; nothing is written and nothing dispatched.

    Parameters
    ----------
    obs_id : str
        The observation.
    cycles, calibrator_obs_id
        As the main command has them.
    with_commands : bool
        Tell the commands of each stage too, of one subband.
    every_subband : bool
        Of all subbands.

    Returns
    -------
    dict
        ``stages``: by stage ``{stage, obs_id, tasks, done, lost, passed, make, check, reasons: [{text, tasks}]}``;
        ``subbands``: ``{subband, raw, node, reason, to_make}``; ``band``: the same of what is made of all of them;
        ``calibrator``: ``{obs_id, to_make}`` or None; ``preprocessing``: what is done about the A-team and averaging;
        ``disks``: ``{node, needed_bytes, free_bytes, enough}``; ``time``: ``{expected_s, unknown_stages, problem}``;
        ``kept_out``: nodes that take no new work; ``commands``.
    """
    looked = look(obs_id, cycles=cycles, calibrator_obs_id=calibrator_obs_id)
    ctx = looked.ctx
    history = history_of(ctx.settings, obs_id)
    reasons = _reasons(looked, history)
    making = [
        task for task in looked.tasks if task.task_id in reasons and reasons[task.task_id].need == "make"
    ]
    expected_s, unknown = expected_time(looked, making, history.stages)
    shown = looked.tasks if every_subband else one_of_each(looked.tasks, reasons)
    return {
        "obs_id": obs_id,
        "complete": not reasons,
        "stages": _stages(looked.tasks, reasons),
        "subbands": [
            {"subband": s.name, "raw": f"{s.node}:{s.path}", **_entry(looked, s.name, s.name, making)}
            for s in ctx.subbands
        ],
        "band": _entry(looked, BAND, "", making),
        "calibrator": {
            "obs_id": ctx.calibrator.layout.obs_id,
            "to_make": [task.name for task in making if task.obs_id != obs_id],
        }
        if ctx.calibrator
        else None,
        "preprocessing": decisions(task for task in looked.tasks if task.obs_id == obs_id),
        "disks": rooms(looked, making, history.stages),
        "time": {"expected_s": expected_s, "unknown_stages": unknown, "problem": history.problem},
        "kept_out": {name: asdict(state) for name, state in ctx.states.read().items()},
        "commands": commands(looked, shown) if with_commands else [],
    }


def _reasons(looked: Looked, history: History) -> Reasons:
    recipes = dict(history.recipes)
    if looked.ctx.calibrator:
        other = looked.ctx.calibrator.layout.obs_id
        of_calibrator = history_of(looked.ctx.settings, other).recipes
    found = {}
    for task in looked.tasks:
        if not task.complete():
            known = recipes if task.obs_id == looked.obs_id else of_calibrator
            found[task.task_id] = reason_of(looked, task, known)
    return found


def _stages(tasks: Iterable[Stage], reasons: Reasons) -> list[dict[str, Any]]:
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    texts: dict[tuple[str, str], Counter[str]] = {}
    for task in tasks:
        which = (str(task.obs_id), task.label)
        counts = dict.fromkeys(("tasks", "done", "lost", "passed", "cleared", "make", "check"), 0)
        row = rows.setdefault(which, {"stage": which[1], "obs_id": which[0], **counts})
        row["tasks"] += 1
        if reason := reasons.get(task.task_id):
            row[reason.need] += 1
            texts.setdefault(which, Counter())[reason.text] += 1
        else:
            row[outcome(task)] += 1
    for which, row in rows.items():
        row["reasons"] = [{"text": text, "tasks": n} for text, n in texts.get(which, Counter()).most_common()]
    return list(rows.values())


def outcome(task: Stage) -> str:
    """What became of a task that is complete."""
    manifest = task.output().manifest()
    return manifest.state if manifest else "done"


def one_of_each(tasks: Iterable[Stage], reasons: Reasons) -> list[Stage]:
    """Of each stage one task: of those that are to be made the first, else of all."""
    chosen: dict[tuple[str, str], Stage] = {}
    for task in tasks:
        which = (str(task.obs_id), task.label)
        if which not in chosen or (task.task_id in reasons and chosen[which].task_id not in reasons):
            chosen[which] = task
    return list(chosen.values())


def _entry(looked: Looked, name: str, subband: str, making: Iterable[Stage]) -> dict[str, Any]:
    place = looked.ctx.places[name]
    own = [t for t in making if getattr(t, "subband", "") == subband and t.obs_id == looked.obs_id]
    return {"node": place.node, "reason": place.reason, "to_make": [task.label for task in own]}
