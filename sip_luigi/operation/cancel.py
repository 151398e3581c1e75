"""End everything of an observation: the runs on this machine, then their jobs on all nodes."""

from __future__ import annotations

from typing import Any

from sip_luigi.domain.observation import check_obs_id
from sip_luigi.execution.runs import RunningCommand, end
from sip_luigi.operation.known import require_known
from sip_luigi.operation.nodes import ask_nodes
from sip_luigi.settings import Settings, load_settings
from sip_luigi.tasks.nodes import run_records

ROUNDS = 3
"""Looks for jobs that were being started while the runs ended."""


def cancel(obs_id: str) -> dict[str, Any]:
    """End the runs of an observation and their jobs; what is made stays.

    Returns
    -------
    dict
        ``runs``: list of ``{pid, host, ended}``; ``jobs``: by node the tasks that were ended; ``left``: by node those
        that could not be; ``silent``: nodes that did not answer, with the error.
    """
    settings = load_settings()
    check_obs_id(obs_id)
    require_known(settings, obs_id)
    runs = run_records(settings).going_on(obs_id)
    told = [{"pid": run.pid, "host": run.host, "ended": run.is_here and end(run)} for run in runs]
    jobs: dict[str, list[str]] = {}
    left: dict[str, list[str]] = {}
    silent: dict[str, str] = {}
    for whose in _whose(settings, obs_id, runs):
        for _ in range(ROUNDS):
            answers, silent = ask_nodes(settings, whose, "end_jobs", {})
            for node, answer in answers.items():
                jobs.setdefault(node, []).extend(answer["ended"])
                left[node] = answer["left"]
            if not any(answer["ended"] for answer in answers.values()):
                break
    return {
        "obs_id": obs_id,
        "runs": told,
        "jobs": {node: tasks for node, tasks in jobs.items() if tasks},
        "left": {node: tasks for node, tasks in left.items() if tasks},
        "silent": silent,
        "lease_s": settings.cluster.lease_s,
    }


def _whose(settings: Settings, obs_id: str, runs: list[RunningCommand]) -> list[str]:
    """Observations whose jobs end: this one, and a calibrator's that nobody else's run works at."""
    calibrators = {name for run in runs for name in run.obs_ids} - {obs_id}
    others = {name for run in run_records(settings).going_on() if run not in runs for name in run.obs_ids}
    return [obs_id, *sorted(calibrators - others)]
