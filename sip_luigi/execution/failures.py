"""The record of tasks that failed: one line each on the head node, beside the logs of the observation."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from sip_luigi.domain.errors import cause_of

MAX_MESSAGE = 4000


@dataclass(frozen=True)
class Failure:
    """A task that failed, and was not recorded as a loss.

    Attributes
    ----------
    task : str
        Its name in the observation.
    error : str
        Class of the exception.
    cause : str
        What is to blame, see :data:`sip_luigi.domain.errors.Cause`.
    message : str
        What it said.
    time : str
        ISO 8601 time (UTC).
    """

    task: str
    error: str
    cause: str
    message: str
    time: str


def note_failure(path: Path, task: str, error: BaseException) -> None:
    """Append a line."""
    now = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
    failure = Failure(task, type(error).__name__, cause_of(error), str(error)[:MAX_MESSAGE], now)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as record:
        record.write(json.dumps(asdict(failure)) + "\n")


def size_of(path: Path) -> int:
    """Where the record ends now; clocks are no help for telling what is new."""
    return path.stat().st_size if path.exists() else 0


def failures_since(path: Path, begin: int) -> list[Failure]:
    """What failed since the record ended there; a line that is only half written is left out."""
    try:
        with path.open("rb") as record:
            record.seek(begin)
            lines = record.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []
    found = []
    for line in lines:
        try:
            found.append(Failure(**json.loads(line)))
        except (ValueError, TypeError):
            continue
    return found
