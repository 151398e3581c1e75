"""The jobs of an observation on a node: what they are, and their end. Looking renews no lease and takes no lock."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from sip_luigi.node import job


def jobs(request: dict[str, Any]) -> dict[str, Any]:
    """Tell of every job of an observation that a node knows.

    Parameters
    ----------
    request : dict
        ``directory`` of the observation on the node; ``tail``: so many bytes of the log of what runs.

    Returns
    -------
    dict
        ``jobs``: list of ``{task, stage, directory, running, outcome, message, started_s, unwatched_s, log_bytes,
        tail}``: whether it runs, how it ended (empty when it did not say), for how long it has run, for how long nobody
        has watched it.
    """
    found = [_told(folder, int(request.get("tail", 0))) for folder in _folders(Path(request["directory"]))]
    return {"jobs": sorted(found, key=lambda entry: str(entry["task"]))}


def end_jobs(request: dict[str, Any]) -> dict[str, Any]:
    """End every job of an observation on a node; ``{"ended": [task], "left": [task]}``."""
    ended: list[str] = []
    left: list[str] = []
    for folder in _folders(Path(request["directory"])):
        if job.is_alive(folder):
            job.cancel({"directory": str(folder)})
            (left if job.is_alive(folder) else ended).append(folder.name)
    return {"ended": sorted(ended), "left": sorted(left)}


def read_log(request: dict[str, Any]) -> dict[str, Any]:
    """Text of a job's log from ``offset``; ``{"log", "offset", "running"}``."""
    folder = Path(request["directory"])
    running = job.has_supervisor(folder)
    text, offset, _ = job.read_log(folder / "log", int(request.get("offset", 0)))
    return {"log": text, "offset": offset, "running": running}


def _folders(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("*/.jobs/*") if path.is_dir())


def _told(folder: Path, tail: int) -> dict[str, Any]:
    running = job.has_supervisor(folder)
    status, spec = job.read_json(folder / "status.json"), job.read_json(folder / "spec.json")
    now, log = time.time(), folder / "log"
    return {
        "task": folder.name,
        "stage": spec.get("stage", ""),
        "directory": str(folder),
        "running": running,
        "outcome": "" if running else status.get("outcome", ""),
        "message": status.get("message", ""),
        "started_s": now - _mtime(folder / "spec.json", now) if running else 0.0,
        "unwatched_s": now - _mtime(folder / "lease", now),
        "log_bytes": log.stat().st_size if log.exists() else 0,
        "tail": _tail(log, tail) if running and tail else "",
    }


def _mtime(path: Path, otherwise: float) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return otherwise


def _tail(log: Path, n_bytes: int) -> str:
    try:
        with log.open("rb") as stream:
            stream.seek(max(0, log.stat().st_size - n_bytes))
            return stream.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
