"""How an observation stands: what is done, what runs and how far it is, what is lost, when it will end.

It is read from the manifests and jobs on the nodes, from the records on the head node and, where the run asks one, from
luigid. Nothing is written, no lease renewed, no lock taken.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import SipError
from sip_luigi.domain.observation import JobLayout
from sip_luigi.domain.product import Product
from sip_luigi.domain.standing import Standing, State, Tally, left_by_rate, tallied
from sip_luigi.domain.utc import age_s
from sip_luigi.execution.losses import LossRecords
from sip_luigi.execution.results import read_quality
from sip_luigi.execution.runs import RunningCommand
from sip_luigi.node.look import read_manifest
from sip_luigi.operation.estimate import expected_time
from sip_luigi.operation.history import history_of
from sip_luigi.operation.luigid import running_tasks
from sip_luigi.operation.nodes import Answers, ask_nodes
from sip_luigi.operation.observation import Looked, look
from sip_luigi.operation.plan import outcome
from sip_luigi.pipeline import ImagingPipeline
from sip_luigi.settings import Settings, load_settings
from sip_luigi.tasks.base import Stage
from sip_luigi.tasks.job_directories import job_layout, observations_with_jobs
from sip_luigi.tasks.node_stage import NodeStage
from sip_luigi.tasks.nodes import run_records

TAIL_BYTES = 1 << 16
"""Of a log, from which it is read how far a program is."""
STATES: Mapping[str, State] = {"done": "done", "cleared": "done", "lost": "lost", "passed": "passed"}
UNWATCHED_S = 60.0
"""A job that nobody has watched for so long is told of."""


def status_of(obs_id: str) -> dict[str, Any]:
    """How an observation stands.

    Returns
    -------
    dict
        ``state`` (``finished``, ``running``, ``unwatched``: jobs without a run, ``waiting``: something is left to do
        and nothing runs); ``fraction``; ``stages`` and ``nodes``: counts; ``running``: list of ``{task, node, progress,
        running_s}``; ``lost``: list of ``{task, stage, reason}``; ``runs``; ``scheduler``: ``{url, answers}`` or None;
        ``expected_s``: time that is left, None where nobody knows, and ``expected_by``: ``history`` or ``rate``;
        ``kept_out``; ``silent``: nodes that did not answer; ``verdict`` when results are there.
    """
    looked = look(obs_id)
    ctx = looked.ctx
    runs = run_records(ctx.settings).going_on(obs_id)
    jobs, silent = _jobs(looked)
    scheduler, given_out = _scheduler(runs, obs_id)
    standings = [_standing(task, jobs, given_out) for task in looked.tasks]
    left = [task for task, standing in zip(looked.tasks, standings, strict=True) if standing.state in OPEN]
    whole = Tally()
    for standing in standings:
        whole.count(standing)
    running = [standing for standing in standings if standing.state == "running"]
    expected_s, expected_by = _expected(looked, left, standings, runs, whole)
    return {
        "obs_id": obs_id,
        "state": _state(bool(left), bool(runs), bool(running)),
        "fraction": round(whole.fraction, 4),
        "counts": asdict(whole),
        "stages": [{"stage": name, **asdict(tally)} for name, tally in tallied(standings, "stage").items()],
        "nodes": [{"node": name, **asdict(tally)} for name, tally in tallied(standings, "node").items()],
        "running": [standing._asdict() for standing in running],
        "unwatched": _unwatched(jobs),
        "lost": lost(ctx.losses),
        "runs": [{"pid": run.pid, "host": run.host, "since_s": time.time() - run.started} for run in runs],
        "scheduler": scheduler,
        "expected_s": expected_s,
        "expected_by": expected_by,
        "kept_out": {name: asdict(state) for name, state in ctx.states.read().items()},
        "silent": silent,
        "verdict": verdict(ctx.layout) if not left else None,
    }


OPEN = ("running", "pending")


def _state(left: bool, runs: bool, running: bool) -> str:
    if not left:
        return "finished"
    if runs:
        return "running"
    return "unwatched" if running else "waiting"


def _jobs(looked: Looked) -> tuple[Answers, dict[str, str]]:
    ctx = looked.ctx
    wanted = [looked.obs_id, *([ctx.calibrator.layout.obs_id] if ctx.calibrator else ())]
    found: Answers = {}
    silent: dict[str, str] = {}
    for obs_id in wanted:
        answers, more = ask_nodes(ctx.settings, obs_id, "jobs", {"tail": TAIL_BYTES}, _plain(looked))
        silent |= more
        for node, answer in answers.items():
            found.setdefault(node, {})[obs_id] = {job["task"]: job for job in answer["jobs"]}
    return found, silent


def _plain(looked: Looked) -> dict[str, Any]:
    """Connections that do not wait for a node that is away."""
    return {name: getattr(way, "connection", way) for name, way in looked.ctx.connections.items()}


def _scheduler(
    runs: Iterable[RunningCommand], obs_id: str
) -> tuple[dict[str, Any] | None, dict[str, dict[str, Any]]]:
    url = next((run.scheduler for run in runs if run.scheduler), "")
    if not url:
        return None, {}
    found = running_tasks(url, obs_id)
    return {"url": url, "answers": found is not None}, found or {}


def _standing(task: Stage, jobs: Answers, given_out: Mapping[str, Any]) -> Standing:
    node = task.product().node
    job = jobs.get(node, {}).get(str(task.obs_id), {}).get(task.name, {})
    which = task.name, task.label, str(getattr(task, "subband", "")), node
    if job.get("running"):
        return Standing(*which, "running", _progress(task, job["tail"]), job["started_s"])
    # Results that are refused are results: a run would only refuse them again.
    if task.complete() or (isinstance(task, ImagingPipeline) and task.is_delivered()):
        return Standing(*which, STATES[outcome(task)])
    if task.task_id in given_out:
        started = given_out[task.task_id].get("time_running") or time.time()
        return Standing(*which, "running", None, time.time() - started)
    return Standing(*which, "pending")


def _progress(task: Stage, tail: str) -> float | None:
    return task.progress(tail) if isinstance(task, NodeStage) else None


def _unwatched(jobs: Answers) -> list[dict[str, Any]]:
    return [
        {"task": job["task"], "node": node, "unwatched_s": job["unwatched_s"]}
        for node, by_observation in jobs.items()
        for found in by_observation.values()
        for job in found.values()
        if job["running"] and job["unwatched_s"] > UNWATCHED_S
    ]


def _expected(
    looked: Looked,
    left: list[Stage],
    standings: list[Standing],
    runs: list[RunningCommand],
    whole: Tally,
) -> tuple[float | None, str]:
    """Time that is left: by what the stages took before, else by the rate of this run."""
    if not left:
        return 0.0, ""
    known = history_of(looked.ctx.settings, looked.obs_id).stages
    expected_s, _ = expected_time(looked, left, known)
    if expected_s is not None:
        # What runs has done a part of it.
        busy = [s for s in standings if s.state == "running" and s.progress]
        share = sum(s.progress or 0.0 for s in busy) / len(left)
        return expected_s * (1.0 - min(share, 1.0)), "history"
    if not runs:
        return None, ""
    elapsed_s = time.time() - runs[0].started
    made = [t for t in looked.tasks if (m := looked.found(t)) and m.made and age_s(m.made) <= elapsed_s]
    before = whole.fraction - len(made) / max(1, whole.total)
    by_rate = left_by_rate(before, whole.fraction, elapsed_s)
    return by_rate, "rate" if by_rate is not None else ""


def lost(losses: LossRecords) -> list[dict[str, str]]:
    """What was lost first; what followed from it is not told of."""
    return [
        {"task": name, "stage": manifest.loss.stage, "reason": manifest.loss.reason}
        for name, manifest in losses.lost().items()
        if manifest.loss and name.partition(".")[0] == manifest.loss.stage
    ]


def verdict(layout: JobLayout) -> dict[str, Any] | None:
    """Outcome and verdict of the results that were delivered; None where there are none."""
    figures = read_quality(layout)
    if not figures:
        return None
    names = (
        "outcome",
        "verdict",
        "reasons",
        "made",
        "n_sources",
        "rms_jy_beam",
        "subbands_used",
        "subbands_expected",
    )
    return {**{name: figures.get(name) for name in names}, "report": str(layout.results / "report.html")}


def overview() -> list[dict[str, Any]]:
    """One line for every observation that was ever begun: what the head node knows, no node is asked.

    Returns
    -------
    list of dict
        ``obs_id, state`` (``running``, ``delivered``, ``begun``), ``losses, outcome, verdict, delivered``.
    """
    settings = load_settings()
    return [_line(settings, obs_id) for obs_id in observations_with_jobs(settings)]


def _line(settings: Settings, obs_id: str) -> dict[str, Any]:
    layout = job_layout(settings, obs_id)
    runs = run_records(settings).going_on(obs_id)
    delivered = read_manifest(Path(Product("", str(layout.quality), "file").manifest_path))
    said = verdict(layout) or {}
    return {
        "obs_id": obs_id,
        "state": "running" if runs else "delivered" if delivered else "begun",
        "runs": len(runs),
        "losses": len(lost(LossRecords(layout.losses))),
        "outcome": said.get("outcome"),
        "verdict": said.get("verdict"),
        "delivered": delivered.made if delivered else None,
    }


def safely(obs_id: str) -> dict[str, Any]:
    """The same for one that is looked at again and again: an error is an answer, and passes."""
    try:
        return status_of(obs_id)
    except SipError as error:
        return {"obs_id": obs_id, "state": "unknown", "error": f"{type(error).__name__}: {error}"}
