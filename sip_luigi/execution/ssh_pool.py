"""The connection that the threads of a process share on their way to one node."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from sip_luigi.domain.errors import TransportError
from sip_luigi.execution.ssh_connection import Deadline, Link


class Pool:
    """At most one connection that takes new commands, opened when it is needed.

    One that failed takes no more; who still uses it may go on, and the last one closes it.

    Parameters
    ----------
    node : str
        The node's name.
    connect : callable
        Opens a connection.
    max_channels : int
        Most commands at a time.
    """

    def __init__(self, node: str, connect: Callable[[Deadline], Link], max_channels: int) -> None:
        self.node, self._connect = node, connect
        self._slots = threading.BoundedSemaphore(max_channels)
        self._connecting, self._lock = threading.Lock(), threading.Lock()
        self._link: Link | None = None

    @contextlib.contextmanager
    def link(self, deadline: Deadline) -> Iterator[Link]:
        """The connection, for one command.

        Raises
        ------
        TransportError
            It cannot be opened, or its turn does not come before the deadline.
        """
        with self._turn(self._slots, deadline, "all sessions are in use"):
            link = self._enter(deadline)
            try:
                yield link
            except TransportError:
                self._retire(link)
                raise
            finally:
                self._leave(link)

    def close(self) -> None:
        """Take no more commands on the present connection."""
        link = self._link
        if link is not None:
            self._retire(link)

    def _enter(self, deadline: Deadline) -> Link:
        with self._turn(self._connecting, deadline, "a connection is still being tried"):
            link = self._link
            if link is not None and not link.alive:
                self._retire(link)
                link = None
            if link is None:
                link = self._connect(deadline)
                deadline.renew()
            with self._lock:
                self._link = link
                link.users += 1
            return link

    def _leave(self, link: Link) -> None:
        with self._lock:
            link.users -= 1
        self._close_unused(link)

    def _retire(self, link: Link) -> None:
        with self._lock:
            if self._link is link:
                self._link = None
        self._close_unused(link)

    def _close_unused(self, link: Link) -> None:
        with self._lock:
            unused = link.users == 0 and self._link is not link
        if unused:
            link.close()

    @contextlib.contextmanager
    def _turn(
        self, lock: threading.Lock | threading.BoundedSemaphore, deadline: Deadline, why: str
    ) -> Iterator[None]:
        if not lock.acquire(timeout=deadline.left):
            raise TransportError(f"{self.node}: {why}, for {deadline.seconds:g} s")
        try:
            yield
        finally:
            lock.release()
