"""The state of the scheduler on disk: whole or not at all, and whatever lies there never stops a start."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sip_luigi.node.files import write_atomically
from sip_luigi.scheduler.state_json import UnreadableState

logger = logging.getLogger("sip_luigi")


@dataclass(frozen=True)
class StateFile:
    """A JSON file.

    Attributes
    ----------
    path : Path
        Where it lies.
    """

    path: Path

    def write(self, text: str) -> bool:
        """Put a state in the place of the one before; tell whether that could be done."""
        try:
            write_atomically(self.path, text)
        except OSError as error:
            logger.warning("%s: the state of the scheduler could not be saved: %s", self.path, error)
            return False
        return True

    def read(self) -> Any:
        """What was written last; None where there is nothing.

        Raises
        ------
        UnreadableState
            The file is no JSON, or cannot be read.
        """
        try:
            return json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, RecursionError) as error:
            raise UnreadableState(f"{type(error).__name__}: {error}") from error

    def put_aside(self, why: UnreadableState) -> None:
        """Keep a file that cannot be used for whoever wants to know, out of the way of the next one."""
        aside = self.path.with_name(f"{self.path.name}.unreadable-{time.strftime('%Y%m%dT%H%M%S')}")
        try:
            self.path.replace(aside)
        except OSError as error:
            aside = Path(f"{self.path} ({error})")
        logger.warning(
            "%s is no usable state (%s): the scheduler begins empty, workers will tell it anew what there is to do; "
            "the file is kept as %s",
            self.path,
            why,
            aside,
        )
