"""The commands of a stage: as they were run, as they will be, or as they can be foretold."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath
from typing import Any

from sip_luigi.domain.errors import SipError
from sip_luigi.domain.product import Manifest
from sip_luigi.execution.jobs import part_path
from sip_luigi.operation.observation import Looked
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.describe import DescribeSubband
from sip_luigi.tasks.node_stage import NodeStage, Steps

RUN, NEXT, FORETOLD, UNKNOWN = "as run", "as it will run", "foretold", "not known yet"
DESCRIBED_AT_ONCE = 8


class Foreteller:
    """Manifests of products, and of those that are not there what can be foretold of them.

    Parameters
    ----------
    looked : Looked
        The observation.
    """

    def __init__(self, looked: Looked) -> None:
        self.looked = looked
        self._known: dict[str, tuple[Manifest | None, bool]] = {}

    def manifest(self, task: Stage) -> tuple[Manifest | None, bool]:
        """What is, or will be, known of a product, and whether it was foretold; None where it cannot be told."""
        if task.task_id not in self._known:
            self._known[task.task_id] = self._manifest(task)
        return self._known[task.task_id]

    def describe(self) -> None:
        """Have all subbands described that have not been, several nodes at once; one that refuses is told of later."""
        tasks = [
            task for task in self.looked.tasks if isinstance(task, DescribeSubband) and not task.complete()
        ]
        with ThreadPoolExecutor(DESCRIBED_AT_ONCE) as pool:
            list(pool.map(self.manifest, tasks))

    def _manifest(self, task: Stage) -> tuple[Manifest | None, bool]:
        present = task.output().manifest()
        if present is not None:
            return present, False
        inputs, _ = self.inputs(task)
        if inputs is None:
            return None, True
        try:
            measures = task.foretell(inputs)
        except (SipError, OSError, KeyError):
            return None, True
        return (
            Manifest(task.key, task.stage, task.version, measures=measures) if measures is not None else None
        ), True

    def inputs(self, task: Stage) -> tuple[dict[str, Manifest] | None, bool]:
        """The same of all inputs of a task."""
        found = {role: self.manifest(needed) for role, needed in task.dependencies.items()}
        known = {role: manifest for role, (manifest, _) in found.items() if manifest}
        return (known if len(known) == len(found) else None), any(foretold for _, foretold in found.values())


def commands(looked: Looked, tasks: Iterable[Stage]) -> list[dict[str, Any]]:
    """What the jobs of some tasks do.

    Returns
    -------
    list of dict
        ``task, node``; ``state``, one of :data:`RUN`, :data:`NEXT`, :data:`FORETOLD`, :data:`UNKNOWN`; ``lines``,
        commands and what the node does itself; ``parsets``, texts by name; ``note``.
    """
    foreteller = Foreteller(looked)
    foreteller.describe()
    return [_of(foreteller, task) for task in tasks if isinstance(task, NodeStage)]


def _of(foreteller: Foreteller, task: NodeStage) -> dict[str, Any]:
    entry = {"task": task.name, "node": task.product().node, "parsets": {}, "note": ""}
    manifest = task.output().manifest()
    if task.complete() and manifest:
        kept = {path.name: path.read_text(encoding="utf-8") for path in _kept_parsets(task)}
        lines = [shlex.join(argv) for argv in manifest.commands]
        note = manifest.passed or (manifest.loss.reason if manifest.loss else "")
        return {**entry, "state": RUN, "lines": lines, "parsets": kept, "note": note}
    inputs, foretold = foreteller.inputs(task)
    if inputs is None:
        missing = [
            needed.name for needed in task.dependencies.values() if foreteller.manifest(needed)[0] is None
        ]
        return {
            **entry,
            "state": UNKNOWN,
            "lines": [],
            "note": f"depends on what {', '.join(missing[:3])} will find",
        }
    try:
        task.refuse_lost(inputs)
        steps = task.steps(inputs, part_path(task.product(), task.key))
    except (SipError, OSError, KeyError) as error:
        return {**entry, "state": UNKNOWN, "lines": [], "note": f"cannot be told now: {error}"}
    note = "its inputs are not there yet; what is measured of them may change numbers" if foretold else ""
    parsets = {
        PurePosixPath(step["write"]).name: step["text"]
        for step in steps
        if "write" in step and step["write"].endswith(".parset")
    }
    return {
        **entry,
        "state": FORETOLD if foretold else NEXT,
        "lines": _lines(steps),
        "parsets": parsets,
        "note": note,
    }


def _kept_parsets(task: NodeStage) -> list[Any]:
    folder = task.ctx.layout.parsets
    return sorted(path for path in folder.glob("*.parset") if path.name.startswith(f"{task.name}."))


def _lines(steps: Steps) -> list[str]:
    return [
        shlex.join(step["argv"]) if "argv" in step else f"# the node: {step['call']}"
        for step in steps
        if "argv" in step or "call" in step
    ]
