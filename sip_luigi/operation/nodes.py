"""Ask all compute nodes something about an observation, whether or not they take work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from sip_luigi.execution.connection import Connection
from sip_luigi.settings import Settings
from sip_luigi.tasks.nodes import connect, read_cluster
from sip_luigi.tasks.survey import ask_all

Answers = dict[str, dict[str, Any]]


def ask_nodes(
    settings: Settings,
    obs_id: str,
    command: str,
    request: Mapping[str, Any],
    connections: Mapping[str, Connection] | None = None,
) -> tuple[Answers, dict[str, str]]:
    """Answers to a node command about the directory of an observation, and why nodes did not answer.

    Parameters
    ----------
    settings : Settings
        Which name the nodes.
    obs_id : str
        The observation.
    command : str
        A node command that takes the ``directory`` of an observation.
    request : mapping
        What else it takes.
    connections : mapping, optional
        Ways to the nodes that are open already.
    """
    cluster = read_cluster(settings)
    ways = connections or connect(settings, cluster)
    folders = {
        node.name: str(PurePosixPath(node.local_disks[0]) / settings.layout.working_directory / obs_id)
        for node in cluster.compute
    }
    answers = ask_all(folders, lambda name: ways[name].call(command, {**request, "directory": folders[name]}))
    silent = {name: str(answer) for name, answer in answers.items() if not isinstance(answer, dict)}
    return {name: answer for name, answer in answers.items() if isinstance(answer, dict)}, silent
