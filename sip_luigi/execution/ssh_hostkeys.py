"""Host keys: who is known, and what to do about a server that is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sip_luigi.domain.errors import HostKeyError
from sip_luigi.execution.ssh_config import DEFAULT_KNOWN_HOSTS, Hop


@dataclass(frozen=True)
class KnownKey:
    """A line of a file of known hosts that speaks of a host.

    Attributes
    ----------
    kind : str
        Type of the key, as ``ssh-ed25519``.
    blob : bytes
        The public key.
    where : str
        File and line.
    file : str
        The file.
    revoked : bool
        Whether the line says that the key must never be accepted.
    """

    kind: str
    blob: bytes
    where: str
    file: str
    revoked: bool = False

    def __str__(self) -> str:
        """Type and fingerprint, and where they are written."""
        return f"{self.kind} {fingerprint(self.blob)} ({self.where})"


def known_keys(name: str, files: Iterable[str]) -> tuple[KnownKey, ...]:
    """Find what files of known hosts say of a host; files that are not there say nothing."""
    return tuple(key for file in files for key in _keys_in(name, file))


def fingerprint(blob: bytes) -> str:
    """SHA256 fingerprint of a public key as OpenSSH prints it."""
    digest = base64.b64encode(hashlib.sha256(blob).digest())
    return f"SHA256:{digest.decode().rstrip('=')}"


def verify(hop: Hop, kind: str, blob: bytes) -> None:
    """Refuse a host key that is not known to be the server's.

    Parameters
    ----------
    hop : Hop
        The server that was called.
    kind : str
        Type of the key that it shows.
    blob : bytes
        The key.

    Raises
    ------
    HostKeyError
        The key is unknown, another one than known, or revoked; the message says how to accept it.
    """
    known = known_keys(hop.key_name, hop.known_hosts)
    shown = f"{hop.name}: {hop.key_name} shows the host key {kind} {fingerprint(blob)}"
    revoked = [key for key in known if key.revoked and key.blob == blob]
    if revoked:
        raise HostKeyError(f"{shown}, which is revoked ({revoked[0].where}): do not connect to it")
    trusted = [key for key in known if not key.revoked]
    if any(key.blob == blob for key in trusted):
        return
    check = "compare the fingerprint with that of the node itself (ssh-keygen -lf on its /etc/ssh/ssh_host_*_key.pub)"
    accept = _indented(scan_command(hop, kind))
    if not trusted:
        files = ", ".join(hop.known_hosts)
        raise HostKeyError(f"{shown}, which is not in {files}; {check}, then accept it with\n{accept}")
    forget = "\n".join(_indented(command) for command in forget_commands(hop, trusted))
    raise HostKeyError(
        f"{shown}, but it HAS CHANGED: known is {', '.join(map(str, trusted))}. Somebody may be listening in. If the "
        f"node was installed anew, {check}, then accept it with\n{forget}\n{accept}"
    )


def scan_command(hop: Hop, kind: str) -> str:
    """The shell command that writes down the host key of a server, asked from where it can be reached."""
    kind = "ecdsa" if kind.startswith("ecdsa-") else kind.removeprefix("ssh-")
    command = shlex.join(("ssh-keyscan", "-p", str(hop.port), "-t", kind, hop.host))
    if hop.via:
        *before, last = map(str, hop.via)
        jumps = ("-J", ",".join(jump.removeprefix("ssh://") for jump in before)) if before else ()
        config = ("-F", hop.config) if hop.config else ()
        command = shlex.join(("ssh", *config, *jumps, last, command))
    if hop.key_name not in (hop.host.lower(), f"[{hop.host}]:{hop.port}".lower()):
        # It is known by an alias.
        command += f" | {shlex.join(('sed', f's|^[^ ]*|{hop.key_name}|'))}"
    return f"{command} >> {shlex.quote(_own_file(hop))}"


def forget_commands(hop: Hop, keys: Iterable[KnownKey]) -> list[str]:
    """The shell commands that strike what is known of a server."""
    files = dict.fromkeys(key.file for key in keys)
    return [shlex.join(("ssh-keygen", "-R", hop.key_name, "-f", file)) for file in files]


def _own_file(hop: Hop) -> str:
    default = str(Path(DEFAULT_KNOWN_HOSTS.split()[0]).expanduser())
    return next(iter(hop.known_hosts), default)


def _indented(command: str) -> str:
    return f"    {command}"


def _keys_in(name: str, file: str) -> Iterator[KnownKey]:
    try:
        text = Path(file).read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise HostKeyError(f"{name}: known host keys cannot be read: {error}") from error
    for number, line in enumerate(text.splitlines(), 1):
        key = _parse(name, line, f"{file}:{number}", file)
        if key:
            yield key


def _parse(name: str, line: str, where: str, file: str) -> KnownKey | None:
    fields = line.split()
    if not fields or fields[0].startswith("#"):
        return None
    marker = fields.pop(0) if fields[0].startswith("@") else ""
    # A certificate authority vouches for certificates, which are not asked for.
    if len(fields) < 3 or marker == "@cert-authority" or not _matches(name, fields[0]):
        return None
    try:
        blob = base64.b64decode(fields[2], validate=True)
    except ValueError:
        return None
    return KnownKey(fields[1], blob, where, file, revoked=marker == "@revoked")


def _matches(name: str, patterns: str) -> bool:
    if patterns.startswith("|1|"):
        return _is_hash_of(name, patterns)
    found = False
    for pattern in patterns.lower().split(","):
        if _like(name, pattern.removeprefix("!")):
            if pattern.startswith("!"):
                return False
            found = True
    return found


def _like(name: str, pattern: str) -> bool:
    # Not fnmatch: brackets stand for themselves here.
    parts = {"*": ".*", "?": "."}
    return bool(re.fullmatch("".join(parts.get(letter, re.escape(letter)) for letter in pattern), name))


def _is_hash_of(name: str, field: str) -> bool:
    try:
        salt, digest = (base64.b64decode(part) for part in field.split("|")[2:])
    except ValueError:
        return False
    # HMAC-SHA1 is what the file format prescribes.
    return hmac.compare_digest(hmac.digest(salt, name.encode(), "sha1"), digest)
