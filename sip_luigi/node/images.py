"""Finish what the imager wrote: plain names, provenance, nothing that nobody asked for."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from astropy.io import fits

from sip_luigi.domain.errors import BadData


def finish_images(request: dict[str, Any]) -> dict[str, Any]:
    """Rename the images that are kept, write where they come from, and remove the others.

    Parameters
    ----------
    request : dict
        ``folder``; ``keep``: new name by the imager's name; ``copies``: new name by the (new) name of what
        it is a copy of; ``header``: keywords for all of them; ``history``: lines for ``HISTORY``.

    Returns
    -------
    dict
        ``files``: the names that are left.
    """
    folder = Path(request["folder"])
    written = set(folder.glob("*.fits"))
    kept = {folder / old: folder / new for old, new in request["keep"].items()}
    missing = [path.name for path in kept if path not in written]
    if missing:
        raise BadData(f"{folder}: the imager did not write {', '.join(missing)}; its log says why")
    for path in written - set(kept):
        path.unlink()
    for old, new in kept.items():
        old.rename(new)
        _annotate(new, request["header"], request["history"])
    for source, copy in request.get("copies", {}).items():
        shutil.copyfile(folder / source, folder / copy)
    return {"files": sorted(path.name for path in folder.glob("*.fits"))}


def _annotate(path: Path, header: dict[str, Any], history: list[str]) -> None:
    with fits.open(path, mode="update") as hdus:
        for key, value in header.items():
            hdus[0].header[key] = value
        for line in history:
            hdus[0].header.add_history(line)
