"""What became of every observation, night by night: one JSON file, written whole after every change."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sip_luigi.node.files import write_atomically

logger = logging.getLogger("sip_luigi")

RUNNING, DONE, DEGRADED, FAILED = "running", "done", "degraded", "failed"


@dataclass
class Record:
    """What became of one observation.

    Attributes
    ----------
    fingerprint : str
        Of the raw data that were processed.
    outcome : {"running", "done", "degraded", "failed"}
        What came of the last attempt; ``running`` of one that nobody saw the end of.
    attempts : int
        How often these raw data were tried.
    cause : str
        What is to blame, empty for nothing.
    reason : str
        The same in a line for a person.
    software : str
        Version of the pipeline.
    """

    fingerprint: str
    outcome: str = RUNNING
    attempts: int = 0
    cause: str = ""
    reason: str = ""
    software: str = ""


@dataclass
class State:
    """All that is known from one night to the next.

    Attributes
    ----------
    last_s : float
        Unix time at which the last night ended, 0 before the first.
    observations : dict
        Records by observation.
    seen : dict
        Fingerprint of raw data that were not complete yet, by observation.
    failing : dict
        How many observations one after the other each compute node has failed in.
    told : list of str
        What an operator has been told of and need not be again, as long as it stays so.
    """

    last_s: float = 0.0
    observations: dict[str, Record] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    failing: dict[str, int] = field(default_factory=dict)
    told: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> State:
        """Read what :meth:`to_json` gave."""
        observations = {name: Record(**record) for name, record in value.pop("observations").items()}
        return cls(observations=observations, **value)

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


@dataclass
class StateFile:
    """The state on disk; threads of one process take turns, and the lock of the night keeps others away.

    Attributes
    ----------
    path : Path
        The file.
    """

    path: Path
    state: State = field(default_factory=State)
    lost: str = ""
    """Why the state begins anew though there was one."""
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def read(self) -> None:
        """Take up the state of the last night; one that cannot be read is put aside, and begins anew."""
        try:
            self.state = State.from_json(json.loads(self.path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            self.state = State()
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            aside = self.path.with_name(f"{self.path.name}.unreadable-{time.time_ns()}")
            self.path.replace(aside)
            self.lost = f"the state of earlier nights cannot be read ({error}); it is in {aside}"
            self.state = State()

    @contextmanager
    def changed(self) -> Iterator[State]:
        """Change the state, and keep it at the end of the ``with`` block."""
        with self._turn:
            yield self.state
            write_atomically(self.path, json.dumps(self.state.to_json(), indent=1))
