"""Observations and subbands, and where everything of one lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from sip_luigi.domain.errors import ConfigurationError

_OBS_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_SUBBAND = re.compile(r"(?<![A-Za-z0-9])(?:(SAP\d+)_)?(SB\d+)(?![A-Za-z0-9])")


def check_obs_id(obs_id: str) -> str:
    """Refuse anything that is not an observation id: it becomes part of paths and commands.

    Raises
    ------
    ConfigurationError
        The id has other characters than letters, digits, ``_ . -`` or does not begin with one of the first.
    """
    if not _OBS_ID.fullmatch(obs_id):
        raise ConfigurationError(
            f"observation id {obs_id!r}: expected letters, digits, '_', '.' or '-' (64 at most, the first "
            "a letter or digit), as in L102085"
        )
    return obs_id


@dataclass(frozen=True, order=True)
class Subband:
    """One subband of an observation as it lies on a storage node.

    Attributes
    ----------
    name : str
        For example ``SAP000_SB080``.
    node, path : str
        Where the raw MeasurementSet is.
    n_files, size_bytes, newest_ns : int
        What identifies these very data: replaced raw data are seen.
    """

    name: str
    node: str
    path: str
    n_files: int = 0
    size_bytes: int = 0
    newest_ns: int = 0

    @property
    def sap(self) -> str:
        """The sub-array pointing, empty when the name has none."""
        match = _SUBBAND.search(self.name)
        return (match.group(1) or "") if match else ""

    @property
    def number(self) -> int:
        """Number of the subband: their order in frequency."""
        match = _SUBBAND.search(self.name)
        return int(match.group(2)[2:]) if match else 0

    @property
    def identity(self) -> dict[str, Any]:
        """What enters the key: the data, not their place."""
        return {
            "measurementset": PurePosixPath(self.path).name,
            "n_files": self.n_files,
            "size_bytes": self.size_bytes,
            "newest_ns": self.newest_ns,
        }


def subband_name(measurementset: str, obs_id: str) -> str:
    """Subband of a raw MeasurementSet's name, ``L1_SAP000_SB080_uv.MS`` → ``SAP000_SB080``."""
    name = PurePosixPath(measurementset).name
    match = _SUBBAND.search(name.removeprefix(obs_id))
    if match is None:
        raise ConfigurationError(
            f"{name}: no subband number (SB…) in the name; let [layout] raw_pattern match only names like "
            "L102085_SAP000_SB080_uv.MS"
        )
    return match.group(0)


@dataclass(frozen=True)
class JobLayout:
    """Paths of one observation on the head node.

    Attributes
    ----------
    directory : Path
        The job directory.
    obs_id : str
        The observation.
    """

    directory: Path
    obs_id: str

    @property
    def vds(self) -> Path:
        """VDS and GVDS files."""
        return self.directory / "vds"

    @property
    def parsets(self) -> Path:
        """Parsets and command lines as run."""
        return self.directory / "parsets"

    @property
    def logs(self) -> Path:
        """Logs."""
        return self.directory / "logs"

    @property
    def failures(self) -> Path:
        """One line for every task that failed, of all runs."""
        return self.logs / "failures.jsonl"

    @property
    def results(self) -> Path:
        """What the user asked for."""
        return self.directory / "results"

    @property
    def quality(self) -> Path:
        """Figures of quality: written last, they say that the results are complete."""
        return self.results / "quality.json"

    @property
    def losses(self) -> Path:
        """Records of what was lost."""
        return self.directory / "losses"

    @property
    def again(self) -> Path:
        """How often products were asked for afresh."""
        return self.directory / "again.json"

    @property
    def skymodels(self) -> Path:
        """Sky models between cycles."""
        return self.directory / "skymodels"

    @property
    def stations(self) -> Path:
        """Stations that are bad over the observation."""
        return self.directory / "stations" / f"{self.obs_id}.stations.json"

    @property
    def gvds(self) -> Path:
        """The description of the whole observation."""
        return self.vds / f"{self.obs_id}.gvds"

    def result(self, suffix: str) -> Path:
        """One of the results, ``<obs_id>.<suffix>``."""
        return self.results / f"{self.obs_id}.{suffix}"
