"""Times of MeasurementSets and of manifests as UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_MJD_0 = datetime(1858, 11, 17, tzinfo=UTC)


def from_mjd_s(mjd_s: float) -> datetime:
    """A time that a MeasurementSet gives, in seconds of the modified Julian date, without leap seconds."""
    return _MJD_0 + timedelta(seconds=mjd_s)


def age_s(made: str) -> float:
    """Time since a moment that a manifest gives, in s."""
    return (datetime.now(UTC) - datetime.fromisoformat(made)).total_seconds()
