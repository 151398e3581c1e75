"""DP3: stations flagged before calibration, altogether or for a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from sip_luigi.programs.dp3 import ParsetMapping

MJD_ZERO = datetime(1858, 11, 17, tzinfo=UTC)


def station_flag_steps(
    always: Iterable[str], at_times: Mapping[str, Sequence[tuple[float, float]]]
) -> list[ParsetMapping]:
    """Steps that flag stations.

    Parameters
    ----------
    always : iterable of str
        Stations that go altogether.
    at_times : mapping
        Stations that go for stretches of time: start and end, MJD seconds; a time slot goes when its centre is inside.
    """
    steps: list[ParsetMapping] = []
    gone = sorted(set(always))
    if gone:
        steps.append({"name": "stations", "type": "preflagger", "baseline": ";".join(gone)})
    for number, station in enumerate(sorted(set(at_times) - set(gone))):
        ranges = [f"{_time(start)}..{_time(end)}" for start, end in at_times[station]]
        steps.append(
            {
                "name": f"intermittent{number}",
                "type": "preflagger",
                "baseline": station,
                "abstime": ranges,
            }
        )
    return steps


def _time(mjd_s: float) -> str:
    return (MJD_ZERO + timedelta(seconds=mjd_s)).strftime("%Y/%m/%d/%H:%M:%S.%f")
