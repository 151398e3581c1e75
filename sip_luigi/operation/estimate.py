"""What work takes: time by what earlier runs took, room on the disks of the nodes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from sip_luigi.database.experience import Experience
from sip_luigi.domain.workload import Work, duration_s
from sip_luigi.operation.observation import Looked, in_order
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.node_stage import NodeStage
from sip_luigi.tasks.subband import SubbandNodeStage
from sip_luigi.tasks.transfer import is_local

SIZES_OF_RAW: Mapping[str, float] = {"copy": 1.0, "preprocess": 0.75, "calibrate": 0.75, "gather": 0.75}
"""Products in sizes of the raw data where nothing is known; those of a chain make up
:data:`sip_luigi.domain.placement.ROOM_FACTOR`."""


def expected_time(
    looked: Looked, tasks: Iterable[Stage], known: Mapping[str, Experience]
) -> tuple[float | None, list[str]]:
    """Time for some tasks in s, and the stages that nothing is known of; None where it is known of none."""
    tasks = list(tasks)
    order = {name: number for number, name in enumerate(in_order(looked.ctx.chain))}
    n_stages = len(order)
    work = [
        Work(
            getattr(task, "cycle", 0) * n_stages + order[task.task_family],
            task.product().node,
            known[task.stage].elapsed_s,
            task.cores if isinstance(task, NodeStage) else 1,
        )
        for task in tasks
        if task.stage in known
    ]
    unknown = sorted({task.stage for task in tasks} - known.keys())
    cores = {node.name: node.cores for node in looked.ctx.nodes}
    return (duration_s(work, cores) if work or not tasks else None), unknown


def expected_bytes(task: Stage, known: Mapping[str, Experience]) -> float:
    """Room that the product of a task takes on its node."""
    past = known.get(task.stage)
    if not isinstance(task, SubbandNodeStage):
        return past.size_bytes if past else 0.0
    if is_link(task):
        return 0.0
    per_raw_byte = (
        past.per_raw_byte if past and past.per_raw_byte is not None else SIZES_OF_RAW.get(task.stage, 0.0)
    )
    return per_raw_byte * task.raw.size_bytes


def is_link(task: SubbandNodeStage) -> bool:
    """Whether a product is a link to data that the node has already."""
    ctx, origins = task.ctx, {"copy": task.raw.node}
    if task.stage == "gather":
        origins["gather"] = task.dependencies["data"].product().node
    origin = origins.get(task.stage)
    linked = ctx.settings.layout.copy_mode == "link"
    return bool(origin and linked and is_local(ctx, origin, task.product().node))


def rooms(looked: Looked, tasks: Iterable[Stage], known: Mapping[str, Experience]) -> list[dict[str, Any]]:
    """Room that is needed on each compute node, and what is free there."""
    needed: dict[str, float] = defaultdict(float)
    for task in tasks:
        if isinstance(task, NodeStage):
            needed[task.product().node] += expected_bytes(task, known)
    return [
        {
            "node": node.name,
            "needed_bytes": round(needed[node.name]),
            "free_bytes": node.free_bytes,
            "enough": needed[node.name] <= node.free_bytes,
        }
        for node in looked.ctx.nodes
    ]
