"""What the report shows beyond the figures: what ran where, summaries that stages left on the nodes, settings."""

from __future__ import annotations

import json
import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sip_luigi.domain.errors import SipError
from sip_luigi.domain.product import Manifest, Product
from sip_luigi.domain.setting import Section
from sip_luigi.node.files import write_atomically
from sip_luigi.report.progress import StageRun
from sip_luigi.settings import Settings
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.context import Context
from sip_luigi.tasks.graph import walk

logger = logging.getLogger("sip_luigi")


def stage_runs(root: Stage) -> list[StageRun]:
    """All tasks that a task rests on and what became of them, in the order of the chain."""
    order = list(root.ctx.chain)
    tasks = sorted(
        (task for task in walk(root) if task is not root),
        key=lambda task: (getattr(task, "cycle", 0), order.index(task.task_family), task.name),
    )
    try:
        found = root.ctx.index.look(task.product() for task in tasks)
    except SipError as error:
        logger.warning("the report does not show what ran where: %s", error)
        return []
    there = {folder: _names(folder) for folder in {folder for task in tasks for folder in _folders(task)}}
    return [
        _run(task, task.output().judge(found[task.product()]), _links(root, task, there)) for task in tasks
    ]


def _run(task: Stage, manifest: Manifest | None, links: Mapping[str, str]) -> StageRun:
    subband = str(getattr(task, "subband", ""))
    state, reason = "done", ""
    if manifest is None:
        state = "not made"
    elif manifest.loss:
        state, reason = "lost", f"{manifest.loss.stage}: {manifest.loss.reason}"
    elif manifest.passed:
        state, reason = "passed over", manifest.passed
    made = manifest.made if manifest else ""
    return StageRun(
        obs_id=str(task.obs_id),
        name=task.name,
        stage=task.name.replace(f".{subband}", "") if subband else task.name,
        subband=subband,
        node=task.product().node,
        ended_s=datetime.fromisoformat(made).timestamp() if made else 0.0,
        elapsed_s=manifest.elapsed_s if manifest else 0.0,
        state=state,
        reason=reason,
        links=links,
    )


def _folders(task: Stage) -> tuple[Path, Path]:
    return task.ctx.layout.logs, task.ctx.layout.parsets


def _links(root: Stage, task: Stage, there: Mapping[Path, frozenset[str]]) -> dict[str, str]:
    """Addresses relative to the results, where the report is read; the same on disk and over HTTP."""
    logs, parsets = _folders(task)
    wanted = {
        "log": logs / f"{task.name}.log",
        # Of a calibration in two passes the first.
        "solve": parsets / f"{task.name}.solve.parset",
        "parset": parsets / f"{task.name}.parset",
        "commands": parsets / f"{task.name}.sh",
    }
    return {
        word: quote(os.path.relpath(path, root.ctx.layout.results))
        for word, path in wanted.items()
        if path.name in there[path.parent]
    }


def _names(folder: Path) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except FileNotFoundError:
        return frozenset()


def read_summaries(ctx: Context, tasks: Mapping[str, Stage], name: str) -> dict[str, Any]:
    """A small JSON file of each of several products, with one command a node; what cannot be had is left out.

    What was read is kept on the head node: when the products have been cleared away a new report has it still.

    Parameters
    ----------
    ctx : Context
        The nodes.
    tasks : mapping
        Who makes the products, by whatever the answer shall be called.
    name : str
        Of the file in each product.
    """
    path = ctx.layout.directory / "summaries" / name
    before, found = _read_kept(path), _of_nodes(ctx, [task.product() for task in tasks.values()], name)
    kept = {}
    for called, task in tasks.items():
        value = found.get(task.product())
        if value is None and before.get(called, {}).get("key") == task.key:
            value = before[called]["value"]
        if value is not None:
            kept[called] = {"key": task.key, "value": value}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(kept, separators=(",", ":")), durable=False)
    return {called: entry["value"] for called, entry in kept.items()}


def _of_nodes(ctx: Context, products: Iterable[Product], name: str) -> dict[Product, Any]:
    by_node: dict[str, dict[str, Product]] = defaultdict(dict)
    for product in products:
        by_node[product.node][f"{product.path}/{name}"] = product
    found: dict[Product, Any] = {}
    for node, paths in by_node.items():
        try:
            answer = ctx.connections[node].call("summaries", {"paths": list(paths)})["summaries"]
        except SipError as error:
            # A plot less is no reason to have no report.
            logger.warning("the report lacks what %s has to tell: %s", node, error)
            continue
        found |= {paths[path]: value for path, value in answer.items()}
    return found


def _read_kept(path: Path) -> dict[str, dict[str, Any]]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        return {called: dict(entry) for called, entry in value.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def spread(names: Iterable[str], most: int) -> list[str]:
    """Some of the names, evenly spread, with the middle one if it is one alone."""
    known = list(names)
    if len(known) <= most:
        return known
    if most == 1:
        return [known[len(known) // 2]]
    return [known[round(index * (len(known) - 1) / (most - 1))] for index in range(most)]


def settings_rows(settings: Settings) -> list[dict[str, Any]]:
    """Every setting of the run: ``section, key, value``, and whether it is ``changed`` from its default."""
    rows = []
    for name, section in vars(settings).items():
        if isinstance(section, Section):
            default = type(section)()
            # In the URL of the database a password may stand.
            rows += [
                {"section": name, "key": key, "value": str(value), "changed": value != getattr(default, key)}
                for key, value in vars(section).items()
                if (name, key) != ("database", "url")
            ]
    return rows
