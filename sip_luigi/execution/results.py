"""What was delivered of an observation, as the head node can tell without any node."""

from __future__ import annotations

import json
from typing import Any

from sip_luigi.domain.observation import JobLayout

STANDING = ("full", "degraded")
"""Outcomes with which there are results."""


def read_quality(layout: JobLayout) -> dict[str, Any]:
    """``quality.json``; empty where there is none that can be read."""
    try:
        figures = json.loads(layout.quality.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return figures if isinstance(figures, dict) else {}
