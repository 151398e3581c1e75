"""How the simulator starts modules of this package as processes of their own."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from sip_luigi.programs.environment import casarc_text, tool_environment

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
"""The directory in which the package `sip_luigi` lies."""


def child_environment(directory: Path) -> dict[str, str]:
    """Give the environment of a child process that loads casacore or EveryBeam.

    One thread for linear algebra: the work is shared out among processes, and results must not depend on the
    number of threads.

    Parameters
    ----------
    directory : Path
        Where the casarc file is written.

    Returns
    -------
    dict
        The present environment with everything that the libraries look for.
    """
    casarc = directory / "casarc"
    casarc.write_text(casarc_text(), encoding="utf-8")
    found = {"OMP_NUM_THREADS": "1", **tool_environment(str(casarc))}
    roots = [str(PACKAGE_ROOT), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, **found, "PYTHONPATH": os.pathsep.join(filter(None, roots))}


def python_module(module: str, *arguments: str) -> tuple[str, ...]:
    """Give the arguments that run a module of this package with the running Python."""
    return (sys.executable, "-m", module, *arguments)
