"""Logging in with public keys."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paramiko  # type: ignore[import-untyped]

from sip_luigi.domain.errors import ConfigurationError, TransportError
from sip_luigi.execution.ssh_config import Hop

DEFAULT_IDENTITIES = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
PATIENCE = 5
"""Refused keys after which a server that hangs up means it; OpenSSH allows six."""


def log_in(transport: Any, hop: Hop) -> None:
    """Log in to a server with the keys that are configured for it, those of the agent, and the usual ones.

    Raises
    ------
    ConfigurationError
        The server accepts none of the keys; the message lists them.
    TransportError
        The connection was lost.
    """
    tried: list[str] = []
    agent = paramiko.Agent()
    try:
        for label, key in _keys(hop, agent, tried):
            tried.append(label)
            if _accepted(transport, hop, key, tried):
                return
    finally:
        agent.close()
    raise _refused(hop, tried)


def _accepted(transport: Any, hop: Hop, key: Any, tried: list[str]) -> bool:
    try:
        wanted = transport.auth_publickey(hop.user, key)
    except paramiko.BadAuthenticationType as error:
        raise _refused(hop, tried, f"; the server wants {', '.join(error.allowed_types)}") from error
    except (paramiko.SSHException, EOFError, OSError) as error:
        if transport.is_active() and "timeout" not in str(error):
            return False
        if len(tried) >= PATIENCE:
            raise _refused(hop, tried, "; it hung up (MaxAuthTries?): set IdentitiesOnly") from error
        lost = f"{hop.name}: connection lost while logging in as {hop} (keys tried: {', '.join(tried)})"
        raise TransportError(f"{lost}: {error}") from error
    if wanted:
        raise _refused(hop, tried, f"; the server also wants {', '.join(wanted)}")
    return True


def _refused(hop: Hop, tried: list[str], more: str = "") -> ConfigurationError:
    return ConfigurationError(
        f"{hop.name}: {hop} accepts none of the keys tried: {', '.join(tried) or 'none found'}{more}; add the "
        "public key to ~/.ssh/authorized_keys there, or set User and IdentityFile in the ssh configuration"
    )


def _keys(hop: Hop, agent: Any, notes: list[str]) -> Iterator[tuple[str, Any]]:
    """Keys to try, each once; what cannot be read is noted."""
    seen: set[bytes] = set()
    for label, key in _candidates(hop, agent, notes):
        blob = key.asbytes()
        if blob not in seen:
            seen.add(blob)
            yield f"{label} ({key.get_name()} {key.fingerprint})", key


def _candidates(hop: Hop, agent: Any, notes: list[str]) -> Iterator[tuple[str, Any]]:
    yield from _load(hop.identity_files, notes)
    allowed = set(map(_public_blob, hop.identity_files))
    for key in agent.get_keys():
        if not hop.identities_only or key.asbytes() in allowed:
            yield f"agent: {key.comment}", key
    if not (hop.identities_only and hop.identity_files):
        usual = (str(Path(path).expanduser()) for path in DEFAULT_IDENTITIES)
        yield from _load((path for path in usual if Path(path).is_file()), notes)


def _load(paths: Any, notes: list[str]) -> Iterator[tuple[str, Any]]:
    for path in paths:
        try:
            yield path, paramiko.PKey.from_path(path)
        except TypeError:
            notes.append(f"{path} (needs a passphrase: add it to the agent)")
        except Exception as error:
            notes.append(f"{path} ({error or type(error).__name__})")


def _public_blob(path: str) -> bytes:
    """The public key that lies beside a private one: an agent may hold the private one."""
    for name in (f"{path}.pub", path):
        try:
            return base64.b64decode(Path(name).read_text(encoding="utf-8").split()[1], validate=True)
        except (OSError, ValueError, IndexError):
            continue
    return b""
