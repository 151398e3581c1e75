"""Run a job on a node and see it through: submit or adopt, poll, stream its log, judge its end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sip_luigi.domain.errors import BadData, BadProduct, ConfigurationError, DiskFull, ProgramError, SipError
from sip_luigi.domain.keys import fingerprint
from sip_luigi.domain.product import Product
from sip_luigi.execution.connection import Connection


@dataclass(frozen=True)
class JobSpec:
    """All that a node has to know to make one product.

    Attributes
    ----------
    product : Product
        What is made.
    directory : str
        The job's own directory on the node; one for each product.
    key, stage, version, inputs
        What the manifest will say, see :class:`sip_luigi.domain.product.Manifest`.
    steps : tuple of dict
        In order: ``{"write": path, "text": …}`` writes a file, ``{"argv": […]}`` runs a program
        (with ``"if_there": {"path": …, "argv": […]}`` another one where that path exists),
        ``{"call": command, "request": {…}, "name": …}`` a node command whose answer is kept in the manifest
        under ``name``, or the command, as is the value of ``{"note": value, "name": …}``.
    environment : mapping
        Variables for the programs, beyond those that every tool needs.
    lease_s, timeout_s : float
        Time without a watcher after which the job ends; its time limit, 0 for none.
    min_free_bytes : int
        Room that the disk must have at the start.
    record : str
        File on the node to which a line is appended for every product made.
    """

    product: Product
    directory: str
    key: str
    stage: str
    version: int
    inputs: Mapping[str, str]
    steps: tuple[dict[str, Any], ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    lease_s: float = 60.0
    timeout_s: float = 0.0
    min_free_bytes: int = 0
    record: str = ""

    @property
    def part(self) -> str:
        """Where the product is written before it is published."""
        return part_path(self.product, self.key)

    def to_json(self) -> dict[str, Any]:
        """As the node reads it."""
        return {
            "product": {"path": self.product.path, "kind": self.product.kind},
            "part": self.part,
            "directory": self.directory,
            "key": self.key,
            "stage": self.stage,
            "version": self.version,
            "inputs": dict(self.inputs),
            "fingerprint": fingerprint(self.key, self.inputs),
            "steps": list(self.steps),
            "environment": dict(self.environment),
            "lease_s": self.lease_s,
            "timeout_s": self.timeout_s,
            "min_free_bytes": self.min_free_bytes,
            "record": self.record,
        }


def part_path(product: Product, key: str) -> str:
    """Temporary name of a product of this key."""
    return product.part_path(key[:8])


TAIL_LENGTH = 2000
"""Characters of a log that go into a message."""

ERRORS: Mapping[str, type[SipError]] = {
    "bad_data": BadData,
    "bad_product": BadProduct,
    "disk_full": DiskFull,
}
"""Exception for the outcomes that are not simply a program that failed."""


def run_job(
    connection: Connection,
    spec: JobSpec,
    on_output: Callable[[str], None],
    poll_s: float = 0.5,
) -> dict[str, Any]:
    """Make a product on a node, adopting the job that is making it already.

    Parameters
    ----------
    connection : Connection
        The node.
    spec : JobSpec
        The job.
    on_output : callable
        Gets every new piece of the job's log.
    poll_s : float
        Longest time between two looks, s; the node answers at once when the job ends.

    Returns
    -------
    dict
        What the job said at its end.

    Raises
    ------
    BadData, BadProduct, DiskFull, ProgramError
        By what the job said; the message holds command, host, exit status and the tail of the log.
    """
    if connection.call("start", spec.to_json())["state"] == "busy":
        raise ProgramError(f"{spec.product.name}: another job holds its lock and could not be ended")
    request: dict[str, Any] = {"directory": spec.directory, "offset": 0}
    request["fingerprint"] = spec.to_json()["fingerprint"]
    request["wait_s"] = poll_s
    tail = ""
    while True:
        answer = connection.call("poll", request)
        request["offset"] = answer["offset"]
        if answer["state"] == "replaced":
            raise ConfigurationError(
                f"{spec.stage} of {spec.product.name}: another run with other settings has taken over; let one of "
                "them finish, then start the other again"
            )
        if answer["log"]:
            on_output(answer["log"])
            tail = answer["log"][-TAIL_LENGTH:]
        if answer["state"] != "running":
            return judge(spec, answer["status"], tail)


def judge(spec: JobSpec, status: dict[str, Any], tail: str) -> dict[str, Any]:
    """Turn the end of a job into its status, or into the exception that it deserves."""
    if status.get("outcome") == "done":
        return status
    where = f"{spec.stage} of {spec.product.name}"
    if not status:
        raise ProgramError(
            f"{where}: the job ended without a word (killed, or the node was restarted); its last output:\n{tail}"
        )
    error = ERRORS.get(status["outcome"], ProgramError)
    message = f"{where}: {status['message']}"
    if error not in (BadData, BadProduct):
        message += f" on {status['host']}"
        if status["argv"]:
            message += f"; command: {' '.join(status['argv'])}"
        if status["tail"]:
            message += f"; its last lines:\n{status['tail']}"
    raise error(message)
