"""Times as people write them, and as MeasurementSets hold them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)


def mjd_seconds(text: str) -> float:
    """Read an ISO 8601 time, UTC unless it says otherwise, as seconds of the modified Julian date.

    Raises
    ------
    ValueError
        It is no such time.
    """
    moment = datetime.fromisoformat(text)
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    return (moment - _EPOCH).total_seconds()


def utc_text(mjd_s: float) -> str:
    """Write a time given in seconds of the modified Julian date as ISO 8601, to the millisecond."""
    return (_EPOCH + timedelta(seconds=mjd_s)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
