"""What lies on the storage nodes, and whether it is complete."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from sip_luigi.domain.keys import digest

FUTURE_S = 5.0
"""A file that is newer than the clock of its node by more tells of a clock that was set back."""


@dataclass
class RawObservation:
    """The raw data of one observation, on whichever nodes.

    Attributes
    ----------
    obs_id : str
        The observation.
    subbands : dict
        By name of the MeasurementSet its number of files, size in bytes and time of the newest one in ns.
    nodes : set of str
        Where they lie.
    age_s : float
        Time since the last change, by the clock of the node; negative where that has been set back since.
    """

    obs_id: str
    subbands: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    nodes: set[str] = field(default_factory=set)
    age_s: float = float("inf")

    @property
    def fingerprint(self) -> str:
        """Another one for other raw data."""
        return digest({name: list(value) for name, value in self.subbands.items()})

    @property
    def began_ns(self) -> int:
        """When the first subband was finished: the order of observations."""
        return min(newest for _, _, newest in self.subbands.values())


def gather(answers: Mapping[str, Mapping[str, Any]], patterns: str = "*") -> dict[str, RawObservation]:
    """Put together what the nodes say.

    Parameters
    ----------
    answers : mapping
        By node what :func:`sip_luigi.node.observations.find_observations` answers.
    patterns : str
        Ids that are wanted, with blanks between them.
    """
    found: dict[str, RawObservation] = {}
    for node, answer in answers.items():
        for obs_id, entries in answer["observations"].items():
            if not any(fnmatch.fnmatchcase(obs_id, pattern) for pattern in patterns.split()):
                continue
            observation = found.setdefault(obs_id, RawObservation(obs_id))
            observation.nodes.add(node)
            for entry in entries:
                name = PurePosixPath(entry["path"]).name
                identity = entry["n_files"], entry["size_bytes"], entry["newest_ns"]
                # The first of two copies is what the pipeline takes.
                observation.subbands.setdefault(name, identity)
                age_s = (answer["now_ns"] - entry["newest_ns"]) / 1e9
                observation.age_s = min(observation.age_s, age_s)
    return found


def why_not_yet(observation: RawObservation, expected: int, settle_s: float, seen_before: str | None) -> str:
    """Why an observation is not complete yet; empty where it is, as far as one look can tell.

    Parameters
    ----------
    observation : RawObservation
        What was seen.
    expected : int
        Number of its subbands, 0 where that is not known.
    settle_s : float
        Time for which nothing must have changed.
    seen_before : str or None
        Its fingerprint in the night before.
    """
    number = len(observation.subbands)
    if any(n_files == 0 for n_files, _, _ in observation.subbands.values()):
        return "a MeasurementSet is empty"
    if number < expected:
        return f"{number} of {expected} subbands are there"
    if observation.age_s < -FUTURE_S:
        # Its age says nothing; what has not changed for a night is complete.
        if seen_before == observation.fingerprint:
            return ""
        ahead_s, nodes = -observation.age_s, ", ".join(sorted(observation.nodes))
        return f"its files are {ahead_s:.0f} s newer than the clock of {nodes}"
    if observation.age_s < settle_s:
        return f"changed {max(0.0, observation.age_s):.0f} s ago"
    return ""


def read_expected(lines: Iterable[str]) -> dict[str, int]:
    """Numbers of subbands by observation, of lines ``<obs_id> <number>``; ``#`` begins a comment.

    Raises
    ------
    ValueError
        A line is something else; the message is that line.
    """
    expected = {}
    for line in lines:
        words = line.partition("#")[0].split()
        if not words:
            continue
        if len(words) != 2 or not words[1].isdecimal():
            raise ValueError(line.strip())
        expected[words[0]] = int(words[1])
    return expected
