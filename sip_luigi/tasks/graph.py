"""All tasks of a graph."""

from __future__ import annotations

from sip_luigi.tasks.base import Stage


def walk(root: Stage) -> list[Stage]:
    """Every task of a graph, once."""
    found: dict[str, Stage] = {}
    waiting = [root]
    while waiting:
        task = waiting.pop()
        if task.task_id not in found:
            found[task.task_id] = task
            waiting += task.dependencies.values()
    return list(found.values())
