"""What the programs look for outside their own files, found beside the running Python.

The wheels of DP3, EveryBeam and casacore carry their data, but the libraries inside look where they were
built.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from sip_luigi.domain.errors import ConfigurationError


def tool_environment(casarc_path: str) -> dict[str, str]:
    """Variables without which a program does not start or finds no tables.

    Parameters
    ----------
    casarc_path : str
        File that holds :func:`casarc_text`.

    Returns
    -------
    dict
        ``PATH`` (programs installed beside this Python come first, whether or not its environment is
        activated), ``OPENBLAS_NUM_THREADS`` (DP3 refuses to start when it is not 1), ``CASARCFILES`` (leap
        seconds, Earth orientation) and ``EVERYBEAM_DATADIR`` (element beams; left out when the wheel
        has no data).
    """
    environment = {"PATH": tool_path(), "OPENBLAS_NUM_THREADS": "1", "CASARCFILES": casarc_path}
    elements = _element_beams()
    return {**environment, "EVERYBEAM_DATADIR": elements} if elements else environment


def tool_path() -> str:
    """Where programs are searched: beside the running Python, then as the environment says."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))


def casarc_text() -> str:
    """Text of a casarc file that names the measures tables of the installed python-casacore.

    The package is located, not imported: DP3 brings another casacore library.

    Raises
    ------
    ConfigurationError
        python-casacore is not installed, or without its tables.
    """
    measures = _site_packages("casacore") / "casacore" / "data"
    if not measures.is_dir():
        raise ConfigurationError(
            f"measures tables expected in {measures}, found none; install python-casacore 3.6 or later"
        )
    return f"measures.directory: {measures}\n"


def strategy_file(name: str) -> Path:
    """Find an AOFlagger strategy.

    DP3 does not find its own: its wheel ships ``DP3.libs/aoflagger`` and searches ``dp3.libs/aoflagger``.

    Parameters
    ----------
    name : str
        Name of a strategy of the ``dp3`` package, such as ``lofar-default``, or a path with a ``/`` in it.

    Raises
    ------
    ConfigurationError
        There is no such file; the message lists the strategies that there are.
    """
    if "/" in name:
        path, known = Path(name), ""
    else:
        folder = _site_packages("dp3") / "DP3.libs" / "aoflagger" / "strategies"
        path = folder / f"{name}.lua"
        known = "; known are " + ", ".join(sorted(entry.stem for entry in folder.glob("*.lua")))
    if not path.is_file():
        raise ConfigurationError(f"[dppp] strategy = {name}: no such file {path}{known}")
    return path


@cache
def _element_beams() -> str:
    elements = Path(sysconfig.get_path("data")) / "share" / "everybeam"
    return str(elements) if elements.is_dir() else ""


@cache
def _site_packages(package: str) -> Path:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"the Python package {package!r} is not installed here; run make setup")
    return Path(spec.origin).parent.parent
