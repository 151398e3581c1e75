"""Logs of an observation: those on the head node, and of what still runs unwatched, those on the nodes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.observation import check_obs_id
from sip_luigi.execution.losses import LossRecords
from sip_luigi.operation.known import require_known
from sip_luigi.operation.nodes import ask_nodes
from sip_luigi.settings import Settings, load_settings
from sip_luigi.tasks.job_directories import job_layout
from sip_luigi.tasks.nodes import connect, read_cluster, run_records

PIPELINE = "pipeline"
"""Name of the log of the runs."""
FAILED_OUTCOMES = frozenset(
    {"failed", "bad_data", "bad_product", "disk_full", "timeout", "expired", "cancelled"}
)
BLOCK = 1 << 16
PAUSE_S = 0.5
NODES_S = 5.0
"""Between two looks at nodes for jobs that nobody watches."""


@dataclass(frozen=True)
class Log:
    """One log.

    Attributes
    ----------
    task : str
        Name of the task, or :data:`PIPELINE`.
    path : Path
        On the head node.
    node, directory : str
        Where a job writes it that runs and that nobody watches; empty otherwise.
    said : str
        How its job ended, where that was not well.
    """

    task: str
    path: Path
    node: str = ""
    directory: str = ""
    said: str = ""

    @property
    def parts(self) -> list[str]:
        """Stage, subband and cycle of the task."""
        return self.task.split(".")


class Logs:
    """The logs of an observation.

    Parameters
    ----------
    obs_id : str
        The observation.
    """

    def __init__(self, obs_id: str) -> None:
        self.settings: Settings = load_settings()
        check_obs_id(obs_id)
        require_known(self.settings, obs_id)
        self.obs_id = obs_id
        self.layout = job_layout(self.settings, obs_id)
        self._connections = connect(self.settings, read_cluster(self.settings))

    def find(self, stage: str = "", subband: str = "", *, failed: bool = False) -> list[Log]:
        """Logs of a stage, of a subband, of what failed; of the runs alone when nothing is asked for.

        Raises
        ------
        ConfigurationError
            There is no such log.
        """
        if not (stage or subband or failed):
            return [Log(PIPELINE, self.layout.logs / f"{PIPELINE}.log")]
        jobs = self._jobs()
        lost = LossRecords(self.layout.losses).lost()
        names = {path.stem for path in self.layout.logs.glob("*.log")} | jobs.keys()
        found = [self._log(name, jobs.get(name, {}), lost) for name in sorted(names)]
        chosen = [
            log
            for log in found
            if (not stage or stage in (log.parts[0], log.task)) and (not subband or subband in log.parts[1:])
        ]
        if failed:
            return [log for log in chosen if log.said]
        if not chosen:
            stages = sorted({log.parts[0] for log in found})
            what = f"{stage} {subband}".strip()
            raise ConfigurationError(
                f"{self.obs_id}: no log of {what}; there are logs of {', '.join(stages)}"
            )
        return chosen

    def _jobs(self) -> dict[str, dict[str, Any]]:
        answers, _ = ask_nodes(self.settings, self.obs_id, "jobs", {}, self._connections)
        return {
            job["task"]: {**job, "node": node} for node, answer in answers.items() for job in answer["jobs"]
        }

    def _log(self, name: str, job: dict[str, Any], lost: dict[str, Any]) -> Log:
        path = self.layout.logs / f"{name}.log"
        said = job.get("message", "") if job.get("outcome") in FAILED_OUTCOMES else ""
        if name in lost and lost[name].loss.stage == name.partition(".")[0]:
            said = said or str(lost[name].loss.reason)
        # A job that is watched has its log here, up to the last poll.
        unwatched = job.get("running") and not run_records(self.settings).going_on(self.obs_id)
        node, directory = (job["node"], job["directory"]) if unwatched else ("", "")
        return Log(name, path, node, directory, said)

    def read(self, log: Log, offset: int = 0) -> tuple[str, int]:
        """Text of a log from an offset, and where that ends."""
        if log.node:
            request = {"directory": log.directory, "offset": offset}
            answer = self._connections[log.node].call("read_log", request)
            return answer["log"], answer["offset"]
        try:
            with log.path.open("rb") as stream:
                stream.seek(offset)
                chunk = stream.read()
        except FileNotFoundError:
            return "", 0
        return chunk.decode("utf-8", errors="replace"), offset + len(chunk)

    def tail(self, log: Log, lines: int) -> tuple[str, int]:
        """The last lines of a log, and where it ends."""
        text, end = self.read(log)
        while log.node and (more := self.read(log, end))[0]:
            text, end = text + more[0], more[1]
        kept = text.splitlines(keepends=True)
        return "".join(kept[-lines:] if lines else kept), end

    def follow(
        self, find: Callable[[], Iterable[Log]], offsets: dict[str, int], tell: Callable[[Log, str], None]
    ) -> None:
        """Tell what is added to logs, also to those that begin later, until interrupted."""
        looked, logs = 0.0, list(find())
        while True:
            if time.monotonic() - looked > NODES_S:
                looked, logs = time.monotonic(), list(find())
            for log in logs:
                known = offsets.get(log.task, 0)
                if not log.node and log.path.exists() and log.path.stat().st_size < known:
                    # Begun anew: the task is tried again.
                    known = 0
                text, offsets[log.task] = self.read(log, known)
                if text:
                    tell(log, text)
            time.sleep(PAUSE_S)
