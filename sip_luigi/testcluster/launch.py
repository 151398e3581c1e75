"""Run a command on a node: ``launch.py <pid> <directory> <argv…>``, with the pid of the node's first process.

A program of its own, with nothing but the standard library. A process keeps its PID namespace for life, only its
children are in the one that was entered. So this one stays outside, passes signals on, and ends as the command ended;
nsenter would stop for ever when the command is stopped, and passes no signals on.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
NAMESPACES = ("uts", "ipc", "net", "pid", "mnt")
PASSED_ON = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2)

libc = ctypes.CDLL(None, use_errno=True)


def enter(pid: str) -> None:
    """Enter the namespaces of a process; the PID namespace counts for children only."""
    handles = [os.open(f"/proc/{pid}/ns/{name}", os.O_RDONLY) for name in NAMESPACES]
    for handle in handles:
        if libc.setns(handle, 0):
            raise OSError(ctypes.get_errno(), "cannot enter the namespaces of process", pid)
        os.close(handle)


def become(directory: str, argv: list[str], environment: dict[bytes, bytes]) -> None:
    """Turn this process into the command; it is killed when the one outside is."""
    libc.prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL))
    try:
        os.setsid()
        # Python ignores it, other programs expect it.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.chdir(directory)
        os.execvpe(argv[0], argv, environment)  # noqa: S606 - there is no shell on purpose
    except OSError as error:
        os.write(2, f"{argv[0]} in {directory}: {error}\n".encode())
    os._exit(127)


def given_environment() -> dict[bytes, bytes]:
    """The environment as it was given: Python adds LC_CTYPE to its own."""
    entries = Path("/proc/self/environ").read_bytes().split(b"\0")
    return dict(entry.split(b"=", 1) for entry in entries if b"=" in entry)


def watch(pid: int) -> int:
    """Pass signals on to the command until it ends, and return its wait status."""
    # Whoever reads its output has to see the end when the command closes it.
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    for number in PASSED_ON:
        signal.signal(number, lambda number, _: os.kill(pid, number))
    return os.waitpid(pid, 0)[1]


def end_like(status: int) -> None:
    """End with the same exit status or by the same signal."""
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        with contextlib.suppress(OSError):  # SIGKILL has no other disposition
            signal.signal(number, signal.SIG_DFL)
        # The command has left its core; that of this program helps nobody.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


def main() -> None:
    """Fork into the namespaces."""
    target, directory, *argv = sys.argv[1:]
    environment = given_environment()
    try:
        enter(target)
        pid = os.fork()
    except OSError as error:
        sys.exit(f"the node has ended: {error}")
    if pid == 0:
        become(directory, argv, environment)
    end_like(watch(pid))


if __name__ == "__main__":
    main()
