"""One connection to a node: opened through its jump hosts, verified, authenticated, shared by threads, not by forks."""

from __future__ import annotations

import contextlib
import logging
import os
import socket
import time
import weakref
from collections.abc import Iterator
from typing import Any

import paramiko  # type: ignore[import-untyped]
import paramiko.transport  # type: ignore[import-untyped]
import tenacity

from sip_luigi.domain.errors import TransportError
from sip_luigi.execution.ssh_auth import log_in
from sip_luigi.execution.ssh_config import Hop, find_route
from sip_luigi.execution.ssh_hostkeys import known_keys, verify

# What it has to say is in the exceptions; on the terminal of a user its tracebacks would look like failures.
logging.getLogger("paramiko").addHandler(logging.NullHandler())
logging.getLogger("paramiko").propagate = False

LAST_WORDS_S = 0.3
"""How long the thread of a lost connection may take to end."""


class ConnectionLost(TransportError):
    """The connection ended under a command; on a new one it may succeed.

    Parameters
    ----------
    message : str
        What was lost.
    started : bool
        Whether the command may have begun to run.
    """

    def __init__(self, message: str, started: bool) -> None:
        super().__init__(message)
        self.started = started


class Busy(TransportError):
    """A server took the call and hung up at once: too many are logging in (``MaxStartups``)."""


class Deadline:
    """A time limit that progress puts off.

    Parameters
    ----------
    seconds : float
        Longest time without progress.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.renew()

    def renew(self) -> None:
        """There was progress."""
        self._end = time.monotonic() + self.seconds

    @property
    def left(self) -> float:
        """Seconds that remain, 0 when it has passed."""
        return max(0.0, self._end - time.monotonic())


class Tunnel:
    """A channel to the server behind a jump host, as the socket of the connection to that server.

    Parameters
    ----------
    channel : paramiko.Channel
        Opened on the connection to the jump host.
    """

    def __init__(self, channel: Any) -> None:
        self._channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self._channel, name)

    def close(self) -> None:
        """Close the channel; a connection to the jump host that is lost already needs no word of it."""
        with contextlib.suppress(paramiko.SSHException, EOFError, OSError):
            self._channel.close()


class Link:
    """An open connection.

    Parameters
    ----------
    node : str
        The node's name.
    """

    def __init__(self, node: str) -> None:
        self.node = node
        self.users = 0
        self._transports: list[Any] = []
        _open_links.add(self)

    def extend(self, sock: Any) -> Any:
        """Begin a connection to the next server, over a socket or a channel of the one before."""
        transport = paramiko.Transport(sock)
        self._transports.append(transport)
        return transport

    @property
    def transport(self) -> Any:
        """The connection to the node itself."""
        return self._transports[-1]

    @property
    def alive(self) -> bool:
        """Whether the connection stands, as far as this side knows."""
        return all(transport.is_active() for transport in self._transports)

    def lost(self) -> bool:
        """Whether the connection ended, asked after something on it did."""
        # A lost connection ends its channels first, and is called inactive a moment later.
        self.transport.join(LAST_WORDS_S)
        return not self.alive

    def close(self) -> None:
        """End it, whoever waits for it; with the socket first, so that nothing is sent any more."""
        for transport in self._transports:
            transport.packetizer.complete_handshake()
            transport.close()
            transport.sock.close()

    def sever(self) -> None:
        """Let go of a connection of the parent process without a word to the server."""
        for transport in self._transports:
            transport.active = False
        if self._transports:
            self._transports[0].sock.close()


_open_links: weakref.WeakSet[Link] = weakref.WeakSet()
_inherited: list[Link] = []


def _forget_inherited() -> None:
    """In a forked child: whatever it said on a connection of its parent would end that one.

    Collecting a channel says "close", and so does paramiko at exit. So all is marked dead, and kept.
    """
    _inherited.extend(_open_links)
    _open_links.clear()
    for link in _inherited:
        link.sever()
    paramiko.transport._active_threads.clear()


os.register_at_fork(after_in_child=_forget_inherited)


def connect(
    node: str, config: str, attempts: int, timeout_s: float, keepalive_s: float, deadline: Deadline
) -> Link:
    """Connect to a node, trying again when it is out of reach or busy.

    Parameters
    ----------
    node : str
        Its name.
    config : str
        Path of an ``ssh_config`` file; empty: the user's own.
    attempts : int
        How often to try. A server that is only busy is tried until the deadline.
    timeout_s : float
        Time for each step of an attempt, unless the configuration has a ``ConnectTimeout``.
    keepalive_s : float
        Time between signs of life.
    deadline : Deadline
        When to give up.

    Raises
    ------
    ConfigurationError, HostKeyError
        Nothing that another attempt would change.
    TransportError
        The last attempt failed.
    """
    route = find_route(node, config)
    too_late = tenacity.stop_before_delay(deadline.left)

    def is_enough(state: tenacity.RetryCallState) -> bool:
        busy = state.outcome is not None and isinstance(state.outcome.exception(), Busy)
        return too_late(state) or (not busy and state.attempt_number >= attempts)

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception_type(TransportError),
        stop=is_enough,
        wait=tenacity.wait_random_exponential(multiplier=0.25, max=4.0),
        reraise=True,
    )
    return retrying(_connect_once, route, timeout_s, keepalive_s, deadline)


def _connect_once(route: tuple[Hop, ...], timeout_s: float, keepalive_s: float, deadline: Deadline) -> Link:
    link = Link(route[-1].name)
    try:
        for hop in route:
            limit_s = max(0.01, min(hop.connect_timeout_s or timeout_s, deadline.left))
            sock = _call(link, hop, limit_s)
            _greet(link.extend(sock), hop, limit_s, keepalive_s)
    except BaseException:
        link.close()
        raise
    return link


def _call(link: Link, hop: Hop, limit_s: float) -> Any:
    with _transport_errors(f"{hop.name}: cannot connect to {hop}"):
        if not link._transports:
            sock = socket.create_connection((hop.host, hop.port), limit_s)
            # Many small messages, each waited for.
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        return Tunnel(
            link.transport.open_channel(
                "direct-tcpip", (hop.host, hop.port), ("127.0.0.1", 0), timeout=limit_s
            )
        )


def _greet(transport: Any, hop: Hop, limit_s: float, keepalive_s: float) -> None:
    transport.banner_timeout = transport.handshake_timeout = transport.auth_timeout = limit_s
    _prefer_known_keys(transport, hop)
    began = time.monotonic()
    with _transport_errors(f"{hop.name}: no connection to {hop}"):
        try:
            transport.start_client(timeout=limit_s)
            key = transport.get_remote_server_key()
        except (paramiko.SSHException, EOFError, OSError) as error:
            if not transport.remote_version and time.monotonic() - began < limit_s:
                raise Busy(f"{hop.name}: {hop} hangs up (is it busy? see MaxStartups of its sshd)") from error
            raise
    verify(hop, key.get_name(), key.asbytes())
    log_in(transport, hop)
    transport.set_keepalive(keepalive_s)


def _prefer_known_keys(transport: Any, hop: Hop) -> None:
    """Ask for the host key that can be verified, where a server has several."""
    known = {key.kind for key in known_keys(hop.key_name, hop.known_hosts)}
    options = transport.get_security_options()
    # RSA keys are written down as ssh-rsa, whatever they sign with.
    options.key_types = sorted(
        options.key_types, key=lambda kind: ("ssh-rsa" if kind.startswith("rsa-") else kind) not in known
    )


@contextlib.contextmanager
def _transport_errors(what: str) -> Iterator[None]:
    try:
        yield
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise TransportError(f"{what}: {error or type(error).__name__}") from error
