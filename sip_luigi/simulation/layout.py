"""Where the files of a simulated observation go, and what is there already."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.truth_files import TruthPaths, read_record, truth_paths

_REMEDY = "choose another directory or obs_id, or replace it with --force"


@dataclass(frozen=True)
class Layout:
    """Where everything goes.

    Attributes
    ----------
    home : Path
        Directory of the truth.
    disks : tuple of Path
        Directories of the MeasurementSets.
    measurement_sets : mapping
        Subband number to path, in order.
    truth : TruthPaths
        Where the truth goes.
    """

    home: Path
    disks: tuple[Path, ...]
    measurement_sets: Mapping[int, Path]
    truth: TruthPaths

    def make_directories(self) -> None:
        """Make the directories that are missing."""
        for directory in (self.home, *self.disks):
            try:
                directory.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ConfigurationError(
                    f"{directory}: expected a directory to write to: {error.strerror}"
                ) from error

    def missing(self) -> tuple[int, ...]:
        """Give the numbers of the subbands that are still to be made."""
        return tuple(number for number, path in self.measurement_sets.items() if not path.exists())


def measurement_set_name(obs_id: str, subband: int) -> str:
    """Name the MeasurementSet of a subband as LOFAR does."""
    return f"{obs_id}_SAP000_SB{subband:03d}_uv.MS"


def plan_layout(options: SimulationOptions, directories: str | Path | Sequence[str | Path]) -> Layout:
    """Spread the subbands round-robin over the disks; the truth goes into the first directory.

    Parameters
    ----------
    options : SimulationOptions
        With one directory and ``disks`` above 1, the disks are ``data1…`` below it.
    directories : path or sequence of paths
        One directory, or one for each disk.

    Raises
    ------
    ConfigurationError
        There are other than ``disks`` directories, or one is given twice.
    """
    given = [directories] if isinstance(directories, (str, Path)) else list(directories)
    disks = [Path(directory).absolute() for directory in given]
    if not disks or len(set(disks)) < len(disks):
        found = ", ".join(map(str, given)) or "none"
        raise ConfigurationError(
            f"directories to simulate into: expected one or more, each once, found {found}"
        )
    home = disks[0]
    if len(disks) == 1 and options.disks > 1:
        disks = [home / f"data{number}" for number in range(1, options.disks + 1)]
    if options.disks not in (1, len(disks)):
        raise ConfigurationError(
            f"simulation option disks: expected {len(disks)}, as many as directories are given, or 1, found "
            f"{options.disks}"
        )
    sets = {
        number: disks[index % len(disks)] / measurement_set_name(options.obs_id, number)
        for index, number in enumerate(options.subband_numbers)
    }
    return Layout(home, tuple(disks), sets, truth_paths(home, options.obs_id))


def check_vacant(layout: Layout, options: SimulationOptions) -> bool:
    """Refuse to touch what other options have made.

    Returns
    -------
    bool
        Whether everything is there already, made with the same options.

    Raises
    ------
    ConfigurationError
        There is an observation of the same name with other options, or of unknown origin.
    """
    found = read_record(layout.truth.json)
    if found is None:
        unknown = next((path for path in layout.measurement_sets.values() if path.exists()), None)
        if unknown is not None:
            raise ConfigurationError(
                f"{unknown}: expected nothing, or an observation simulated with the same options; found a "
                f"MeasurementSet without {layout.truth.json}; {_REMEDY}"
            )
        return False
    if found["options_sha256"] != options.digest:
        raise ConfigurationError(
            f"{layout.truth.json}: expected an observation simulated with the same options, found one with "
            f"{_differences(found['options'], options.as_dict())}; {_REMEDY}"
        )
    return bool(found["complete"]) and layout.truth.complete(ateam=options.ateam) and not layout.missing()


def clear(layout: Layout, obs_id: str) -> None:
    """Remove an earlier simulation of the same name: what its record names, and what is in the way."""
    try:
        found = read_record(layout.truth.json) or {}
    except ConfigurationError:
        found = {}
    for path in (*_recorded_sets(layout, obs_id, found), *layout.measurement_sets.values()):
        _remove(path)
    for path in layout.truth:
        path.unlink(missing_ok=True)


@contextmanager
def only_writer(directory: Path) -> Iterator[None]:
    """Hold a directory for one simulation at a time.

    Raises
    ------
    ConfigurationError
        Another simulation is writing there.
    """
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigurationError(
                f"{directory}: another simulation is writing there; wait for it or choose another directory"
            ) from None
        yield
    finally:
        os.close(descriptor)


def _recorded_sets(layout: Layout, obs_id: str, found: Mapping[str, Any]) -> list[Path]:
    """Give the recorded sets that lie on the present disks under a name of this observation."""
    ours = re.compile(re.escape(obs_id) + r"_SAP\d{3}_SB\d{3}_uv\.MS")
    entries = [entry for entry in found.get("subbands", ()) if isinstance(entry, dict)]
    paths = [Path(str(entry.get("path", ""))) for entry in entries]
    return [path for path in paths if path.parent in layout.disks and ours.fullmatch(path.name)]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        # Renamed first: a set that is half removed must not look whole.
        doomed = path.with_name(f".part-{path.name}")
        shutil.rmtree(doomed, ignore_errors=True)
        path.rename(doomed)
        shutil.rmtree(doomed)
    else:
        path.unlink(missing_ok=True)


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    changed = [f"{name}={before.get(name)!r} (now {now.get(name)!r})" for name in names]
    return ", ".join(changed) or "another version of the simulator"
