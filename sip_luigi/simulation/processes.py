"""Child processes of the simulator: started together, followed, and ended together."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

from sip_luigi.domain.errors import DiskFull, ProgramError

_TAIL_LINES = 15

Command: TypeAlias = tuple[str, ...]
Lines: TypeAlias = Callable[[str], None]


def run_together(
    commands: Sequence[Command], environment: Mapping[str, str], directory: Path, on_line: Lines
) -> None:
    """Run commands at the same time until all have ended.

    Parameters
    ----------
    commands : sequence of tuple of str
        Argument vectors.
    environment : mapping
        Their environment.
    directory : Path
        Where their error messages are kept meanwhile.
    on_line : callable
        Told each line that one of them prints; from threads, several at a time.

    Raises
    ------
    ProgramError
        One of them failed; the others have been ended.
    DiskFull
        It failed for want of space.
    """
    if not commands:
        return
    with _started(commands, environment, directory) as children, ThreadPoolExecutor(len(commands)) as pool:
        following = [pool.submit(_follow, child, on_line) for child in children]
        try:
            for future in as_completed(following):
                future.result()
        except BaseException:
            for child in children:
                child.process.kill()
            raise


class _Child:
    """A process, and the file with its error messages."""

    def __init__(self, command: Command, environment: Mapping[str, str], log: Path) -> None:
        self.command, self.log = command, log
        self.errors: IO[bytes] = log.open("wb")
        self.process = subprocess.Popen(
            command,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def close(self) -> None:
        """End it, if it still runs, and let go of everything."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()
        self.errors.close()


@contextmanager
def _started(
    commands: Sequence[Command], environment: Mapping[str, str], directory: Path
) -> Iterator[list[_Child]]:
    children: list[_Child] = []
    try:
        for number, command in enumerate(commands):
            children.append(_Child(command, environment, directory / f"process{number}.log"))
        yield children
    finally:
        for child in children:
            child.close()


def _follow(child: _Child, on_line: Lines) -> None:
    for line in child.process.stdout or ():
        on_line(line.rstrip("\n"))
    status = child.process.wait()
    if status:
        tail = "\n".join(child.log.read_text(errors="replace").splitlines()[-_TAIL_LINES:])
        kind = DiskFull if "No space left on device" in tail else ProgramError
        raise kind(f"{' '.join(child.command)}: ended with exit status {status}; its last words:\n{tail}")
