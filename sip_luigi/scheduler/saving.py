"""Save the state of the scheduler now and then, without holding up those who talk to it."""

from __future__ import annotations

import asyncio
import logging
import time

from sip_luigi.scheduler.central import CentralScheduler

logger = logging.getLogger("sip_luigi")

SHARE = 0.05
"""Largest part of the time that may go into putting the state into words."""


class Saver:
    """Saves when something has changed.

    Parameters
    ----------
    scheduler : CentralScheduler
        Whose state it is.
    interval_s : float
        Shortest time between two savings.
    """

    def __init__(self, scheduler: CentralScheduler, interval_s: float) -> None:
        self.scheduler, self.interval_s = scheduler, interval_s
        self._saved = 0
        self._turn = asyncio.Lock()

    async def keep_saving(self) -> None:
        """Save for ever."""
        pause_s = self.interval_s
        while True:
            await asyncio.sleep(pause_s)
            try:
                pause_s = max(self.interval_s, await self.save() / SHARE)
            except Exception:
                logger.exception("the state of the scheduler could not be put into words")

    async def save(self) -> float:
        """Save if anything has changed since; return how long it took to put the state into words, s."""
        async with self._turn:
            started, changes = time.monotonic(), self.scheduler.changes
            if changes == self._saved:
                return 0.0
            pieces = []
            for piece in self.scheduler.state_pieces():
                pieces.append(piece)
                # Between two pieces calls are answered.
                await asyncio.sleep(0)
            taken_s = time.monotonic() - started
            # The disk may be slow; meanwhile calls are answered.
            loop = asyncio.get_running_loop()
            if await loop.run_in_executor(None, self.scheduler.state_file.write, "".join(pieces)):
                self._saved = changes
            return taken_s
