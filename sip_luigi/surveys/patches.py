"""Group a sky model into patches, with LSMTool."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from sip_luigi.domain.errors import ConfigurationError, ProgramError
from sip_luigi.domain.skymodel import SkyModel
from sip_luigi.domain.skymodel_text import parse_skymodel

METHODS = ("none", "single", "every", "cluster", "tessellate")
"""``single``: one patch; ``every``: each source; ``cluster`` and ``tessellate`` as LSMTool does them."""
TIME_LIMIT_S = 600.0
TAIL = 1000


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
    ProgramError
        LSMTool failed.
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
        n_patches = min(n_patches, len(model.sources))
        _run(
            "-m", "sip_luigi.surveys.lsmtool_process", str(path), method, str(n_patches), str(target_flux_jy)
        )
        grouped = parse_skymodel(path.read_text(encoding="utf-8"), path)
    return SkyModel(grouped.sources, grouped.patches, model.header_comments)


def _run(*arguments: str) -> None:
    """Run it as a process: once imported, LSMTool changes how astropy reads and writes every table."""
    command = (sys.executable, *arguments)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    except subprocess.TimeoutExpired as error:
        raise ProgramError(f"LSMTool did not group the sky model within {TIME_LIMIT_S:g} s") from error
    if done.returncode:
        raise ProgramError(f"LSMTool could not group the sky model: {done.stderr[-TAIL:].strip()}")
