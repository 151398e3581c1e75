"""What an OpenSSH client configuration says about the way to a node."""

from __future__ import annotations

import getpass
import glob
import os
import re
import shlex
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paramiko  # type: ignore[import-untyped]

from sip_luigi.domain.errors import ConfigurationError

DEFAULT_CONFIG = "~/.ssh/config"
DEFAULT_KNOWN_HOSTS = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
GLOBAL_KNOWN_HOSTS = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
MAX_INCLUDES = 16
"""Depth at which OpenSSH gives up, too."""

_OPTION = re.compile(r"\s*(\w+)(?:\s*=\s*|\s+)(.*?)\s*")
_ADDRESS = re.compile(r"(?:ssh://)?(?:([^@]+)@)?(\[[^]]+\]|[^:@\[\]]+)(?::(\d+))?/?")


@dataclass(frozen=True)
class Address:
    """Where to go, as a node or a ``ProxyJump`` names it: ``[user@]host[:port]``."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        """As ``ssh`` takes it for a destination."""
        user = f"{self.user}@" if self.user else ""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh://{user}{host}:{self.port}" if self.port else f"{user}{self.host}"


@dataclass(frozen=True)
class Hop:
    """One server on the way to a node; the last one is the node.

    Attributes
    ----------
    name : str
        As it was asked for.
    host, port, user : str, int, str
        Where to connect, and as whom.
    key_name : str
        Its name in files of known host keys.
    known_hosts : tuple of str
        Files of known host keys; the first one is the user's own.
    identity_files : tuple of str
        Private keys that are configured for it.
    identities_only : bool
        Whether no other keys are tried.
    connect_timeout_s : float or None
        ``ConnectTimeout``.
    via : tuple of Address
        ``ProxyJump``: what has to be passed to get here.
    config : str
        The configuration file given, empty for the user's own.
    """

    name: str
    host: str
    port: int
    user: str
    key_name: str
    known_hosts: tuple[str, ...]
    identity_files: tuple[str, ...] = ()
    identities_only: bool = False
    connect_timeout_s: float | None = None
    via: tuple[Address, ...] = ()
    config: str = ""

    def __str__(self) -> str:
        """Who is called where, for messages."""
        return f"{self.user}@{self.host}:{self.port}"


def find_route(node: str, config: str = "") -> tuple[Hop, ...]:
    """Find the servers that have to be passed to reach a node.

    Parameters
    ----------
    node : str
        Name of the node.
    config : str
        Path of an ``ssh_config`` file; empty: ``~/.ssh/config`` if there is one.

    Returns
    -------
    tuple of Hop
        In order; the last one is the node.

    Raises
    ------
    ConfigurationError
        The file cannot be read or understood, or its ``ProxyJump`` lead round in a circle.
    """
    path = Path(config or DEFAULT_CONFIG).expanduser()
    text = _read(path) if config or path.is_file() else ""
    try:
        # Where OpenSSH looks for included files, too, whichever file names them.
        text = expand_includes(text, Path("~/.ssh").expanduser())
        return _Router(paramiko.SSHConfig.from_text(text), config).route(Address(node))
    except (paramiko.ConfigParseError, paramiko.CouldNotCanonicalize, ValueError) as error:
        raise ConfigurationError(f"{path}: {node}: {error}") from error


def parse_jumps(text: str | None) -> tuple[Address, ...]:
    """Read a ``ProxyJump``: destinations with commas between them, or ``none``.

    Raises
    ------
    ValueError
        One of them is no destination.
    """
    if not text or text.lower() == "none":
        return ()
    return tuple(map(_parse_address, text.split(",")))


def expand_includes(text: str, folder: Path, block: str = "Host *", depth: int = 0) -> str:
    """Put the files that ``Include`` names into the text; the block around each goes on behind it."""
    lines = []
    for line in text.splitlines():
        match = _OPTION.fullmatch(line)
        keyword = match[1].lower() if match else ""
        if keyword in ("host", "match"):
            block = line
        if not match or keyword != "include":
            lines.append(line)
            continue
        if depth == MAX_INCLUDES:
            raise ValueError(f"Include {match[2]}: nested too deeply")
        for path in _included(match[2], folder):
            lines += [expand_includes(_read(path), folder, block, depth + 1), block]
    return "\n".join(lines)


def words(value: str, tokens: Mapping[str, str]) -> Iterator[str]:
    """Paths of an option that takes several, with ``~`` and ``%`` tokens replaced."""
    for word in shlex.split(value):
        if word.lower() != "none":
            replaced = re.sub(r"%(.)", lambda match: tokens.get(match[1], match[0]), word)
            yield str(Path(replaced).expanduser())


class _Router:
    def __init__(self, config: Any, given: str) -> None:
        self.config, self.given = config, given

    def route(
        self, to: Address, via: tuple[Address, ...] | None = None, seen: tuple[str, ...] = ()
    ) -> tuple[Hop, ...]:
        """The way to a host: through what its own ``ProxyJump`` says, or one that named it."""
        options = self.config.lookup(to.host)
        jumps = parse_jumps(options.get("proxyjump")) if via is None else via
        # `Host *` with a ProxyJump fits the jump host as well.
        jumps = tuple(jump for jump in jumps if jump.host != to.host)
        hop = self._hop(to, options, jumps)
        if not jumps:
            return (hop,)
        if to.host in seen:
            raise ValueError(f"ProxyJump leads round in a circle: {' -> '.join((*seen, to.host))}")
        return (*self.route(jumps[-1], jumps[:-1] or None, (*seen, to.host)), hop)

    def _hop(self, to: Address, options: Mapping[str, Any], via: tuple[Address, ...]) -> Hop:
        if options.get("proxycommand") and not via:
            raise ValueError("ProxyCommand is not supported; use ProxyJump")
        host, user = options["hostname"], to.user or options.get("user") or getpass.getuser()
        port = to.port or _integer(options, "port", 22)
        timeout = _integer(options, "connecttimeout", 0)
        tokens = {"%": "%", "d": str(Path.home()), "h": host, "n": to.host, "p": str(port), "r": user}
        tokens |= {"u": getpass.getuser(), "l": socket.gethostname()}
        known = f"{options.get('userknownhostsfile', DEFAULT_KNOWN_HOSTS)} "
        known += options.get("globalknownhostsfile", GLOBAL_KNOWN_HOSTS)
        name = host if port == 22 else f"[{host}]:{port}"
        return Hop(
            name=to.host,
            host=host,
            port=port,
            user=user,
            key_name=(options.get("hostkeyalias") or name).lower(),
            known_hosts=tuple(words(known, tokens)),
            identity_files=tuple(_identities(options)),
            identities_only=options.get("identitiesonly", "no").lower() == "yes",
            connect_timeout_s=float(timeout) or None,
            via=via,
            config=self.given,
        )


def _identities(options: Mapping[str, Any]) -> Iterator[str]:
    # Their tokens have been replaced already.
    for value in options.get("identityfile", ()):
        yield from words(shlex.quote(value), {})


def _integer(options: Mapping[str, Any], key: str, default: int) -> int:
    value = options.get(key, default)
    if not str(value).isdecimal() or int(value) > 65535:
        raise ValueError(f"{key}: expected a number, found {value!r}")
    return int(value)


def _parse_address(text: str) -> Address:
    match = _ADDRESS.fullmatch(text.strip())
    if not match or int(match[3] or 0) > 65535:
        raise ValueError(f"ProxyJump: expected [user@]host[:port], found {text.strip()!r}")
    return Address(match[2].strip("[]"), match[1], int(match[3]) if match[3] else None)


def _included(value: str, folder: Path) -> list[Path]:
    patterns = (folder / Path(word).expanduser() for word in shlex.split(value))
    return [Path(path) for pattern in patterns for path in sorted(glob.glob(str(pattern)))]  # noqa: PTH207


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"ssh configuration {os.fspath(path)}: cannot be read: {error}; see [cluster] ssh_config"
        ) from error
