"""What DP3 and WSClean print, as figures; text may be cut off anywhere, as that of a running program is."""

from __future__ import annotations

import ast
import json
import re
from typing import NamedTuple

from sip_luigi.domain.errors import BadData

_CONVERGED = re.compile(
    r"^\s*Converged: (\d+), stalled: (\d+), non converged: (\d+), failed: (\d+)\s*$", re.MULTILINE
)
_STEP = re.compile(r"^\s+[\d.]+% \(.*?\) GainCal (\S+?)\.$", re.MULTILINE)
_FLAGGED = re.compile(r"^Total flagged:\s+([\d.]+)%", re.MULTILINE)
_UNUSED = re.compile(r"keywords were not used.*?\n\s*maybe they are misspelled\n((?:\s+- \S+\n?)+)")
_NUMBER = re.compile(r"\d+")
_BAR = re.compile(r"^0%(?:\.\.\.\.\d+%?)*", re.MULTILINE)
_MAJOR = re.compile(r"^ == Deconvolving \((\d+)\) ==", re.MULTILINE)
_STAGES = (("Cleaning up temporary files", 1.0), ("Rendering sources to restored image", 0.95))


class Convergence(NamedTuple):
    """Outcome of the solutions of one solve.

    Attributes
    ----------
    converged, stalled, not_converged, failed : int
        Number of solution intervals.
    """

    converged: int
    stalled: int
    not_converged: int
    failed: int

    @property
    def fraction(self) -> float:
        """Part of the solutions that converged, 0 of none."""
        total = sum(self)
        return self.converged / total if total else 0.0


def solve_convergence(log: str) -> dict[str, Convergence]:
    """Counts that each ``gaincal`` step prints at the end, by the name of the step."""
    counts = [Convergence(*map(int, found)) for found in _CONVERGED.findall(log)]
    return dict(zip(_STEP.findall(log), counts, strict=False))


def unused_keys(log: str) -> tuple[str, ...]:
    """Keys of the parset that DP3 did not know; it goes on without them unless ``checkparset`` is set."""
    found = _UNUSED.search(log)
    return tuple(line.strip(" -\t") for line in found.group(1).splitlines()) if found else ()


def flagged_fraction(log: str) -> float | None:
    """Flagged part of what the last ``counter`` step of DP3 saw; None before it has printed."""
    found = _FLAGGED.findall(log)
    return float(found[-1]) / 100.0 if found else None


def dp3_progress(log: str) -> float:
    """How far DP3 has come, 0 to 1."""
    return _last_percent(log) / 100.0


def wsclean_progress(log: str, typical_major_iterations: int = 6) -> float:
    """How far WSClean has come, 0 to 1: a guess, because nobody knows how many major iterations are to come.

    Parameters
    ----------
    log : str
        What it has printed.
    typical_major_iterations : int
        As many count for most of the time.
    """
    for text, done in _STAGES:
        if text in log:
            return done
    majors = len(_MAJOR.findall(log))
    before = 0.15 if "== Constructing PSF ==" in log else 0.05 * _last_percent(log) / 100.0
    return min(0.9, before + 0.75 * majors / typical_major_iterations)


def station_statistics(text: str) -> dict[str, float]:
    """Flagged fraction of each station from the file that ``count.savetojson`` writes.

    Raises
    ------
    BadData
        The text is not what DP3 writes.
    """
    try:
        # DP3 writes a Python dictionary as a string inside the JSON.
        table = ast.literal_eval(json.loads(text)["flagged_fraction_dict"])
        return {str(name): float(value) for name, value in table.items()}
    except (ValueError, KeyError, TypeError, SyntaxError, AttributeError) as error:
        raise BadData(
            f"flag statistics of DP3: expected a flagged_fraction_dict, found {text[:60]!r}"
        ) from error


def _last_percent(log: str) -> float:
    bars = _BAR.findall(log)
    # The largest, not the last: "20" may still be a "2".
    return max(map(float, _NUMBER.findall(bars[-1]))) if bars else 0.0
