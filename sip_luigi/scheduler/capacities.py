"""What the nodes can take, as far as it is known without asking them."""

from __future__ import annotations

import os

from luigi.configuration import get_config

from sip_luigi.scheduling import node_capacities
from sip_luigi.settings import Settings
from sip_luigi.tasks.nodes import read_cluster


def known_capacities(settings: Settings) -> dict[str, int]:
    """Luigi's resources: of the cluster description, and what ``[resources]`` says beside or against it.

    How many cores a node has that shall use all of them, the first run of the pipeline tells.
    """
    chosen = settings.cluster
    cores = chosen.cores or (len(os.sched_getaffinity(0)) if chosen.execution == "local" else 0)
    found: dict[str, int] = {}
    for node in read_cluster(settings).compute:
        found |= node_capacities(node.name, cores, chosen.disk_streams)
    return {**found, **get_config().getintdict("resources")}
