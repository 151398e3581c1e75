"""The page of all observations in the runtime directory, rebuilt whenever one of them is finished."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path
from urllib.parse import quote

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.execution.lock import locked
from sip_luigi.node.files import write_atomically
from sip_luigi.report.index import INDEX, SUMMARY, Entry, render_index
from sip_luigi.settings import Settings
from sip_luigi.tasks.job_directories import job_layout, observations_with_jobs

logger = logging.getLogger("sip_luigi")


def index_path(settings: Settings) -> Path:
    """Where the page is."""
    return settings.runtime_directory / INDEX


def rebuild_index(settings: Settings) -> None:
    """Write the page anew, whole or not at all; whoever comes last has seen what all others delivered."""
    path = index_path(settings)
    try:
        with locked(path):
            known = {
                f"{quote(os.path.relpath(folder, path.parent))}/": entry
                for folder, entry in entries(settings).items()
            }
            write_atomically(path, render_index(known), durable=False)
    except Exception as error:
        # The results stand, whatever becomes of a list of them.
        logger.warning("%s is not up to date: %s: %s", path, type(error).__name__, error)


def entries(settings: Settings) -> dict[Path, Entry]:
    """What each observation has to say, by the folder of its results; those without a report are left out."""
    found = {}
    for obs_id in observations_with_jobs(settings):
        try:
            folder = job_layout(settings, obs_id).results
        except ConfigurationError:
            # A folder of somebody's own.
            continue
        if entry := _read(folder / SUMMARY):
            found[folder] = entry
    return found


def _read(path: Path) -> Entry | None:
    try:
        return Entry.from_json(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        logger.warning("%s: not what is left for the list of observations: %r; it is left out", path, error)
        return None
