"""What the stages have in common whose product a job makes on a node."""

from __future__ import annotations

import glob
import json
import shlex
import sys
from pathlib import Path, PurePosixPath
from typing import Any, TextIO

from sip_luigi.domain.errors import ProgramError, SipError
from sip_luigi.execution.connection import Connection
from sip_luigi.execution.jobs import JobSpec, part_path, run_job
from sip_luigi.tasks.base import Inputs, Stage, logger
from sip_luigi.tasks.context import BAND
from sip_luigi.tasks.progress import Teller

Steps = tuple[dict[str, Any], ...]


class NodeStage(Stage):
    """A stage whose product is made by a job on a node."""

    def steps(self, inputs: Inputs, part: str) -> Steps:
        """What the job does, see :class:`sip_luigi.execution.jobs.JobSpec`."""
        raise NotImplementedError

    def explain(self, error: ProgramError) -> SipError:
        """Turn a failure of the program into the error that it stands for."""
        return error

    def progress(self, log: str) -> float | None:
        """How far the program has come, 0 to 1, by what it has printed; None where it does not say."""
        return None

    @property
    def cores(self) -> int:
        """Cores that the job keeps busy."""
        return 1

    @property
    def disk_streams(self) -> int:
        """Copies that the job writes."""
        return 0

    @property
    def place_name(self) -> str:
        """Under which name the node of the product has been chosen: a subband, or the band."""
        return BAND

    def process_resources(self) -> dict[str, int]:
        """What Luigi has to find free on the node before it starts the task."""
        node = self.product().node
        wanted = {f"{node}.cores": min(self.cores, self.ctx.cores(node))}
        if self.disk_streams:
            wanted[f"{node}.disk"] = min(self.disk_streams, self.ctx.settings.cluster.disk_streams)
        return {name: amount for name, amount in wanted.items() if amount}

    @property
    def connection(self) -> Connection:
        """The node of the product."""
        return self.ctx.connections[self.product().node]

    def leave_drained_node(self) -> bool:
        """Move to another node if this one takes no new work."""
        node = self.product().node
        if self.ctx.takes_work(node):
            return False
        self.ctx.place(move=[self.place_name])
        self.ctx.forget()
        logger.warning("%s: %s takes no new work, it moves to %s", self.name, node, self.product().node)
        return True

    def make(self, inputs: Inputs, log: TextIO) -> None:
        """Run the job on the node and stream its log."""
        spec = self.job(inputs)
        self._keep_commands(spec)

        teller = Teller(self, self.progress)

        def stream(text: str) -> None:
            log.write(text)
            log.flush()
            teller.hear(text)

        try:
            run_job(self.connection, spec, stream, self.ctx.settings.cluster.poll_s)
        except ProgramError as error:
            raise self.explain(error) from error
        finally:
            teller.stop()

    def job(self, inputs: Inputs) -> JobSpec:
        """The job that makes the product."""
        product, cluster = self.product(), self.ctx.settings.cluster
        parent = PurePosixPath(product.path).parent
        return JobSpec(
            product=product,
            directory=self.job_directory,
            key=self.key,
            stage=self.stage,
            version=self.version,
            inputs=self.made_of(inputs),
            steps=self.steps(inputs, part_path(product, self.key)),
            lease_s=cluster.lease_s,
            timeout_s=cluster.limit_of(self.stage),
            min_free_bytes=int(cluster.min_free_mb * 1e6),
            record=str(parent / "made.jsonl"),
        )

    @property
    def job_directory(self) -> str:
        """Where the job is known on its node; what its programs print is ``log`` in it."""
        return str(PurePosixPath(self.product().path).parent / ".jobs" / self.name)

    def _keep_commands(self, spec: JobSpec) -> None:
        folder = self.ctx.layout.parsets
        folder.mkdir(parents=True, exist_ok=True)
        python = self.ctx.settings.cluster.node_python or sys.executable
        lines = [_typed(step, python) for step in spec.steps if "argv" in step or "call" in step]
        (folder / f"{self.name}.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")
        for path in folder.glob(f"{glob.escape(self.name)}.*.parset"):
            path.unlink()
        for step in spec.steps:
            if "write" in step and step["write"].endswith(".parset"):
                stem = Path(step["write"]).stem
                name = self.name if stem == self.stage else f"{self.name}.{stem}"
                (folder / f"{name}.parset").write_text(step["text"], encoding="utf-8")


def _typed(step: dict[str, Any], python: str) -> str:
    """A step as one would type it."""
    if "argv" in step:
        return shlex.join(step["argv"])
    request = json.dumps(step["request"])
    return f"{shlex.join((python, '-m', 'sip_luigi.node', step['call']))} <<'REQUEST'\n{request}\nREQUEST"
