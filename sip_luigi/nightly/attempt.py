"""The main command on one observation, in a process of its own, and what is to blame where it fails."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sip_luigi.domain import errors
from sip_luigi.domain.errors import Cause, SipError
from sip_luigi.domain.observation import JobLayout
from sip_luigi.domain.product import Loss
from sip_luigi.execution.failures import Failure, failures_since, size_of
from sip_luigi.execution.losses import LossRecords
from sip_luigi.execution.results import STANDING, read_quality
from sip_luigi.nightly.digest import Entry, result_text
from sip_luigi.nightly.state import DEGRADED, DONE, FAILED

GRACE_S = 10.0
"""Between the request to end and the end of a main command; its jobs end by their leases, or go on with the next."""
TAIL = 4000
LONGEST_REASON = 300
WORST_FIRST: tuple[Cause, ...] = ("bug", "configuration", "resources", "transient", "data")
BY_STATUS: Mapping[int, Cause] = {
    10: "transient",
    20: "data",
    25: "transient",
    35: "configuration",
    40: "transient",
}
OF_LOSSES = {
    "QuorumLost": "too few subbands are left",
    "DegradedOutcome": "degraded, which [quality] strict refuses",
}
"""Failures that follow from losses, which say what is to blame."""
_SUBBAND = re.compile(r"(?:SAP\d+_)?SB\d+")
_REFUSAL = re.compile(r"^(\w+): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """How an attempt ended.

    Attributes
    ----------
    outcome : {"done", "degraded", "failed"}
        In a word.
    cause : str
        What is to blame where it is not ``done``.
    reason : str
        One line for a person.
    losses : dict
        What was lost, by subband.
    figures : dict
        ``quality.json`` where the results stand.
    """

    outcome: str
    cause: str = ""
    reason: str = ""
    losses: dict[str, Loss] = field(default_factory=dict)
    figures: dict[str, Any] = field(default_factory=dict)


def command(obs_id: str) -> tuple[str, ...]:
    """The main command as a person types it."""
    return ("luigi", "--module", "sip_luigi", "ImagingPipeline", "--obs-id", obs_id)


def repeat(obs_id: str, losses: Collection[str], scheduler_url: str) -> str:
    """What tries an observation again by hand; the scheduler is named where Luigi would not find it."""
    where = ("--scheduler-url", scheduler_url) if scheduler_url else ()
    again = shlex.join((*command(obs_id), *where))
    return f"sip retry {obs_id} --lost && {again}" if losses else again


class Attempt:
    """One run of the main command.

    Parameters
    ----------
    layout : JobLayout
        The observation.
    options : sequence of str
        Further arguments.
    time_limit_s : float
        When it is ended.
    """

    def __init__(self, layout: JobLayout, options: Sequence[str], time_limit_s: float) -> None:
        self.layout, self.options, self.time_limit_s = layout, options, time_limit_s
        self._process: subprocess.Popen[bytes] | None = None
        self._cancelled = False

    def run(self) -> Result:
        """Run it to its end, and say what became of the observation."""
        self.strike_losses()
        log, failures = self.layout.logs / "nightly.log", self.layout.failures
        log.parent.mkdir(parents=True, exist_ok=True)
        known, begin = size_of(failures), size_of(log)
        _, *arguments = command(self.layout.obs_id)
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                (str(Path(sys.executable).with_name("luigi")), *arguments, *self.options),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                start_new_session=True,
            )
            status = self._wait(self._process)
        said = log.read_bytes()[begin:][-TAIL:].decode("utf-8", "replace")
        return self.judge(status, failures_since(failures, known), said)

    def cancel(self) -> None:
        """End it; whoever waits for it is told."""
        self._cancelled = True
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def _wait(self, process: subprocess.Popen[bytes]) -> int | None:
        """Exit status; None where it took too long."""
        if self._cancelled:
            process.terminate()
        try:
            return process.wait(self.time_limit_s)
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                process.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            return None

    def strike_losses(self) -> None:
        """Have what was lost through no fault of the data tried again: the pipeline does not by itself."""
        records = LossRecords(self.layout.losses)
        for name, manifest in records.lost().items():
            if manifest.loss and manifest.loss.cause not in ("data", ""):
                records.remove(name)

    def judge(self, status: int | None, failures: Sequence[Failure], said: str) -> Result:
        """What the end of the main command means for the observation."""
        losses, figures = self.losses(), read_quality(self.layout)
        if status == 0 and figures.get("outcome") not in STANDING:
            return Result(
                FAILED, "bug", f"it ended with 0, and {self.layout.quality} tells of no results", losses
            )
        if status == 0:
            if figures.get("outcome") != "degraded":
                return Result(DONE, figures=figures)
            cause, reason = blame_losses(losses, figures)
            return Result(DEGRADED, cause, reason, losses, figures)
        of_losses = [failure for failure in failures if failure.error in OF_LOSSES]
        if losses and of_losses:
            cause, reason = blame_losses(losses, figures)
            return Result(FAILED, cause, f"{OF_LOSSES[of_losses[0].error]}: {reason}", losses)
        cause, reason = blame(status, failures, said, self.time_limit_s)
        return Result(FAILED, cause, reason, losses)

    def losses(self) -> dict[str, Loss]:
        """What was lost, by subband; of what has no subband by name of the task."""
        found: dict[str, Loss] = {}
        for name, manifest in sorted(LossRecords(self.layout.losses).lost().items()):
            subband = _SUBBAND.search(name)
            if manifest.loss:
                found.setdefault(subband.group() if subband else name, manifest.loss)
        return found


def entry_of(layout: JobLayout, result: Result, next_step: str, scheduler_url: str) -> Entry:
    """What is told of an attempt."""
    report = layout.results / "report.html"
    shown = str(report) if result.figures and report.exists() else ""
    if result.outcome == DONE:
        return Entry(layout.obs_id, result_text(result.figures), report=shown)
    stands = f"{result_text(result.figures)}; " if result.outcome == DEGRADED else ""
    again = repeat(layout.obs_id, result.losses, scheduler_url)
    return Entry(layout.obs_id, f"{stands}{result.reason}", result.cause, next_step, again, shown)


def blame(
    status: int | None, failures: Sequence[Failure], said: str, time_limit_s: float
) -> tuple[Cause, str]:
    """Cause and reason of a main command that failed.

    Parameters
    ----------
    status : int or None
        Its exit status, negative for a signal; None where it took too long.
    failures : sequence of Failure
        Tasks that failed.
    said : str
        The end of what it said.
    time_limit_s : float
        What too long is.
    """
    if status is None:
        return "bug", f"ended after {time_limit_s:g} s: [nightly] time_limit_s"
    if status < 0:
        return "transient", f"the main command was ended by {signal.Signals(-status).name}"
    if failures:
        first = min(failures, key=lambda failure: _rank(failure.cause))
        return first.cause, f"{first.task}: {one_line(first.message)}"  # type: ignore[return-value]
    refusals = [(name, text) for name, text in _REFUSAL.findall(said) if _is_error(name)]
    if refusals:
        name, text = refusals[-1]
        return getattr(errors, name).cause, one_line(text)
    return BY_STATUS.get(status, "bug"), f"exit status {status}: {one_line(_last(said))}"


def blame_losses(losses: Mapping[str, Loss], figures: Mapping[str, Any]) -> tuple[Cause, str]:
    """Cause and reason of what was lost; what may be mended counts before what may not."""
    if not losses:
        lost = figures.get("subbands_lost") or [{"subband": "?", "stage": "?", "reason": "see the report"}]
        losses = {entry["subband"]: Loss(entry["stage"], entry["reason"], "data") for entry in lost}
    name = min(losses, key=lambda key: (_rank(losses[key].cause), key))
    loss, others = losses[name], sum(bool(_SUBBAND.search(other)) for other in losses if other != name)
    more = f" (and {others} more)" if others else ""
    cause: Cause = loss.cause or "data"  # type: ignore[assignment]
    return cause, f"{name} lost in {loss.stage}{more}: {one_line(loss.reason)}"


def one_line(text: str) -> str:
    """The first line of a message, not too long."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= LONGEST_REASON else f"{line[:LONGEST_REASON]}…"


def _last(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "it said nothing")


def _rank(cause: str) -> int:
    return WORST_FIRST.index(cause) if cause in WORST_FIRST else len(WORST_FIRST)


def _is_error(name: str) -> bool:
    found = getattr(errors, name, None)
    return isinstance(found, type) and issubclass(found, SipError)
