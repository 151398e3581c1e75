"""Products and their manifests.

A *product* is a directory or a file on a node. It counts only when its *manifest*, written last, holds the
key that the task expects. A directory carries its manifest inside, so that one rename publishes both; a
file has it beside. A *loss* is the record of a product that cannot be had: a manifest without a product,
kept on the head node, which can say so even when the node is gone. A product that nobody needs any more is
*passed over*, and has such a record too. One that was *cleared* away to make room, after all was done with it, keeps
its manifest there: what was made of it stands, and it is made again only where somebody needs it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import PurePosixPath
from typing import Any, Literal

from sip_luigi.domain.errors import BadData
from sip_luigi.domain.keys import LOST, fingerprint

Kind = Literal["directory", "file"]
MANIFEST_NAME = "sip-manifest.json"


@dataclass(frozen=True)
class Product:
    """Where a product is, or will be.

    Attributes
    ----------
    node : str
        Name of the node that holds it.
    path : str
        Absolute path on that node.
    kind : {"directory", "file"}
        What is renamed into place.
    """

    node: str
    path: str
    kind: Kind = "directory"

    @property
    def name(self) -> str:
        """Target name, ``node:path``."""
        return f"{self.node}:{self.path}"

    @property
    def manifest_path(self) -> str:
        """Where the manifest lies."""
        path = PurePosixPath(self.path)
        if self.kind == "directory":
            return str(path / MANIFEST_NAME)
        return str(path.with_name(f".{path.name}.manifest.json"))

    def part_path(self, job: str) -> str:
        """Where a job writes it, on the same file system, before it is published."""
        return f"{self.path}.part-{job}"


@dataclass(frozen=True)
class Loss:
    """Why a product cannot be had.

    Attributes
    ----------
    stage : str
        The stage that gave up.
    reason : str
        One line for a person.
    cause : str
        What is to blame, see :data:`sip_luigi.domain.errors.Cause`; empty where that was not noted.
    """

    stage: str
    reason: str
    cause: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a finished product is.

    Attributes
    ----------
    key : str
        Merkle key of the product.
    stage, version
        Which stage made it.
    inputs : mapping
        Fingerprints of the inputs by role; ``"lost"`` for one that was not there.
    loss : Loss or None
        Set when this is the record of a loss.
    passed : str
        Why there is no product though nothing went wrong; empty for one that was made.
    cleared : str
        ISO 8601 time (UTC) at which it was removed to make room; empty for one that was not.
    content : str
        What the product says, in a word or as a hash, where others go by that alone; part of the fingerprint.
    n_files, size_bytes : int
        What was on disk when it was published: a truncated product shows.
    measures : mapping
        Figures found while verifying it.
    commands : sequence of argument lists
        How it was made.
    made : str
        ISO 8601 time (UTC) of publication.
    host : str
        Where it was made.
    """

    key: str
    stage: str
    version: int
    inputs: Mapping[str, str] = field(default_factory=dict)
    loss: Loss | None = None
    passed: str = ""
    cleared: str = ""
    content: str = ""
    n_files: int = 0
    size_bytes: int = 0
    measures: Mapping[str, Any] = field(default_factory=dict)
    commands: tuple[tuple[str, ...], ...] = ()
    made: str = ""
    host: str = ""
    elapsed_s: float = 0.0

    @property
    def state(self) -> str:
        """What became of the product: ``lost``, ``passed``, ``cleared`` or ``done``."""
        states = {"lost": self.loss, "passed": self.passed, "cleared": self.cleared}
        return next((word for word, holds in states.items() if holds), "done")

    @property
    def fingerprint(self) -> str:
        """What the product was really made of, or ``"lost"``."""
        said = {"content": self.content} if self.content else {}
        return LOST if self.loss else fingerprint(self.key, {**self.inputs, **said})

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any], where: str = "manifest") -> Manifest:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        BadData
            The value is no manifest; whoever asked treats the product as not there.
        """
        try:
            fields = {name: value[name] for name in cls.__dataclass_fields__ if name in value}
            loss = fields.get("loss")
            fields["loss"] = Loss(**loss) if loss else None
            fields["commands"] = tuple(tuple(argv) for argv in fields.get("commands", ()))
            return cls(**fields)
        except (TypeError, KeyError, AttributeError) as error:
            raise BadData(f"{where}: not a manifest ({error}): the product counts as not made") from error

    @classmethod
    def from_text(cls, text: str, where: str = "manifest") -> Manifest:
        """Read a manifest file's text; raises :class:`BadData` when it is none."""
        try:
            return cls.from_json(json.loads(text), where)
        except ValueError as error:
            raise BadData(f"{where}: not a manifest ({error}): the product counts as not made") from error
