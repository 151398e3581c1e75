"""Which observations there are."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

from sip_luigi.domain.errors import SipError, UnknownObservation
from sip_luigi.settings import Settings, load_settings
from sip_luigi.tasks.context import connect, job_layout, read_cluster
from sip_luigi.tasks.survey import ask_all

MOST = 3
"""Ids that are suggested."""


def observations_with_jobs(settings: Settings | None = None) -> list[str]:
    """Observations that have a job directory."""
    settings = settings or load_settings()
    pattern = job_layout(settings, "X").directory
    depth = next((n for n, name in enumerate(pattern.parts) if "X" in name), len(pattern.parts) - 1)
    root, name = Path(*pattern.parts[:depth]), pattern.parts[depth]
    template = job_layout(settings, "OBS-ID").directory.parts[depth] if depth < len(pattern.parts) else name
    matches = re.compile(re.escape(template).replace(re.escape("OBS-ID"), "(.+)")).fullmatch
    if not root.is_dir():
        return []
    found = [match[1] for path in root.iterdir() if path.is_dir() and (match := matches(path.name))]
    return sorted(found)


def observations_with_data(settings: Settings) -> list[str]:
    """Observations of which there are raw data on storage nodes that answer."""
    pattern = settings.layout.raw_pattern
    cluster = read_cluster(settings)
    connections = connect(settings, cluster)
    requests = {
        node.name: {
            "raw": {
                "directories": list(node.local_disks),
                "pattern": pattern.replace("{obs_id}", "*"),
                "obs_id": "",
            }
        }
        for node in cluster.storage
    }
    answers = ask_all(requests, lambda name: connections[name].call("look", requests[name]))
    first = pattern.replace("{obs_id}", "\0").split("\0")[-1].split("*")[0]
    names = [
        Path(entry["path"]).name
        for answer in answers.values()
        if isinstance(answer, dict)
        for entry in answer["raw"]
    ]
    return sorted({name.split(first)[0] for name in names if first and first in name})


def require_known(settings: Settings, obs_id: str) -> None:
    """Refuse an observation that has no job directory.

    Raises
    ------
    UnknownObservation
        Nothing was ever run of it.
    """
    directory = job_layout(settings, obs_id).directory
    if not directory.is_dir():
        raise UnknownObservation(
            f"observation {obs_id}: nothing was run of it, there is no {directory}", obs_id
        )


def close_to(obs_id: str) -> list[str]:
    """Ids of observations that are like one that there is not."""
    try:
        settings = load_settings()
        known = {*observations_with_jobs(settings), *observations_with_data(settings)} - {obs_id}
    except SipError:
        return []
    return difflib.get_close_matches(obs_id, sorted(known), n=MOST, cutoff=0.7)
