"""Bring a MeasurementSet to where it is processed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import BadData, ProgramError
from sip_luigi.node.files import remove
from sip_luigi.node.look import describe_raw


def copy(request: dict[str, Any]) -> dict[str, Any]:
    """Link to a MeasurementSet that can be read in place, or take over what was transferred.

    Parameters
    ----------
    request : dict
        ``destination`` path; ``source`` to link to, or ``transfer``: the directory that a copy was written to,
        on the same file system; optional ``n_files`` and ``size_bytes`` that the data are known to have.

    Returns
    -------
    dict
        ``mode`` (``link`` or ``copy``), ``n_files`` and ``size_bytes`` of what now lies at the destination.

    Raises
    ------
    BadData
        The data are gone, or are not the ones that were described.
    """
    destination = Path(request["destination"])
    if "transfer" in request:
        mode = "copy"
        _take_over(Path(request["transfer"]), destination)
    else:
        mode = "link"
        _link(Path(request["source"]), destination)
    found = describe_raw(destination)
    for quantity in ("n_files", "size_bytes"):
        if found[quantity] != request.get(quantity, found[quantity]):
            raise BadData(
                f"{request['origin']}: {quantity} is {found[quantity]}, expected {request[quantity]}: the raw data "
                "changed since the run began; start again once they are complete"
            )
    return {"mode": mode, "n_files": found["n_files"], "size_bytes": found["size_bytes"]}


def _link(source: Path, destination: Path) -> None:
    if not source.is_dir():
        raise BadData(f"{source}: the MeasurementSet is gone; restore it, then retry the observation")
    destination.symlink_to(source)


def _take_over(transfer: Path, destination: Path) -> None:
    try:
        transfer.rename(destination)
    except OSError as error:
        raise ProgramError(
            f"{transfer}: what was copied is not there: {error}; it is copied again"
        ) from error
    # With it goes what copies of other versions left.
    remove(transfer.parent)
