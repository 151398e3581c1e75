"""Make room on the compute nodes: remove what a finished observation does not need, and remember that it was there.

The manifests of what is removed are kept with the job, so everything that was made of it stands. Where something has
to be made of it again, it is made again first.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import Any

from sip_luigi.domain.errors import NotFinished
from sip_luigi.domain.product import Manifest
from sip_luigi.domain.utc import age_s
from sip_luigi.operation.estimate import is_link
from sip_luigi.operation.observation import Looked, in_order, look
from sip_luigi.tasks.gather_subband import GatherSubband
from sip_luigi.tasks.head_stage import timestamp
from sip_luigi.tasks.node_stage import NodeStage
from sip_luigi.tasks.nodes import run_records
from sip_luigi.tasks.survey import ask_all

DAY_S = 86400.0
FIT = ("good", "moderate")
"""Verdicts with which data may go."""


def clear(obs_id: str, *, really: bool, force: bool, at_once: bool) -> dict[str, Any]:
    """Tell what may be removed of an observation, and remove it.

    Parameters
    ----------
    obs_id : str
        The observation.
    really : bool
        Remove; without, nothing is changed.
    force : bool
        Whatever the verdict, and of an observation that is not finished.
    at_once : bool
        Without waiting for the ages of ``[cleanup] after_days``.

    Returns
    -------
    dict
        ``nodes``: by name ``{bytes, products}``; ``kept``: list of ``{task, node, reason}`` of products that stay;
        ``silent``: nodes that did not answer, with the error; ``removed``: whether it was done.

    Raises
    ------
    NotFinished
        Quality has not passed.
    AlreadyRunning
        A run of the observation goes on.
    """
    looked = look(obs_id)
    with run_records(looked.ctx.settings).kept_away(obs_id):
        delivered = _require_finished(looked, force)
        wanted, kept = _choose(looked, delivered, at_once)
        return {"obs_id": obs_id, "removed": really, **_clear(looked, wanted, kept, really)}


def _require_finished(looked: Looked, force: bool) -> Manifest | None:
    """Manifest of what was delivered; refuse an observation whose quality has not passed."""
    manifest = looked.root.output().manifest()
    if force:
        return manifest
    root = looked.root
    if manifest is None or not root.is_delivered() or not all(task.complete() for task in root.afterwards()):
        raise NotFinished(
            f"{looked.obs_id} is not finished: its data are still needed; see what is left with "
            f"sip plan {looked.obs_id}, or remove them all the same with --force"
        )
    verdict = manifest.measures.get("verdict", "")
    if verdict not in FIT:
        reasons = "; ".join(manifest.measures.get("reasons", ()))
        raise NotFinished(
            f"{looked.obs_id} is {verdict or 'not judged'} ({reasons}): its data are kept for another look, see "
            f"{looked.ctx.layout.results / 'report.html'}; remove them all the same with --force"
        )
    return manifest


def _choose(
    looked: Looked, delivered: Manifest | None, at_once: bool
) -> tuple[list[NodeStage], list[dict[str, Any]]]:
    """Tasks whose products may go, and those that stay with the reason."""
    ages = looked.ctx.settings.cleanup.ages_days()
    age_days = age_s(delivered.made) / DAY_S if delivered and delivered.made else 0.0
    wanted: list[NodeStage] = []
    kept: list[tuple[NodeStage, str]] = []
    for task in looked.tasks:
        if not isinstance(task, NodeStage) or task.obs_id != looked.obs_id or looked.found(task) is None:
            continue
        if task.stage not in ages:
            kept.append((task, "[cleanup] after_days does not name its stage"))
        elif not at_once and age_days < ages[task.stage]:
            kept.append((task, f"kept for {ages[task.stage]:g} days, delivered {age_days:.1f} days ago"))
        else:
            wanted.append(task)
    return _with_links(wanted, kept)


def _with_links(
    wanted: list[NodeStage], kept: list[tuple[NodeStage, str]]
) -> tuple[list[NodeStage], list[dict[str, Any]]]:
    """A link goes with what it leads to, and before it: as long as it is there it is looked at through it."""
    going = {task.task_id for task in wanted}
    links = [task for task, _ in kept if isinstance(task, GatherSubband) and is_link(task)]
    broken = {task.task_id for task in links if task.dependencies["data"].task_id in going}
    wanted = [*wanted, *(task for task in links if task.task_id in broken)]
    order = {name: number for task in wanted for number, name in enumerate(in_order(task.ctx.chain))}
    wanted.sort(key=lambda task: order[task.task_family], reverse=True)
    stays = [
        {"task": task.name, "node": task.product().node, "reason": reason}
        for task, reason in kept
        if task.task_id not in broken
    ]
    return wanted, stays


def _clear(
    looked: Looked, wanted: list[NodeStage], kept: list[dict[str, Any]], really: bool
) -> dict[str, Any]:
    by_node: dict[str, list[NodeStage]] = defaultdict(list)
    for task in wanted:
        by_node[task.product().node].append(task)
        if really:
            _remember(looked, task)
    requests = {node: _request(looked, tasks, really) for node, tasks in by_node.items()}
    answers = ask_all(
        requests, lambda node: looked.ctx.connections[node].call("clear", requests[node])["products"]
    )
    nodes, silent = {}, {}
    for node, tasks in by_node.items():
        answer = answers[node]
        if not isinstance(answer, dict):
            silent[node] = str(answer)
            continue
        told = {task: answer[task.product().path] for task in tasks}
        kept += [
            {"task": task.name, "node": node, "reason": entry["left"]}
            for task, entry in told.items()
            if entry["left"]
        ]
        gone = [entry["bytes"] for entry in told.values() if not entry["left"]]
        nodes[node] = {"bytes": sum(gone), "products": len(gone)}
    return {"nodes": nodes, "kept": kept, "silent": silent}


def _remember(looked: Looked, task: NodeStage) -> None:
    """Keep the manifest of a product that goes; first, so that an interruption loses neither."""
    manifest = looked.found(task)
    recorded = task.ctx.losses.all().get(task.name)
    if recorded and not recorded.cleared:
        # Lost, or passed over: what lies there is of an earlier time.
        return
    if manifest and manifest.key == task.key:
        task.ctx.losses.record(task.name, replace(manifest, cleared=timestamp()))


def _request(looked: Looked, tasks: list[NodeStage], really: bool) -> dict[str, Any]:
    products = [
        {
            "path": task.product().path,
            "kind": task.product().kind,
            "key": found.key,
            "job": task.job_directory,
        }
        for task in tasks
        if (found := looked.found(task))
    ]
    return {"products": products, "remove": really}
