"""What the stages have in common whose product this process makes, on the head node."""

from __future__ import annotations

import errno
import socket
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, TextIO

from sip_luigi.domain.errors import DiskFull, ProgramError
from sip_luigi.domain.product import Kind, Manifest, Product
from sip_luigi.execution.targets import FileTarget
from sip_luigi.node.files import own_part, remove, sweep
from sip_luigi.node.publish import measure, publish
from sip_luigi.tasks.base import Inputs, Stage
from sip_luigi.tasks.nodes import HEAD


class HeadStage(Stage):
    """A stage whose product is a file or a directory made by this process, on the head node."""

    target_class = FileTarget
    kind: ClassVar[Kind] = "file"

    def path(self) -> Path:
        """Where the product lies."""
        raise NotImplementedError

    def write(self, inputs: Inputs, part: Path) -> dict[str, Any]:
        """Write the product under its temporary name and return what was measured of it."""
        raise NotImplementedError

    def content(self, measures: Mapping[str, Any]) -> str:
        """What the product says, for those who go by that alone; its measures are as :meth:`write` gave them."""
        return ""

    def product(self) -> Product:
        """The file or directory on the head node."""
        return Product(HEAD, str(self.path()), self.kind)

    def make(self, inputs: Inputs, log: TextIO) -> None:
        """Write the product and publish it."""
        try:
            self._publish(inputs)
        except OSError as error:
            kind = DiskFull if error.errno == errno.ENOSPC else ProgramError
            raise kind(f"{self.name}: {error}; look at the disk of {self.ctx.layout.directory}") from error

    def _publish(self, inputs: Inputs) -> None:
        product, started = self.product(), time.monotonic()
        Path(product.path).parent.mkdir(parents=True, exist_ok=True)
        sweep(Path(product.path))
        part = own_part(Path(product.path))
        try:
            if self.kind == "directory":
                part.mkdir()
            measures = self.write(inputs, part)
            manifest = manifest_of(self, self.made_of(inputs), part, measures)
            manifest = replace(
                manifest,
                elapsed_s=round(time.monotonic() - started, 3),
                content=self.content(measures),
            )
            publish(product, part, manifest)
        finally:
            remove(part)

    @contextmanager
    def fetched(self, role: str, name: str) -> Iterator[Path]:
        """Have a file of an input's product here, for the length of a ``with`` block."""
        product = self.dependencies[role].product()
        with tempfile.TemporaryDirectory(prefix="sip-fetched-") as folder:
            local = Path(folder) / name
            self.ctx.connections[product.node].fetch(f"{product.path}/{name}", local)
            yield local


def manifest_of(task: Stage, made_of: Mapping[str, str], part: Path, measures: Mapping[str, Any]) -> Manifest:
    """Manifest of what a task has just written here."""
    n_files, size = measure(part)
    return Manifest(
        key=task.key,
        stage=task.stage,
        version=task.version,
        inputs=made_of,
        n_files=n_files,
        size_bytes=size,
        measures=measures,
        made=timestamp(),
        host=socket.gethostname(),
    )


def timestamp() -> str:
    """The time in UTC, ISO 8601."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())
