"""What is told of a night: one message, as text for people and as JSON for programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""File names and messages of programs are other people's text."""


@dataclass(frozen=True)
class Entry:
    """An observation in the digest.

    Attributes
    ----------
    obs_id : str
        The observation.
    text : str
        What became of it, in a line.
    cause : str
        What is to blame, empty for nothing.
    next_step : str
        What becomes of it, empty for nothing.
    command : str
        What repeats it by hand, empty where there is no need.
    report : str
        Path of the report, empty where there is none.
    """

    obs_id: str
    text: str
    cause: str = ""
    next_step: str = ""
    command: str = ""
    report: str = ""


@dataclass
class Digest:
    """What is told of a night.

    Attributes
    ----------
    host : str
        The head node.
    began, ended : str
        ISO 8601 times (UTC).
    refused : str
        Why the night could not run; empty where it did.
    failed, degraded, done : list of Entry
        What became of observations.
    waiting : dict
        Observations that wait for their other subbands for too long, with the reason.
    left : int
        Observations that had to be left for another night.
    quarantine : dict
        Nodes in quarantine, with the reason.
    warnings : list of str
        What else an operator should know.
    """

    host: str
    began: str
    ended: str = ""
    refused: str = ""
    failed: list[Entry] = field(default_factory=list)
    degraded: list[Entry] = field(default_factory=list)
    done: list[Entry] = field(default_factory=list)
    waiting: dict[str, str] = field(default_factory=dict)
    left: int = 0
    quarantine: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """How many observations failed, are degraded, are done; those that are none left out."""
        groups = {"failed": self.failed, "degraded": self.degraded, "done": self.done}
        return {name: len(entries) for name, entries in groups.items() if entries}

    @property
    def subject(self) -> str:
        """The subject of the mail: the worst first."""
        said = ", ".join(f"{number} {name}" for name, number in self.counts.items())
        if self.refused:
            said = ", ".join(filter(None, ("the night could not run", said)))
        return _clean(f"sip nightly on {self.host}: {said or 'warnings'}")

    def text(self) -> str:
        """The message."""
        return "\n".join(_clean(line) for line in self._lines()) + "\n"

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return {"subject": self.subject, **asdict(self)}

    def _lines(self) -> Iterator[str]:
        yield self.subject
        yield f"{self.began} to {self.ended}"
        if self.refused:
            yield from ("", "THE NIGHT COULD NOT RUN", f"  {self.refused}")
        groups = (("FAILED", self.failed), ("DEGRADED", self.degraded), ("DONE", self.done))
        for title, entries in groups:
            if entries:
                yield from ("", f"{title} ({len(entries)})")
            for entry in entries:
                yield from _entry_lines(entry)
        if self.left:
            yield from ("", f"LEFT FOR ANOTHER NIGHT: {self.left} observations")
        if self.waiting:
            yield from ("", "WAITING FOR DATA")
            yield from (f"  {name}: {reason}" for name, reason in self.waiting.items())
        if self.quarantine:
            yield from ("", "NODES IN QUARANTINE")
        for node, reason in self.quarantine.items():
            yield from (f"  {node}: {reason}", f"      when mended: sip cluster resume {node}")
        if self.warnings:
            yield from ("", "WARNINGS")
            yield from (f"  {warning}" for warning in self.warnings)


def _entry_lines(entry: Entry) -> Iterator[str]:
    cause = f"[{entry.cause}] " if entry.cause else ""
    yield f"  {entry.obs_id}: {cause}{entry.text}"
    if entry.next_step:
        yield f"      {entry.next_step}"
    if entry.command:
        yield f"      again: {entry.command}"
    if entry.report:
        yield f"      report: {entry.report}"


def result_text(figures: dict[str, Any]) -> str:
    """What came of an observation whose results stand, in a line, of its ``quality.json``."""
    used, expected = figures.get("subbands_used"), figures.get("subbands_expected")
    parts = [
        f"{figures.get('verdict', '?')}: {used} of {expected} subbands, {figures.get('n_sources')} sources"
    ]
    if (rms := figures.get("rms_jy_beam")) is not None:
        parts.append(f"noise {rms * 1e3:.3g} mJy/beam")
    if figures.get("verdict") == "poor" and figures.get("reasons"):
        # Each is a figure, then its limits and what to do about it: that is in the report.
        parts += [reason.partition(",")[0] for reason in figures["reasons"]]
    return ", ".join(parts)


def _clean(text: str) -> str:
    return _CONTROL.sub("?", text.replace("\n", " "))
