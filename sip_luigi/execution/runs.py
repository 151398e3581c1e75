"""Which runs of the main command are going on: small files on the head node, for those who look or want to end them."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from sip_luigi.domain.errors import AlreadyRunning
from sip_luigi.node.files import write_atomically
from sip_luigi.node.process import process_start_time

END_S = 10.0
"""Time that a run has for an end of its own after each signal."""


@dataclass(frozen=True)
class RunningCommand:
    """A run of the main command.

    Attributes
    ----------
    obs_ids : tuple of str
        The observation, and that of its calibrator.
    host, pid, process_start
        Its process.
    started : float
        Unix time.
    command : tuple of str
        As it was called.
    scheduler : str
        URL of the luigid that it asks, empty for one of its own.
    """

    obs_ids: tuple[str, ...]
    host: str
    pid: int
    process_start: str
    started: float
    command: tuple[str, ...]
    scheduler: str = ""

    @property
    def is_here(self) -> bool:
        """Whether it runs on this machine."""
        return self.host == socket.gethostname()

    @property
    def goes_on(self) -> bool:
        """Whether its process is there; of another machine nobody knows, and it is believed."""
        return not self.is_here or process_start_time(self.pid) == self.process_start


@dataclass(frozen=True)
class RunRecords:
    """The files, one for each run, and a lock by which those who remove data keep runs away.

    Attributes
    ----------
    directory : Path
        Where they lie; all observations share it.
    """

    directory: Path

    def going_on(self, obs_id: str = "") -> list[RunningCommand]:
        """Runs that go on, of one observation or of all."""
        found = [run for path in self._paths() if (run := _read(path)) and run.goes_on]
        return sorted(
            (run for run in found if not obs_id or obs_id in run.obs_ids), key=lambda run: run.started
        )

    @contextmanager
    def recorded(self, obs_ids: Sequence[str], command: Sequence[str], scheduler: str) -> Iterator[None]:
        """Be known as a run for the length of a ``with`` block."""
        pid = os.getpid()
        run = RunningCommand(
            obs_ids=tuple(obs_ids),
            host=socket.gethostname(),
            pid=pid,
            process_start=process_start_time(pid),
            started=time.time(),
            command=tuple(command),
            scheduler=scheduler,
        )
        path = self.directory / f"{run.host}-{pid}-{uuid.uuid4().hex[:8]}.json"
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._gate(fcntl.LOCK_SH):
            self._sweep()
            write_atomically(path, json.dumps(asdict(run)), durable=False)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def kept_away(self, obs_id: str) -> Iterator[None]:
        """Let no run begin for the length of a ``with`` block.

        Raises
        ------
        AlreadyRunning
            One of the observation goes on.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        with self._gate(fcntl.LOCK_EX):
            if runs := self.going_on(obs_id):
                raise AlreadyRunning(
                    f"{obs_id}: a run goes on, process {runs[0].pid} on {runs[0].host}; wait for its end, or end it: "
                    f"sip cancel {obs_id}"
                )
            yield

    @contextmanager
    def _gate(self, how: int) -> Iterator[None]:
        descriptor = os.open(self.directory / ".gate", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, how)
            yield
        finally:
            os.close(descriptor)

    def _sweep(self) -> None:
        """Remove the records of runs that were killed."""
        for path in self._paths():
            run = _read(path)
            if run and not run.goes_on:
                path.unlink(missing_ok=True)

    def _paths(self) -> list[Path]:
        return sorted(self.directory.glob("*.json"))


def end(run: RunningCommand) -> bool:
    """End a run of this machine, gently first; whether it has ended.

    A run that is told to end writes down how it ended, see :func:`told_to_end`.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        if not run.goes_on:
            return True
        try:
            os.kill(run.pid, number)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
        deadline = time.monotonic() + END_S
        while run.goes_on and time.monotonic() < deadline:
            time.sleep(0.1)
    return not run.goes_on


@contextmanager
def told_to_end() -> Iterator[None]:
    """Have SIGTERM interrupt the run for the length of a ``with`` block, as Ctrl-C does.

    Of the two, SIGTERM alone is heard by a run that a script has started in the background.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _read(path: Path) -> RunningCommand | None:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
        value["obs_ids"], value["command"] = tuple(value["obs_ids"]), tuple(value["command"])
        return RunningCommand(**value)
    except (OSError, ValueError, KeyError, TypeError):
        return None
