"""Ask a luigid what it runs, without ever waiting for it."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import urllib3

WAIT_S = 3.0


def running_tasks(url: str, obs_id: str) -> dict[str, dict[str, Any]] | None:
    """Tasks of an observation that a luigid has given out, by id; None when it does not answer.

    Parameters
    ----------
    url : str
        Of luigid.
    obs_id : str
        The observation.
    """
    query = urlencode({"data": json.dumps({"status": "RUNNING", "upstream_status": "", "search": obs_id})})
    try:
        answer = urllib3.request("GET", f"{url}/api/task_list?{query}", timeout=WAIT_S, retries=False)
        found: dict[str, Any] = json.loads(answer.data)["response"]
    except (urllib3.exceptions.HTTPError, ValueError, KeyError):
        return None
    return {
        task_id: entry
        for task_id, entry in found.items()
        if isinstance(entry, dict) and entry.get("params", {}).get("obs_id") == obs_id
    }
