"""Time as a night sees it: one clock that somebody may set, and one that nobody can."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

TOLERANCE_S = 60.0
"""A clock that jumps by less is being adjusted."""


class Clock:
    """The clocks of this machine."""

    def now(self) -> float:
        """Unix time, which somebody may set."""
        return time.time()

    def elapsed(self) -> float:
        """Seconds since some moment, which nobody can set."""
        return time.monotonic()


@dataclass
class Watch:
    """When something began, by both clocks.

    Attributes
    ----------
    clock : Clock
        The clocks.
    began : float
        Unix time of the beginning.
    """

    clock: Clock
    began: float = field(init=False)
    _started: float = field(init=False)

    def __post_init__(self) -> None:
        self.began, self._started = self.clock.now(), self.clock.elapsed()

    @property
    def elapsed_s(self) -> float:
        """Time since the beginning."""
        return self.clock.elapsed() - self._started

    def set_back_since(self, last_s: float) -> bool:
        """Whether the clock was set back since it showed a Unix time, before this began."""
        return last_s - self.began > TOLERANCE_S

    def jump_s(self) -> float:
        """By how much the clock was set since the beginning; 0 where it was only adjusted."""
        jump_s = (self.clock.now() - self.began) - self.elapsed_s
        return jump_s if abs(jump_s) > TOLERANCE_S else 0.0


def iso(unix_s: float) -> str:
    """ISO 8601 time (UTC)."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds")
