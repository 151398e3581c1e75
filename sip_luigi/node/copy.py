"""Bring a raw MeasurementSet to where it is processed."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import BadData
from sip_luigi.node.look import describe_raw


def copy(request: dict[str, Any]) -> dict[str, Any]:
    """Copy a raw MeasurementSet, or link to it where it can be read in place.

    Parameters
    ----------
    request : dict
        ``source`` and ``destination`` paths; ``mode``: ``link`` or ``copy``; ``n_files`` and ``size_bytes``
        that the raw data are known to have.

    Returns
    -------
    dict
        ``mode``, ``n_files`` and ``size_bytes`` of what now lies at the destination.

    Raises
    ------
    BadData
        The data are gone, or are not the ones that were described.
    """
    source, destination = Path(request["source"]), Path(request["destination"])
    if not source.is_dir():
        raise BadData(f"{source}: the raw MeasurementSet is gone; restore it, then retry the observation")
    if request["mode"] == "link":
        destination.symlink_to(source)
    else:
        shutil.copytree(source, destination)
    found = describe_raw(destination)
    for quantity in ("n_files", "size_bytes"):
        if found[quantity] != request[quantity]:
            raise BadData(
                f"{source}: {quantity} is {found[quantity]}, expected {request[quantity]}: the raw data changed "
                "since the run began; start again once they are complete"
            )
    return {"mode": request["mode"], "n_files": found["n_files"], "size_bytes": found["size_bytes"]}
