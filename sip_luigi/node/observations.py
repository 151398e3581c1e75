"""Which observations lie on the disks of a node, and whether anything is still being written."""

from __future__ import annotations

import fnmatch
import os
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

from sip_luigi.node.look import describe_raw, disk_state

PLACEHOLDER = "{obs_id}"
_OBS_ID = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}?"
_MARK = "\x01"


def find_observations(request: dict[str, Any]) -> dict[str, Any]:
    """Tell all observations of a node's disks, with what identifies their raw data.

    Parameters
    ----------
    request : dict
        ``directories``: the disks; ``pattern``: names of raw MeasurementSets with ``{obs_id}`` in them.

    Returns
    -------
    dict
        ``observations``: by id a list of ``{path, n_files, size_bytes, newest_ns}``; ``disks``: by directory, as
        :func:`sip_luigi.node.look.disk_state` gives them; ``now_ns``: the node's clock, by which times of files count.
    """
    matches = name_pattern(request["pattern"])
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for directory in map(Path, request["directories"]):
        for name in _names(directory):
            if match := matches.fullmatch(name):
                found[match["obs_id"]].append(describe_raw(directory / name))
                continue
            for below in _names(directory / name):
                if (match := matches.fullmatch(below)) and match["obs_id"] == name:
                    found[name].append(describe_raw(directory / name / below))
    return {
        "observations": found,
        "disks": {directory: disk_state(directory) for directory in request["directories"]},
        # After everything else: nothing that was written meanwhile is from the future.
        "now_ns": time.time_ns(),
    }


def name_pattern(pattern: str) -> re.Pattern[str]:
    """Regular expression of names, with the group ``obs_id``, of a pattern with ``{obs_id}`` in it."""
    text = fnmatch.translate(pattern.replace(PLACEHOLDER, _MARK))
    text = text.replace(_MARK, f"(?P<obs_id>{_OBS_ID})", 1).replace(_MARK, "(?P=obs_id)")
    return re.compile(text)


def _names(folder: Path) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []
