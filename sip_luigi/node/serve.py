"""Answer node commands one line at a time, for as long as somebody is at the other end."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from typing import Any, BinaryIO

from sip_luigi.domain.errors import BadData

EXIT_BAD_DATA = 65
"""Exit status of a node command whose data are at fault (EX_DATAERR of sysexits.h)."""
EXIT_FAILED = 70
"""Exit status of a node command that failed (EX_SOFTWARE)."""
IN_PROCESS = frozenset(
    {
        "look",
        "find_observations",
        "start",
        "poll",
        "cancel",
        "jobs",
        "end_jobs",
        "read_log",
        "clear",
        "summaries",
    }
)
"""Commands of the standard library alone; the others load casacore, which a process of its own keeps apart."""

BEAT_S = 1.0
"""Time between two signs of life."""

Answer = tuple[int, dict[str, Any], str]
Find = Callable[[str], Callable[[dict[str, Any]], dict[str, Any]]]


def serve(find: Find, questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer every question in a thread of its own; return at the end of the questions.

    Parameters
    ----------
    find : callable
        Function behind a command.
    questions : binary stream
        Lines ``{"id", "command", "request"}``.
    answers : binary stream
        Lines ``{"id", "status", "answer", "said"}``, in the order in which they are ready: the exit status that the
        command would have, its answer, and what it said on standard error. While a question is open, a line
        ``{"busy": n}`` every second tells that the node is alive.
    """
    turn, open_questions = threading.Lock(), set[int]()
    # Before there are threads: a supervisor is forked, and must not meet the lock of an import half done.
    for command in IN_PROCESS:
        find(command)

    def say(value: dict[str, Any]) -> None:
        with turn:
            answers.write(json.dumps(value).encode() + b"\n")
            answers.flush()

    def answer(question: dict[str, Any]) -> None:
        status, value, said = answer_to(find, question["command"], question["request"])
        open_questions.discard(question["id"])
        say({"id": question["id"], "status": status, "answer": value, "said": said})

    def beat() -> None:
        with contextlib.suppress(OSError, ValueError):
            while not ended.wait(BEAT_S):
                if open_questions:
                    say({"busy": len(open_questions)})

    ended = threading.Event()
    threading.Thread(target=beat, daemon=True).start()
    for line in questions:
        question = json.loads(line)
        open_questions.add(question["id"])
        threading.Thread(target=answer, args=(question,), daemon=True).start()
    ended.set()


def answer_to(find: Find, command: str, request: dict[str, Any]) -> Answer:
    """Exit status, answer and standard error of a node command."""
    try:
        return _here(find, command, request) if command in IN_PROCESS else _apart(command, request)
    except Exception as error:
        # Whoever asks must have an answer, or takes the node for gone.
        return EXIT_FAILED, {"error": f"{type(error).__name__}: {error}"}, ""


def _apart(command: str, request: dict[str, Any]) -> Answer:
    argv = (sys.executable, "-m", "sip_luigi.node", command)
    done = subprocess.run(argv, input=json.dumps(request).encode(), capture_output=True, cwd="/", check=False)
    said = done.stderr.decode(errors="replace")[-4000:]
    try:
        # A signal is a negative number here.
        return max(done.returncode, -1), json.loads(done.stdout), said
    except ValueError:
        return done.returncode or EXIT_FAILED, {"error": "no answer"}, said


def _here(find: Find, command: str, request: dict[str, Any]) -> Answer:
    try:
        return 0, find(command)(request), ""
    except BadData as error:
        return EXIT_BAD_DATA, {"error": str(error)}, ""


def main(find: Find) -> None:
    """Serve standard input and output; libraries that print are sent to standard error."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    serve(find, sys.stdin.buffer, answers)
    # Threads that still wait for a job have nobody to answer.
    os._exit(0)
