"""The files that hold the truth of a simulated observation."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.truth import Truth, ateam_model, catalogue


class TruthPaths(NamedTuple):
    """Where the truth of an observation lies; ``ateam`` is there only if the A-team is in the data."""

    fits: Path
    skymodel: Path
    json: Path
    ateam: Path

    def complete(self, *, ateam: bool) -> bool:
        """Whether all files are there, that of the A-team if it is asked for."""
        return all(path.is_file() for path in (self if ateam else self[:3]))


def truth_paths(directory: Path, obs_id: str) -> TruthPaths:
    """Name the truth of an observation."""
    endings = ("fits", "skymodel", "json", "ateam.skymodel")
    return TruthPaths(*(directory / f"{obs_id}.truth.{ending}" for ending in endings))


def write_record(path: Path, values: Mapping[str, Any]) -> None:
    """Write the record, by rename."""
    _publish_text(path, json.dumps(values, indent=1) + "\n")


def write_catalogue_and_models(paths: TruthPaths, truth: Truth) -> None:
    """Write catalogue and sky models, by rename."""
    part = _part(paths.fits)
    catalogue(truth).write(part, format="fits", overwrite=True)
    part.replace(paths.fits)
    comment = f"simulated observation {truth.options.obs_id}, fluxes before the primary beam"
    _publish_text(paths.skymodel, truth.sky.model(comment).text())
    if truth.options.ateam:
        _publish_text(paths.ateam, ateam_model(truth).text())


def read_record(path: Path) -> dict[str, Any] | None:
    """Read the record of an earlier simulation; None when there is none.

    Raises
    ------
    ConfigurationError
        The file is no record of a simulation.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        values, why = None, str(error)
    else:
        why = "it lacks the options"
    if isinstance(values, dict) and {"options_sha256", "options", "complete"} <= values.keys():
        return values
    raise ConfigurationError(
        f"{path}: expected the record of a simulation, found something else ({why}); choose another "
        "directory, or simulate anew with --force"
    )


def _part(path: Path) -> Path:
    return path.with_name(f".part-{path.name}")


def _publish_text(path: Path, text: str) -> None:
    part = _part(path)
    with part.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
