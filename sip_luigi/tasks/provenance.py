"""Have the database know of a run what ran where, with what, and for how long.

Best effort: a database that cannot be written is warned of, and is no reason for a run to fail.
"""

from __future__ import annotations

import json
import logging
import os
import platform
import re
import socket
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import luigi

from sip_luigi import __version__
from sip_luigi.database.access import shared_database
from sip_luigi.database.engine import Database
from sip_luigi.database.provenance import Made, Record, RunStart, begin_run, end_run
from sip_luigi.database.versions import username
from sip_luigi.domain.errors import SipError
from sip_luigi.domain.setting import Section
from sip_luigi.node.process import process_start_time
from sip_luigi.settings import Settings
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.graph import walk
from sip_luigi.tasks.head_stage import HeadStage, timestamp
from sip_luigi.tasks.update_database import observation_columns

logger = logging.getLogger("sip_luigi")

PACKAGES = ("luigi", "dp3", "everybeam", "bdsf", "python-casacore", "astropy", "numpy")
_PASSWORD = re.compile(r"(://[^:/@\s]*:)[^@\s]*@")
WAIT_S = 5.0
"""Nobody waits long for the sake of a record."""
DONE, FAILED, INTERRUPTED = "done", "failed", "interrupted"


@dataclass
class Outcome:
    """How a run ends; whoever runs it sets it."""

    word: str = INTERRUPTED


@contextmanager
def recorded(tasks: Iterable[luigi.Task]) -> Iterator[Outcome]:
    """Record the runs of these tasks for the length of a ``with`` block; not of those with nothing to do."""
    outcome = Outcome()
    begun = [entry for task in tasks if isinstance(task, Stage) and (entry := _begin(task))]
    try:
        yield outcome
    except Exception:
        outcome.word = FAILED
        raise
    finally:
        for root, database, run_id in begun:
            _end(root, database, run_id, outcome.word)


def _begin(root: Stage) -> tuple[Stage, Database, str] | None:
    settings = root.ctx.settings
    if not settings.database.record_runs or root.ctx.complete.get(root.task_id):
        return None
    try:
        database = shared_database(settings)
        if database is None:
            return None
        database = replace(database, wait_s=min(WAIT_S, database.wait_s))
        run = run_start(root)
        begin_run(database, run)
    except SipError as error:
        logger.warning("this run is not recorded: %s", error)
        return None
    except Exception:
        # A mistake in what nobody needs for an image must not cost one.
        logger.exception("this run is not recorded")
        return None
    return root, database, run.run_id


def _end(root: Stage, database: Database, run_id: str, outcome: str) -> None:
    try:
        end_run(database, run_id, outcome, timestamp(), *records_of(root))
    except SipError as error:
        logger.warning(
            "how this run ended is not recorded, the next one will tell of its products: %s", error
        )
    except Exception:
        logger.exception("how this run ended is not recorded")


def run_start(root: Stage) -> RunStart:
    """What is known of a run when it begins."""
    pid = os.getpid()
    return RunStart(
        run_id=uuid.uuid4().hex,
        obs_id=str(root.obs_id),
        task=root.task_family,
        host=socket.gethostname(),
        pid=pid,
        process_start=process_start_time(pid),
        username=username(),
        command=command_line(),
        software=software(),
        settings=settings_json(root.ctx.settings),
        started=timestamp(),
    )


def command_line() -> list[str]:
    """The command of this process, without passwords."""
    return [_PASSWORD.sub(r"\1***@", text) for text in (Path(sys.argv[0]).name, *sys.argv[1:])]


def software() -> dict[str, str]:
    """Versions by name of what runs here."""
    return {
        "sip_luigi": __version__,
        "python": platform.python_version(),
        **{name: installed_version(name) for name in PACKAGES},
    }


def settings_json(settings: Settings) -> dict[str, Any]:
    """All settings but the URL of the database, in which a password may stand."""
    sections = {name: value for name, value in vars(settings).items() if isinstance(value, Section)}
    told = {name: dict(vars(section)) for name, section in sections.items()}
    told["database"].pop("url")
    return {"runtime_directory": str(settings.runtime_directory), **told}


def records_of(root: Stage) -> list[Record]:
    """All that there is of the observation of a task, and of those that it needs, looked at afresh."""
    tasks = [*walk(root), *root.afterwards()]
    found = root.ctx.index.look(task.product() for task in tasks)
    of_observation: dict[str, list[tuple[Stage, Any]]] = {}
    for task in tasks:
        manifest = task.output().judge(found[task.product()])
        of_observation.setdefault(str(task.obs_id), []).append((task, manifest))
    return [_record(obs_id, judged) for obs_id, judged in of_observation.items()]


def _record(obs_id: str, judged: list[tuple[Stage, Any]]) -> Record:
    there = {task.stage: (task, manifest) for task, manifest in judged if manifest}
    _, described = there.get("gvds", (None, None))
    report, _ = there.get("quality_report", (None, None))
    return Record(
        obs_id=obs_id,
        observation=observation_columns(described.measures) if described and not described.loss else {},
        subbands=_subbands(judged[0][0]),
        made=[_made(task, manifest) for task, manifest in judged if manifest],
        quality=_quality(report) if report else {},
        quality_key=report.key if report else "",
    )


def _made(task: Stage, manifest: Any) -> Made:
    product = task.product()
    return Made(
        name=task.name,
        subband=str(getattr(task, "subband", "")),
        cycle=getattr(task, "cycle", None),
        node=product.node,
        path=product.path,
        manifest=manifest,
        # As JSON, so that what is compared later is what was written.
        settings=json.loads(json.dumps(task.recipe_settings())),
        inputs={role: needed.key for role, needed in task.dependencies.items()},
    )


def _subbands(task: Stage) -> list[dict[str, Any]]:
    return [
        {
            "name": subband.name,
            "raw_node": subband.node,
            "raw_path": subband.path,
            "size_bytes": subband.size_bytes,
            "compute_node": task.ctx.compute_node(subband).name,
        }
        for subband in task.ctx.subbands
    ]


def _quality(report: Stage) -> dict[str, Any]:
    if not isinstance(report, HeadStage):
        return {}
    path = report.path() / "quality.json"
    try:
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        logger.warning("%s: cannot be read, its figures are not recorded: %s", path, error)
        return {}
    return figures
