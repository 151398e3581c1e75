"""The small process that starts jobs on this machine.

A job's supervisor is forked. A fork of the pipeline itself, which is large and full of threads, takes ten times as long
and may inherit a lock that nobody will ever release.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
import weakref
from typing import Any

from sip_luigi.domain.errors import TransportError


class LocalStarter:
    """Hands ``start`` to a process that runs :mod:`sip_luigi.node.serve`; threads take turns.

    The process begins with the first job and ends with this one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def ask(self, command: str, request: dict[str, Any]) -> tuple[int, dict[str, Any], str]:
        """Exit status, answer and standard error of a node command.

        Raises
        ------
        TransportError
            The process ended, twice.
        """
        line = json.dumps({"id": 0, "command": command, "request": request}).encode() + b"\n"
        with self._lock:
            # Every node command may be repeated: a second `start` adopts what the first has started.
            for _ in range(2):
                reply = self._exchange(self._running(), line)
                if reply:
                    answer = json.loads(reply)
                    return answer["status"], answer["answer"], answer["said"]
        raise TransportError(f"{command}: the process that starts jobs on this machine ends at once")

    def _running(self) -> subprocess.Popen[bytes]:
        # What a parent process talks to is not for its forked child.
        if self._process is None or self._owner != os.getpid() or self._process.poll() is not None:
            self._owner = os.getpid()
            self._process = subprocess.Popen(
                (sys.executable, "-m", "sip_luigi.node", "serve"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                cwd="/",
                # Ctrl-C is for the pipeline; this one ends when its input does.
                start_new_session=True,
            )
            weakref.finalize(self, _end, self._process)
        return self._process

    @staticmethod
    def _exchange(process: subprocess.Popen[bytes], line: bytes) -> bytes:
        if process.stdin is None or process.stdout is None:
            raise TypeError("expected a process with pipes")
        try:
            process.stdin.write(line)
            process.stdin.flush()
        except OSError:
            process.wait()
            return b""
        for reply in process.stdout:
            # The others are signs of life.
            if b'"id"' in reply:
                return reply
        process.wait()
        return b""


def _end(process: subprocess.Popen[bytes]) -> None:
    """Let the process go: it ends with its input."""
    for pipe in (process.stdin, process.stdout):
        if pipe:
            with contextlib.suppress(OSError):
                pipe.close()
    process.wait()
