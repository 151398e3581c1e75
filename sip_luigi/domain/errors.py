"""The exception tree.

::

    SipError
    ├── AlreadyRunning          exit 10   there is room for one only
    ├── ConfigurationError      exit 35   refused before anything is dispatched
    │   ├── ParsetError                   a parset or clusterdesc that cannot be read
    │   ├── UnknownObservation            no raw data of that name on any storage node
    │   └── HostKeyError                  a node is not known to be the one it is named for
    ├── BadData                 exit 30   the data are at fault: a retry cannot help
    │   ├── SkyModelError                 a sky model that cannot be read
    │   └── VdsError                      a VDS or GVDS that cannot be read
    ├── QuorumLost              exit 30   too few subbands survive to make an image
    ├── DegradedOutcome         exit 30   results stand, but ``[quality] strict`` forbids them
    ├── PoorQuality             exit 30   results are there, but ``[quality] strict`` forbids such poor ones
    ├── ProgramError            exit 30   a program failed: a retry may help
    │   └── BadProduct                    a program ended well, what it made does not pass verification
    ├── DiskFull                exit 30   no room for a product: a retry may help later
    ├── DatabaseError           exit 30   the database refused something
    │   └── DatabaseUnavailable           it could not be reached, or others write: a retry may help
    └── TransportError          exit 30   a node could not be reached: a retry may help
        └── SchedulerAway       exit 40   the central scheduler does not answer

Every message says what was expected, what was found, where, and what to do.
"""

from __future__ import annotations

import errno
from pathlib import Path
from typing import ClassVar, Literal

Cause = Literal["transient", "resources", "data", "bug", "configuration"]
"""What is to blame for a failure, and with that when it makes sense to try again."""


class SipError(Exception):
    """Root of everything that the pipeline raises on purpose.

    Attributes
    ----------
    retryable : bool
        Whether the same action may succeed when repeated unchanged.
    exit_code : int
        Exit status with which a command ends on this error.
    cause : {"transient", "resources", "data", "bug", "configuration"}
        What is to blame.
    remedy : str
        What an operator does about it, where the message does not say it better.
    """

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 30
    cause: ClassVar[Cause] = "bug"
    remedy: ClassVar[str] = "Read the message: it says what to do."


class AlreadyRunning(SipError):
    """What was to be started runs already."""

    cause = "transient"
    remedy = "Nothing, or end the one that runs first."
    exit_code = 10


class ConfigurationError(SipError):
    """The request or its settings are wrong; nothing has been dispatched."""

    cause = "configuration"
    remedy = "Correct what the message names: file, section and key, or the command line; then run again."
    exit_code = 35


class ParsetError(ConfigurationError):
    """A parset-like file that cannot be read as what it should be.

    Parameters
    ----------
    message : str
        What was expected, what was found and what to do.
    path : Path or str, optional
        The file.
    line : int, optional
        Line number, counted from 1.
    key : str, optional
        The key at fault.
    """

    remedy = "Correct the file at the line or key that the message names."

    def __init__(
        self,
        message: str,
        *,
        path: Path | str | None = None,
        line: int | None = None,
        key: str | None = None,
    ) -> None:
        self.path, self.line, self.key = path, line, key
        where = str(path) if path is not None else "<text>"
        if line is not None:
            where += f":{line}"
        if key is not None:
            where += f": {key}"
        super().__init__(f"{where}: {message}")


class UnknownObservation(ConfigurationError):
    """No raw MeasurementSet of the observation was found on any storage disk.

    Parameters
    ----------
    message : str
        Where it was looked for.
    obs_id : str
        The observation.
    """

    remedy = (
        "Compare the observation id, ``[layout] raw_pattern`` and the storage disks of the cluster "
        "description."
    )

    def __init__(self, message: str, obs_id: str = "") -> None:
        super().__init__(message)
        self.obs_id = obs_id


class HostKeyError(ConfigurationError):
    """The host key of a node is unknown or has changed: nothing is said to it before somebody has looked."""

    remedy = (
        "Compare the fingerprint with that of the node itself, then run the command that the message gives."
    )


class BadData(SipError):
    """The data themselves are at fault; the same step would fail again."""

    cause = "data"
    remedy = "Look at the data that the message names; restore or repair them, or go on without the subband."


class SkyModelError(BadData):
    """A LOFAR text sky model that cannot be read."""

    remedy = (
        "Correct the model at the line that the message names, or name another: ``[calibration] skymodel``."
    )


class VdsError(BadData):
    """A VDS or GVDS description that cannot be read."""

    remedy = "Remove the file; the next run describes the raw data again."


class QuorumLost(BadData):
    """Too few subbands survived to make an image that means anything."""

    remedy = (
        "Remove the causes in the report, strike the losses (``sip retry OBS --lost``), run again; or "
        "lower the quorum in ``[pipeline]``."
    )


class DegradedOutcome(SipError):
    """The results stand but are not what was asked for, and strictness is set."""

    cause = "data"
    remedy = "As QuorumLost, or accept the results: run without ``--strict``."


class NotFinished(SipError):
    """An observation whose quality has not passed: its data are kept."""

    remedy = "Run it until its results stand; what the message names has to be in order first."


class PoorQuality(SipError):
    """The results are there and their figures are poor, and strictness is set."""

    cause = "data"
    remedy = "Follow the reasons at the head of the report, or accept the results: run without ``--strict``."


class ProgramError(SipError):
    """A program ended with a failure."""

    remedy = "Read the end of the log that the message quotes; correct the cause and run again."
    retryable = True


class BadProduct(ProgramError):
    """A product did not pass verification. The same words twice say that a third time will not help."""

    remedy = (
        "Read the log of the stage; when data and settings are right, it is the program that has to be "
        "looked at."
    )


class DiskFull(SipError):
    """A node has no room for a product."""

    cause = "resources"
    remedy = "Make room on the disk that the message names, then run again."
    retryable = True


class DatabaseError(SipError):
    """The database refused what was asked of it; nothing was changed."""

    remedy = (
        "Correct what the message names; the results stand, and the next run has only the database left "
        "to do."
    )


class DatabaseUnavailable(DatabaseError):
    """The database could not be reached, or was busy for too long; nothing was changed."""

    cause = "transient"
    remedy = "Start the database, or look at who holds it, then run again."
    retryable = True


class TransportError(SipError):
    """A node could not be asked; nothing is known about what it holds.

    Parameters
    ----------
    message : str
        What was asked, of which node, and what happened instead.
    node : str, optional
        The node, once it counts as gone.
    """

    cause = "transient"
    remedy = "Look at node and network with ``sip cluster check``, then run again."
    retryable = True

    def __init__(self, message: str, node: str = "") -> None:
        super().__init__(message)
        self.node = node


class SchedulerAway(TransportError):
    """The central scheduler does not answer."""

    exit_code = 40
    remedy = "Start it, ``sip scheduler start``, or run with ``--local-scheduler``."


def cause_of(error: BaseException) -> Cause:
    """What is to blame for any exception; what nobody raised on purpose is a bug."""
    if isinstance(error, SipError):
        return error.cause
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return "resources" if full or isinstance(error, MemoryError) else "bug"


def error_classes(root: type[SipError] = SipError) -> list[type[SipError]]:
    """An error class and all below it, as far as their modules are loaded; each before its own."""
    return [root, *(found for child in root.__subclasses__() for found in error_classes(child))]
