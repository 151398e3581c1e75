"""Where observations lie on the head node, and which there are."""

from __future__ import annotations

import re
from pathlib import Path

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.observation import JobLayout, check_obs_id
from sip_luigi.settings import Settings

_ID = "OBS-ID"


def job_layout(settings: Settings, obs_id: str) -> JobLayout:
    """Where everything of an observation lies on the head node.

    Raises
    ------
    ConfigurationError
        The id is none, or the setting gives every observation the same directory.
    """
    check_obs_id(obs_id)
    given = settings.layout.job_directory.replace("{obs_id}", obs_id)
    if given and "{obs_id}" not in settings.layout.job_directory:
        raise ConfigurationError(
            f"[layout] job_directory = {given}: expected {{obs_id}} in it: observations must not share a directory"
        )
    directory = Path(given).expanduser() if given else settings.runtime_directory / "jobs" / obs_id
    return JobLayout(directory.absolute(), obs_id)


def observations_with_jobs(settings: Settings) -> list[str]:
    """Ids of all observations that have a job directory, wherever ``[layout] job_directory`` puts the id."""
    parts = job_layout(settings, _ID).directory.parts
    depth = next(number for number, name in enumerate(parts) if _ID in name)
    root = Path(*parts[:depth])
    matches = re.compile(re.escape(parts[depth]).replace(re.escape(_ID), "(.+)", 1)).fullmatch
    if not root.is_dir():
        return []
    folders = (path for path in root.iterdir() if path.is_dir() and not path.is_symlink())
    return sorted(match[1] for path in folders if (match := matches(path.name)))
