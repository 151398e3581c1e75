"""How much of a band must survive for an image to mean anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Quorum:
    """Limits below which an observation is abandoned.

    Attributes
    ----------
    min_fraction : float
        Smallest fraction of the subbands.
    max_gap_fraction : float
        Widest run of lost subbands inside the band, as a fraction of all.
    """

    min_fraction: float
    max_gap_fraction: float

    def problem(self, usable: Sequence[bool]) -> str:
        """Why these subbands, in order of frequency, are too few; empty when they suffice."""
        n_used, n_all = sum(usable), len(usable)
        if not n_used:
            return f"none of {n_all} subbands is left"
        if n_used < self.min_fraction * n_all:
            return f"{n_used} of {n_all} subbands are left, at least {self.min_fraction:.0%} are needed"
        gap = widest_gap(usable)
        if gap > self.max_gap_fraction * n_all:
            return (
                f"{gap} lost subbands in a row of {n_all} leave a gap wider than {self.max_gap_fraction:.0%}"
            )
        return ""


def widest_gap(usable: Sequence[bool]) -> int:
    """Longest run of unusable subbands between two usable ones."""
    runs = "".join("1" if use else "0" for use in usable).strip("0").split("1")
    return max(map(len, runs), default=0)
