"""The LOFAR Standard Imaging Pipeline as a Luigi task graph."""

from __future__ import annotations

import sys
from typing import Any

__version__ = "0.1.0"

# `luigi --module sip_luigi ImagingPipeline` finds the tasks by importing this package. What runs on a
# node is part of the package too and must start fast and without Luigi: it is not made to pay for them.
if "luigi" in sys.modules:
    from sip_luigi import pipeline as pipeline


def __getattr__(name: str) -> Any:
    if name == "ImagingPipeline":
        from sip_luigi.pipeline import ImagingPipeline  # noqa: PLC0415 - it needs Luigi

        return ImagingPipeline
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
