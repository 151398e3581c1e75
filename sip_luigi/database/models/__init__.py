"""Tables of the database."""

from __future__ import annotations

from sip_luigi.database.models.base import Base
from sip_luigi.database.models.provenance import Loss, Product, QualityFigure, Run, Subband
from sip_luigi.database.models.sky import (
    DatabaseInfo,
    Detection,
    Image,
    Link,
    Observation,
    SkySource,
    SkyVersion,
    SourceState,
)

__all__ = [
    "Base",
    "DatabaseInfo",
    "Detection",
    "Image",
    "Link",
    "Loss",
    "Observation",
    "Product",
    "QualityFigure",
    "Run",
    "SkySource",
    "SkyVersion",
    "SourceState",
    "Subband",
]
