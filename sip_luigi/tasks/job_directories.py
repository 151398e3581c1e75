"""Which observations have a job directory on the head node."""

from __future__ import annotations

import re
from pathlib import Path

from sip_luigi.settings import Settings
from sip_luigi.tasks.context import job_layout

_ID = "OBS-ID"


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
