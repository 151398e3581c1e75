"""Run what may crash in a process of its own.

casacore ends the process with a segmentation fault on some truncated tables, and may do so again when such a
table is closed. A child does the reading, so that a crash becomes a message.
"""

from __future__ import annotations

import os
import pickle
import signal
from collections.abc import Callable
from typing import Any, BinaryIO

from sip_luigi.domain.errors import BadData, ProgramError


def guarded(function: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    """Call a function on a request in a forked child and return its answer.

    Raises
    ------
    BadData
        The child was ended by a signal: what it read is damaged.
    ProgramError
        The child was killed by somebody else.
    Exception
        Whatever the function raised.
    """
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        with os.fdopen(write, "wb") as stream:
            _answer(function, request, stream)
        # Without this the tables would be closed, which is where some crashes are.
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as stream:
        text = stream.read()
    _, status = os.waitpid(pid, 0)
    if not text and os.waitstatus_to_exitcode(status) in (-signal.SIGKILL, -signal.SIGTERM):
        raise ProgramError(f"{request.get('path', '')}: the reader was killed; was the memory full?")
    if not text:
        raise BadData(
            f"{request.get('path', '')}: reading it ended with {_cause(status)}: the tables are "
            "damaged or truncated; copy the data again"
        )
    # Not a file: it was written a moment ago by our own child.
    value = pickle.loads(text)  # noqa: S301
    if isinstance(value, BaseException):
        raise value
    return value  # type: ignore[no-any-return]


def _answer(
    function: Callable[[dict[str, Any]], dict[str, Any]], request: dict[str, Any], stream: BinaryIO
) -> None:
    try:
        text = pickle.dumps(function(request))
    except Exception as error:
        text = pickle.dumps(error)
    stream.write(text)
    stream.flush()


def _cause(status: int) -> str:
    number = os.waitstatus_to_exitcode(status)
    return signal.Signals(-number).name if number < 0 else f"exit status {number}"
