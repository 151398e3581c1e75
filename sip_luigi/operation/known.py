"""Which observations there are."""

from __future__ import annotations

import difflib

from sip_luigi.domain.errors import SipError, UnknownObservation
from sip_luigi.node.observations import PLACEHOLDER
from sip_luigi.settings import Settings, load_settings
from sip_luigi.tasks.job_directories import job_layout, observations_with_jobs
from sip_luigi.tasks.nodes import connect, read_cluster
from sip_luigi.tasks.survey import ask_all

MOST = 3
"""Ids that are suggested."""


def observations_with_data(settings: Settings) -> list[str]:
    """Observations of which there are raw data on storage nodes that answer."""
    pattern = settings.layout.raw_pattern
    if PLACEHOLDER not in pattern:
        return []
    cluster = read_cluster(settings)
    connections = connect(settings, cluster)
    disks = {node.name: list(node.local_disks) for node in cluster.storage}
    answers = ask_all(
        disks,
        lambda name: connections[name].call(
            "find_observations", {"directories": disks[name], "pattern": pattern}
        ),
    )
    return sorted(
        {name for found in answers.values() if isinstance(found, dict) for name in found["observations"]}
    )


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
