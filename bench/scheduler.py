"""How many tasks an hour the central scheduler can hand out: ours beside a plain luigid, with many tasks pending.

Both are servers of their own, given the same graph by the same calls; a worker with as many places as the nodes have
cores takes tasks from each by turns and reports them done. The graph is ours in shape: chains of stages, each chain
on one node, whose cores are a resource. For information the same with tasks that require nothing and need nothing.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import click
import luigi.rpc

from bench.figures import Aim, show
from bench.measurement import by_turns
from bench.places import NotMeasured, directory_option, scratch
from sip_luigi.domain.errors import SipError
from sip_luigi.scheduling import PooledFetcher
from sip_luigi.selftest.scheduler import free_port

STAGES, NODES, CORES = 8, 20, 2
WORKER = "worker"
START_S = 60.0
SIZES = (1000, 4000, 10000, 50000)
AIMS = {"ratio_50k": Aim(low=20.0), "ratio_1k": Aim(low=1.0)}


@dataclass
class Load:
    """Tasks given to a scheduler, and a worker that does them.

    Attributes
    ----------
    scheduler : luigi.rpc.RemoteScheduler
        The scheduler.
    running : deque of str
        What the worker has been given and not yet done.
    """

    scheduler: Any
    running: deque[str] = field(default_factory=deque)

    def add_chains(self, tasks: int, stages: int, nodes: int) -> None:
        """Give chains of stages, the last stage first as Luigi's workers do, each on one node."""
        for node in range(nodes):
            self.scheduler.update_resource(resource=f"node{node}.cores", amount=CORES)
        for chain in range(tasks // stages):
            for stage in reversed(range(stages)):
                deps = [f"Stage{stage - 1}_{chain}"] if stage else []
                self._add(f"Stage{stage}_{chain}", deps, {f"node{chain % nodes}.cores": 1})

    def add_flat(self, tasks: int) -> None:
        """Give tasks that require nothing and need nothing."""
        for number in range(tasks):
            self._add(f"Flat_{number}", [], {})

    def fill(self, places: int) -> None:
        """Take as much as the worker has places."""
        self.scheduler.add_worker(WORKER, {"workers": places})
        while len(self.running) < places:
            self._take()

    def time(self, cycles: int) -> float:
        """Report tasks done and take others; return the time that one takes, s."""
        started = time.monotonic()
        for _ in range(cycles):
            self.scheduler.add_task(
                worker=WORKER, task_id=self.running.popleft(), status="DONE", runnable=True
            )
            self._take()
        return (time.monotonic() - started) / cycles

    def _take(self) -> None:
        answer = self.scheduler.get_work(worker=WORKER, host="here", current_tasks=list(self.running))
        if answer["task_id"] is None:
            raise NotMeasured(f"no work with {len(self.running)} tasks running: {answer}")
        self.running.append(answer["task_id"])

    def _add(self, task_id: str, deps: list[str], resources: dict[str, int]) -> None:
        self.scheduler.add_task(
            worker=WORKER,
            task_id=task_id,
            status="PENDING",
            deps=deps,
            resources=resources,
            family=task_id.partition("_")[0],
            params={"n": task_id},
        )


@click.command()
@click.option(
    "--sizes", default=",".join(map(str, SIZES)), show_default=True, help="Numbers of pending tasks."
)
@click.option("--cycles", default=20, show_default=True, help="Tasks that are timed in a turn.")
@click.option("--repeat", default=5, show_default=True, help="Turns of each; the median counts.")
@click.option("--nodes", default=NODES, show_default=True, help=f"Nodes, of {CORES} cores each.")
@click.option("--flat/--no-flat", default=True, show_default=True, help="Also tasks without requirements.")
@directory_option
def main(sizes: str, cycles: int, repeat: int, nodes: int, flat: bool, directory: Path) -> None:
    """Measure the rate of tasks; the last line printed is one JSON object."""
    figures: dict[str, Any] = {"stages": STAGES, "nodes": nodes, "load_before": os.getloadavg()[0]}
    try:
        with scratch(directory) as folder:
            for shape in ("", "flat_") if flat else ("",):
                for size in map(int, sizes.split(",")):
                    taken = measure(folder / f"{shape}{size}", shape, size, nodes, (cycles, repeat))
                    figures |= {f"{shape}{name}": value for name, value in taken.items()}
    except (NotMeasured, SipError) as error:
        raise click.ClickException(str(error)) from error
    show("Scheduler", figures, AIMS)


def measure(folder: Path, shape: str, size: int, nodes: int, turns: tuple[int, int]) -> dict[str, float]:
    """Rates of both with so many tasks pending, and their ratio."""
    cycles, repeat = turns
    name = f"{size // 1000}k" if size >= 1000 else str(size)
    with ExitStack() as stack:
        loads = [stack.enter_context(served(folder / program, program)) for program in ("ours", "luigid")]
        for load in loads:
            if shape:
                load.add_flat(size)
            else:
                load.add_chains(size, STAGES, nodes)
            load.fill(min(nodes * CORES, size // (2 * STAGES)))
        taken = by_turns(repeat, *((lambda _, load=load: load.time(cycles)) for load in loads))
    ours, stock = (median(each) for each in taken)
    return {
        f"ratio_{name}": stock / ours,
        f"tasks_s_{name}": 1.0 / ours,
        f"luigid_tasks_s_{name}": 1.0 / stock,
    }


@contextmanager
def served(folder: Path, program: str) -> Iterator[Load]:
    """Run a scheduler for the length of a ``with`` block."""
    folder.mkdir(parents=True)
    port = free_port()
    config = folder / "luigi.cfg"
    config.write_text(
        f"[DEFAULT]\nruntime_directory = {folder}\n[scheduler_server]\nport = {port}\n"
        # While one is given its tasks, the other hears nothing.
        "[scheduler]\nstable_done_cooldown_secs = 0\nworker_disconnect_delay = 36000\n",
        encoding="utf-8",
    )
    beside = Path(sys.executable)
    argv = {
        "ours": (str(beside.with_name("sip")), "scheduler", "run"),
        "luigid": (
            *(str(beside.with_name("luigid")), "--address", "127.0.0.1", "--port", str(port)),
            *("--state-path", str(folder / "state")),
        ),
    }[program]
    environment = {**os.environ, "LUIGI_CONFIG_PATH": str(config)}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(argv, stdout=log, stderr=log, env=environment, cwd=folder)
    fetcher = PooledFetcher()
    try:
        scheduler: Any = luigi.rpc.RemoteScheduler(f"http://127.0.0.1:{port}")
        scheduler._fetcher, scheduler._rpc_retry_wait = fetcher, 1
        _await(process, scheduler, folder / "log")
        yield Load(scheduler)
    finally:
        fetcher.close()
        process.send_signal(signal.SIGKILL)
        process.wait()


def _await(process: subprocess.Popen[bytes], scheduler: Any, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            scheduler._fetcher.fetch(f"{scheduler._url}/api/is_paused", {"data": "{}"}, 5.0)
        except PooledFetcher.raises:
            time.sleep(0.1)
        else:
            return
    raise NotMeasured(f"{process.args!r} does not answer; see {log}: {log.read_text()[-1000:]}")


if __name__ == "__main__":
    main()
