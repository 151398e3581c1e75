"""One night: look, choose, process, judge, tell."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sip_luigi import __version__
from sip_luigi.domain.errors import DiskFull, SipError
from sip_luigi.execution.nodestates import QUARANTINED
from sip_luigi.nightly.attempt import Attempt, Result, entry_of
from sip_luigi.nightly.choice import AT_ONCE, Budget, choose
from sip_luigi.nightly.clock import Clock, Watch, iso
from sip_luigi.nightly.digest import Digest
from sip_luigi.nightly.lock import held
from sip_luigi.nightly.looking import Looked, is_new, sort_out
from sip_luigi.nightly.nodes import NodeJudge
from sip_luigi.nightly.outbox import Outbox
from sip_luigi.nightly.raw import FUTURE_S, RawObservation
from sip_luigi.nightly.site import Site
from sip_luigi.nightly.state import DEGRADED, DONE, FAILED, RUNNING, Record, StateFile
from sip_luigi.settings import Settings
from sip_luigi.tasks.job_directories import job_layout
from sip_luigi.tasks.nodes import node_states

logger = logging.getLogger("sip_luigi")

WATCH_S = 10.0
"""Between two looks whether the scheduler is there; main commands wait for it for about 90 s."""
ATTEMPTS_A_NIGHT = 2
UNEXPECTED = 40
"""Exit status of an error that nobody raised on purpose, as the main command has it."""


@dataclass(frozen=True)
class Ending:
    """How a night ended.

    Attributes
    ----------
    status : int
        Exit status of the command.
    digest : Digest
        What there is to tell.
    news : bool
        Whether it is told.
    unsent : list of str
        Why the digest could not be sent.
    sent : bool
        Whether somebody has got it.
    """

    status: int
    digest: Digest
    news: bool
    unsent: list[str] = field(default_factory=list)
    sent: bool = False


class Night:
    """One night.

    Parameters
    ----------
    settings : Settings
        The configuration.
    clock : Clock, optional
        Another one for tests.
    """

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.settings, self.watch = settings, Watch(clock or Clock())
        chosen = settings.nightly
        self.folder = (
            Path(chosen.directory).expanduser().absolute()
            if chosen.directory
            else settings.runtime_directory / "nightly"
        )
        self.site = Site(settings)
        self.state = StateFile(self.folder / "state.json")
        self.budget = Budget(chosen.attempts, chosen.bug_attempts)
        self.states = node_states(settings)
        self.nodes = NodeJudge(self.site, self.states, self.state, chosen.quarantine_after)
        self.digest = Digest(socket.gethostname(), iso(self.watch.began))
        self._warnings: dict[str, str] = {}
        self._ended = threading.Event()
        self._running: set[Attempt] = set()

    def run(self) -> Ending:
        """Go through the night and tell of it.

        Raises
        ------
        AlreadyRunning
            Another night is going on.
        """
        status = 0
        with held(self.folder / "nightly.lock"):
            try:
                self.state.read()
                self.process(self.look())
            except Exception as error:
                # Whatever it is: what was done so far is told.
                status = self._refuse(error)
            self._look_back()
            news = self._is_news()
            self._remember()
            return self._finish(status, news)

    def refused(self, error: SipError) -> Ending:
        """Tell of a night that could not even take its lock, and with that knows nothing of the state."""
        return self._finish(self._refuse(error), news=True)

    def plan(self) -> dict[str, Any]:
        """What a night would do now: ``next``, observations in order; ``waiting``, reasons by observation."""
        self.state.read()
        looked = sort_out(self.site, self.state.state)
        records, limit = self.state.state.observations, self.settings.nightly.max_observations
        chosen = choose(looked.complete, records, self.budget, __version__, limit)
        return {"next": [one.obs_id for one in chosen], "waiting": looked.waiting}

    def end(self, why: str) -> None:
        """Begin nothing more, and end what runs; what was made so far is used in the next night."""
        self._warn("ended", f"the night was ended early: {why}")
        self._ended.set()
        for attempt in list(self._running):
            attempt.cancel()

    def look(self) -> list[RawObservation]:
        """Observations of this night, once everything is there that they need."""
        self._check_clock()
        looked = sort_out(self.site, self.state.state)
        self._note(looked)
        chosen = self.choose(looked.complete)
        if chosen:
            self.site.require_room()
            self._require_scheduler()
        return chosen

    def choose(self, complete: list[RawObservation]) -> list[RawObservation]:
        """Those that are processed, in order; of new ones only what has not changed at a second look."""
        records = self.state.state.observations
        everything = choose(complete, records, self.budget, __version__, limit=len(complete))
        steady = self._steady(everything)
        limit = self.settings.nightly.max_observations
        self.digest.left = len(steady[limit:])
        return steady[:limit]

    def process(self, chosen: list[RawObservation]) -> None:
        """Process observations side by side."""
        if not chosen:
            return
        with self._scheduler_kept(), ThreadPoolExecutor(self.settings.nightly.parallel) as pool:
            for waiting in [pool.submit(self._process, observation) for observation in chosen]:
                waiting.result()

    # -- looking ------------------------------------------------------------------------------------------

    def _note(self, looked: Looked) -> None:
        """Keep what the others wait for, and what is done already."""
        found = {one.obs_id: one for one in looked.incomplete}
        for obs_id, reason in looked.waiting.items():
            logger.info("%s is not complete yet: %s", obs_id, reason)
            if found[obs_id].age_s < -FUTURE_S:
                text = f"{obs_id}: {reason}: set it; these data wait for the next night"
                self._warn(f"future:{obs_id}", text)
            elif found[obs_id].age_s > self.settings.nightly.overdue_s:
                self.digest.waiting[obs_id] = reason
        with self.state.changed() as state:
            state.seen = {obs_id: one.fingerprint for obs_id, one in found.items()}
            for one in looked.by_hand:
                state.observations[one.obs_id] = Record(one.fingerprint, DONE, software=__version__)

    def _steady(self, observations: list[RawObservation]) -> list[RawObservation]:
        """Those that are the same at a second look, where there are new ones."""
        if not any(is_new(one, self.state.state) for one in observations):
            return observations
        self._ended.wait(self.settings.nightly.look_pause_s)
        now = {name: observation.fingerprint for name, observation in self.site.observations().items()}
        return [one for one in observations if now.get(one.obs_id) == one.fingerprint]

    def _require_scheduler(self) -> None:
        if self.site.require_scheduler():
            self._warn(
                "scheduler", f"the central scheduler did not run: it was started at {self.site.scheduler_url}"
            )

    @contextmanager
    def _scheduler_kept(self) -> Iterator[None]:
        """Start the scheduler again where it ends meanwhile: main commands wait for it for a while."""
        over = threading.Event()

        def keep() -> None:
            while not over.wait(WATCH_S):
                # What cannot be mended shows in the observations.
                with suppress(SipError):
                    self._require_scheduler()

        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    # -- processing ---------------------------------------------------------------------------------------

    def _process(self, observation: RawObservation) -> None:
        for number in range(ATTEMPTS_A_NIGHT):
            if self._ended.is_set() or self.watch.elapsed_s > self.settings.nightly.window_s:
                if not number:
                    self.digest.left += 1
                    return
                break
            record = self._begin(observation)
            result = self._attempt(observation, record)
            if result.cause not in AT_ONCE or not self.budget.allows(record, __version__):
                break
            if number + 1 < ATTEMPTS_A_NIGHT:
                logger.warning("%s: %s; tried again", observation.obs_id, result.reason)
                self._ended.wait(self.settings.nightly.retry_pause_s)
        self._tell(observation, record, result)

    def _begin(self, observation: RawObservation) -> Record:
        """Note that an observation is being processed, before it is."""
        self.site.require_room()
        with self.state.changed() as state:
            before = state.observations.get(observation.obs_id)
            attempts = before.attempts if before and before.fingerprint == observation.fingerprint else 0
            record = Record(observation.fingerprint, RUNNING, attempts + 1, software=__version__)
            state.observations[observation.obs_id] = record
        return record

    def _attempt(self, observation: RawObservation, record: Record) -> Result:
        result = self._run(observation.obs_id)
        logger.info("%s: %s %s", observation.obs_id, result.outcome, result.reason)
        record.outcome, record.cause, record.reason = result.outcome, result.cause, result.reason
        try:
            with self.state.changed() as state:
                state.observations[observation.obs_id] = record
            for node in self.nodes.judge(job_layout(self.settings, observation.obs_id), result.losses):
                self._warn(f"quarantine:{node}", f"{node} was put in quarantine in this night")
        except OSError as error:
            # The next night takes it up again, and finds what was made.
            self._warn("state", f"{self._not_kept(error)}; nothing more is begun")
            self._ended.set()
        return result

    def _run(self, obs_id: str) -> Result:
        try:
            self._require_scheduler()
        except SipError as error:
            return Result(FAILED, "transient", str(error))
        chosen = self.settings.nightly
        options = ("--workers", str(chosen.workers), "--scheduler-url", self.site.scheduler_url)
        attempt = Attempt(job_layout(self.settings, obs_id), options, chosen.time_limit_s)
        self._running.add(attempt)
        try:
            if self._ended.is_set():
                attempt.cancel()
            return attempt.run()
        finally:
            self._running.discard(attempt)

    # -- telling ------------------------------------------------------------------------------------------

    def _tell(self, observation: RawObservation, record: Record, result: Result) -> None:
        layout = job_layout(self.settings, observation.obs_id)
        step = self.budget.next_step(record, __version__)
        entry = entry_of(layout, result, step, self.site.url_to_name)
        told = {DONE: self.digest.done, DEGRADED: self.digest.degraded, FAILED: self.digest.failed}
        told[result.outcome].append(entry)

    def _refuse(self, error: Exception) -> int:
        if isinstance(error, SipError):
            self.digest.refused = str(error)
            return error.exit_code
        if isinstance(error, OSError):
            self.digest.refused = self._not_kept(error)
            return DiskFull.exit_code
        logger.error("the night ended early", exc_info=error)
        self.digest.refused = f"unexpected {type(error).__name__}: {error}"
        return UNEXPECTED

    def _warn(self, key: str, text: str) -> None:
        self._warnings[key] = text

    def _check_clock(self) -> None:
        if self.state.lost:
            self._warn("state", self.state.lost)
        last_s = self.state.state.last_s
        if self.watch.set_back_since(last_s):
            times = f"the last night ended at {iso(last_s)}, now it is {iso(self.watch.began)}"
            self._warn("clock", f"the clock was set back: {times}")

    def _look_back(self) -> None:
        """What happened to the clock and the disks meanwhile."""
        if jump_s := self.watch.jump_s():
            way = "back" if jump_s < 0 else "forward"
            self._warn(
                "clock", f"the clock of {self.digest.host} was set {way} by {abs(jump_s):.0f} s in the night"
            )
        limit = self.settings.nightly.full_fraction
        try:
            disks = self.site.disks()
        except SipError:
            # Of what has kept the night from running is told already.
            return
        for name, disk in disks.items():
            used = 1.0 - disk["free_bytes"] / disk["total_bytes"] if disk["total_bytes"] else 0.0
            if used > limit:
                free_gb = disk["free_bytes"] / 1e9
                self._warn(f"disk:{name}", f"{name} is {used:.0%} full: {free_gb:.2f} GB free")

    def _is_news(self) -> bool:
        """Whether there is anything that an operator does not know yet."""
        told = set(self.state.state.told)
        return bool(self.digest.counts or self.digest.refused or set(self._tellable()) - told)

    def _tellable(self) -> list[str]:
        return [*self._warnings, *(f"waiting:{obs_id}" for obs_id in self.digest.waiting)]

    def _remember(self) -> None:
        try:
            with self.state.changed() as state:
                state.told, state.last_s = self._tellable(), self.watch.clock.now()
        except OSError as error:
            if not self.digest.refused:
                self._warn("state", self._not_kept(error))

    def _not_kept(self, error: OSError) -> str:
        what_to_do = "make room there, or change its rights"
        return f"the state of the nights cannot be kept in {self.folder}: {error}; {what_to_do}"

    def _finish(self, status: int, news: bool) -> Ending:
        digest = self.digest
        digest.ended = iso(self.watch.clock.now())
        digest.warnings = list(self._warnings.values())
        out = self.states.read()
        digest.quarantine = {name: s.reason for name, s in sorted(out.items()) if s.state == QUARANTINED}
        outbox = Outbox(self.folder / "digests", self.settings)
        unsent = outbox.send(digest) if news else outbox.send_again()
        if not status and (digest.failed or unsent):
            status = SipError.exit_code
        return Ending(status, digest, news, unsent, sent=bool(outbox.ways) and not unsent)
