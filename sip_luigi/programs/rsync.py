"""rsync: copy a tree from another node, resumed where it was interrupted and compared by content."""

from __future__ import annotations

import re

_PERCENT = re.compile(r"\s(\d{1,3})%")


def rsync_command(
    source: str,
    destination: str,
    *,
    node: str = "",
    ssh_config: str = "",
    cipher: str = "",
    resumed: bool = False,
) -> tuple[str, ...]:
    """Argument list that makes `destination` what `source` is.

    Every file is compared by checksum after it was sent, as rsync always does.

    Parameters
    ----------
    source, destination : str
        Directories; the content of one becomes that of the other.
    node : str
        Node of the source, reached by ssh from where this runs; empty: it is seen here.
    ssh_config, cipher : str
        Configuration and cipher for ssh; empty: as OpenSSH does by itself.
    resumed : bool
        Something of an interrupted copy may be there: files are compared by checksum before they are taken for
        present, so that one of the right length and date with other content is sent again. All data are read once
        more for it.
    """
    command = ["rsync", "--archive", "--no-owner", "--no-group", "--chmod=u+w", "--copy-links"]
    command += ["--partial", "--inplace", "--delete", "--mkpath", "--info=progress2"]
    if resumed:
        command.append("--checksum")
    if not node:
        return (*command, f"{source}/", f"{destination}/")
    # The node's shell never sees the path.
    command += ["--protect-args", "--rsh", " ".join(map(_quoted, ssh_command(ssh_config, cipher)))]
    return (*command, f"{node}:{source}/", f"{destination}/")


def rsync_progress(log: str) -> float:
    """How far rsync has come, 0 to 1."""
    found = _PERCENT.findall(log)
    return min(1.0, int(found[-1]) / 100.0) if found else 0.0


def ssh_command(ssh_config: str = "", cipher: str = "") -> tuple[str, ...]:
    """Argument list of ssh that never asks and never trusts an unknown host; the host follows."""
    words = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "ServerAliveInterval=15"]
    words += ["-o", "ConnectTimeout=30"]
    if ssh_config:
        words += ["-F", ssh_config]
    if cipher:
        words += ["-c", cipher]
    return tuple(words)


def _quoted(word: str) -> str:
    # rsync's own rules: quotes are doubled inside quotes.
    return '"' + word.replace('"', '""') + '"' if re.search(r"[\s\"']", word) else word
