"""Group a sky model into patches, with LSMTool."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.skymodel import SkyModel, parse_skymodel

METHODS = ("none", "single", "every", "cluster", "tessellate", "threshold")
"""``single``: one patch; ``every``: each source; the others as LSMTool does them."""


def group(model: SkyModel, method: str, n_patches: int = 10, target_flux_jy: float = 1.0) -> SkyModel:
    """Group the sources of a model.

    Parameters
    ----------
    model : SkyModel
        At least one source.
    method : str
        One of :data:`METHODS`.
    n_patches : int
        For ``cluster``.
    target_flux_jy : float
        Smallest total flux of a patch, for ``tessellate``.

    Raises
    ------
    ConfigurationError
        There is no such method.
    """
    if method not in METHODS:
        raise ConfigurationError(f"patches = {method!r}: expected one of {', '.join(METHODS)}")
    if method == "none":
        return model
    if method == "single":
        return model.in_one_patch()
    with tempfile.TemporaryDirectory(prefix="sip-patches-") as folder:
        path = Path(folder) / "model.skymodel"
        path.write_text(model.text(), encoding="utf-8")
        _group(path, method, n_patches, target_flux_jy)
        grouped = parse_skymodel(path.read_text(encoding="utf-8"), path)
    return SkyModel(grouped.sources, grouped.patches, model.header_comments)


def _group(path: Path, method: str, n_patches: int, target_flux_jy: float) -> None:
    import lsmtool  # noqa: PLC0415 - it takes a while, and few need it

    logging.getLogger("lsmtool").setLevel(logging.WARNING)
    model = lsmtool.load(str(path))
    if method == "cluster":
        model.group("cluster", numClusters=max(1, min(n_patches, len(model))))
    elif method == "tessellate":
        model.group("tessellate", targetFlux=f"{target_flux_jy} Jy")
    else:
        model.group(method)
    model.setPatchPositions(method="wmean")
    model.write(str(path), format="makesourcedb", clobber=True)
