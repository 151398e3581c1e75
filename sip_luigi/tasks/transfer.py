"""How a MeasurementSet comes from one node to another."""

from __future__ import annotations

import posixpath
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from sip_luigi.domain.clusterdesc import ClusterDesc, match_filesystem
from sip_luigi.domain.product import Product
from sip_luigi.programs.rsync import rsync_command
from sip_luigi.tasks.context import Context
from sip_luigi.tasks.node_stage import Steps


def transfer_steps(
    ctx: Context, origin: Product, product: Product, part: str, measurementset: str, known: dict[str, Any]
) -> Steps:
    """Steps of a job on the node of `product` that put the MeasurementSet `origin` into it.

    Nothing goes through the head node: the node takes the data from where they are, as a link, through a
    mounted disk, or over ssh.

    Parameters
    ----------
    ctx : Context
        Nodes and settings.
    origin : Product
        The MeasurementSet and its node.
    product : Product
        What the job makes.
    part : str
        Where the job makes it.
    measurementset : str
        Name inside the product.
    known : dict
        ``n_files`` and ``size_bytes``, where they are known.
    """
    chosen = ctx.settings.cluster
    request = {**known, "destination": f"{part}/{measurementset}", "origin": origin.name}
    local = is_local(ctx, origin.node, product.node)
    if local and ctx.settings.layout.copy_mode == "link":
        return ({"call": "copy", "request": {**request, "source": origin.path}},)
    here = origin.path if local else mounted_path(ctx.cluster, origin, product.node)
    # Kept when the copy is interrupted: the next one goes on from there.
    folder = PurePosixPath(product.path).parent / ".transfer" / PurePosixPath(product.path).name
    transfer = str(folder / posixpath.basename(part).rpartition("-")[2])
    command = (
        partial(rsync_command, here, transfer)
        if here
        else partial(
            rsync_command,
            origin.path,
            transfer,
            node=origin.node,
            ssh_config=chosen.node_ssh_config,
            cipher=chosen.ssh_cipher,
        )
    )
    resumed = {"path": transfer, "argv": list(command(resumed=True))}
    return (
        {"argv": list(command()), "if_there": resumed},
        {"call": "copy", "request": {**request, "transfer": transfer}},
    )


def is_local(ctx: Context, node: str, other: str) -> bool:
    """Whether two nodes are the same machine."""
    return node == other or ctx.settings.cluster.execution == "local"


def mounted_path(cluster: ClusterDesc, origin: Product, node: str) -> str:
    """Path of a product as another node sees it on a mounted disk; empty when it does not."""
    for owner in (entry for entry in cluster.nodes if entry.name == origin.node):
        for disk in owner.local_disks:
            if not PurePosixPath(origin.path).is_relative_to(disk):
                continue
            for mount in match_filesystem(f"{origin.node}:{disk}", cluster):
                if mount.node.name == node:
                    return str(PurePosixPath(mount.disk) / PurePosixPath(origin.path).relative_to(disk))
    return ""
