"""Hand over the small JSON files that stages left in their products."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def summaries(request: dict[str, Any]) -> dict[str, Any]:
    """Read JSON files of this node; many with one command.

    Parameters
    ----------
    request : dict
        ``paths``.

    Returns
    -------
    dict
        ``summaries``: content by path, null of a file that is not there or is none.
    """
    return {"summaries": {path: _read(Path(path)) for path in request["paths"]}}


def _read(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
