"""Turns that are fair, processor time of everything that is started, and how busy the machine is otherwise."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass
class Taken:
    """What something took.

    Attributes
    ----------
    wall_s, cpu_s : float
        Elapsed time, and processor time of all processes that were started.
    others_busy : float
        Part of the machine's processors that was busy with something else.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    others_busy: float = 0.0


def by_turns(rounds: int, *timed: Callable[[int], float]) -> list[list[float]]:
    """Time each of several things in every round, in every round another one first.

    Parameters
    ----------
    rounds : int
        How often.
    timed : callable
        Does one thing, is given the number of the round and returns the seconds that it took.

    Returns
    -------
    list of list of float
        Seconds of each thing, by round.
    """
    taken: list[list[float]] = [[] for _ in timed]
    for turn in range(rounds):
        for place in range(len(timed)):
            which = (turn + place) % len(timed)
            taken[which].append(timed[which](turn))
    return taken


def adopt_orphans() -> None:
    """Become the parent of every process below that loses its own, as a detached job does."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


@contextlib.contextmanager
def measured() -> Iterator[Taken]:
    """Measure what is done in a ``with`` block; no child process may be alive before and after."""
    taken = Taken()
    began, busy, own = time.monotonic(), machine_busy_s(), children_s()
    yield taken
    taken.wall_s = time.monotonic() - began
    taken.cpu_s = children_s() - own
    others = machine_busy_s() - busy - taken.cpu_s
    taken.others_busy = max(0.0, others / (taken.wall_s * (os.cpu_count() or 1)))


def children_s() -> float:
    """Processor time of all children that have ended, and of theirs."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def machine_busy_s() -> float:
    """Time that all processors have worked since boot: user, nice, system and interrupts."""
    fields = Path("/proc/stat").read_text(encoding="utf-8").split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, irq, softirq = map(int, fields[:7])
    return (user + nice + system + irq + softirq) / _TICKS
