"""The cluster as a night sees it: raw data, disks, the scheduler."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sip_luigi.domain.clusterdesc import ClusterDesc
from sip_luigi.domain.errors import ConfigurationError, DiskFull, SchedulerAway, TransportError
from sip_luigi.execution.connection import Connection
from sip_luigi.nightly.raw import RawObservation, gather, read_expected
from sip_luigi.node.observations import PLACEHOLDER
from sip_luigi.scheduler import background
from sip_luigi.scheduler.make import foreign_url, url_of
from sip_luigi.settings import Settings
from sip_luigi.tasks.nodes import connect, patient_with, read_cluster
from sip_luigi.tasks.survey import ask_all, require_disks

LUIGI_FINDS = ("http://127.0.0.1:8082", "http://localhost:8082")
"""Where Luigi looks for a scheduler when nothing is said."""


@dataclass(frozen=True)
class Site:
    """What a night asks of the machines.

    Attributes
    ----------
    settings : Settings
        The configuration.
    """

    settings: Settings

    @cached_property
    def cluster(self) -> ClusterDesc:
        """The nodes."""
        return read_cluster(self.settings)

    @cached_property
    def connections(self) -> Mapping[str, Connection]:
        """The ways to the nodes."""
        return patient_with(connect(self.settings, self.cluster), self.settings)

    @cached_property
    def expected(self) -> Mapping[str, int]:
        """Numbers of subbands that are known beforehand, by observation."""
        path = self.settings.nightly.expected_file
        if not path:
            return {}
        try:
            return read_expected(Path(path).read_text(encoding="utf-8").splitlines())
        except (OSError, ValueError) as error:
            raise ConfigurationError(
                f"[nightly] expected_file = {path}: expected lines <obs_id> <number of subbands>, found: {error}"
            ) from error

    def observations(self) -> dict[str, RawObservation]:
        """All observations on the storage nodes.

        Raises
        ------
        TransportError
            A storage node or disk is away: what lies there would be taken for missing.
        """
        pattern = self.settings.layout.raw_pattern
        if PLACEHOLDER not in pattern:
            raise ConfigurationError(
                f"[layout] raw_pattern = {pattern}: expected {PLACEHOLDER} in it: nothing else says to which "
                "observation raw data belong"
            )
        nodes = {node.name: node for node in self.cluster.storage}

        def ask(name: str) -> dict[str, Any]:
            request = {"directories": list(nodes[name].local_disks), "pattern": pattern}
            return self.connections[name].call("find_observations", request)

        answers: dict[str, dict[str, Any]] = {}
        for name, answer in ask_all(nodes, ask).items():
            if isinstance(answer, TransportError):
                raise TransportError(f"storage node {name} cannot be asked: {answer}") from answer
            require_disks(nodes[name], answer["disks"])
            answers[name] = answer
        return gather(answers, self.settings.nightly.observations)

    def disks(self) -> dict[str, dict[str, Any]]:
        """State of every disk that can be looked at, by ``node:directory``; what does not answer is left out."""
        nodes = {node.name: node for node in (*self.cluster.storage, *self.cluster.compute)}
        wanted: dict[str, list[str]] = {name: [] for name in nodes}
        for node in (*self.cluster.storage, *self.cluster.compute):
            wanted[node.name] += node.local_disks
        answers = ask_all(wanted, lambda name: self.connections[name].call("look", {"disks": wanted[name]}))
        return {
            f"{name}:{disk}": state
            for name, answer in answers.items()
            if not isinstance(answer, TransportError)
            for disk, state in answer["disks"].items()
            if state["there"]
        }

    def require_room(self) -> None:
        """Refuse to begin anything when the disk of the head node is full."""
        folder, needed_mb = self.settings.runtime_directory, self.settings.nightly.min_free_mb
        folder.mkdir(parents=True, exist_ok=True)
        free_mb = shutil.disk_usage(folder).free / 1e6
        if free_mb < needed_mb:
            raise DiskFull(
                f"{folder} has {free_mb:.0f} MB free, [nightly] min_free_mb asks for {needed_mb:.0f} MB: make room"
            )

    @property
    def scheduler_url(self) -> str:
        """Where the central scheduler is."""
        return foreign_url() or url_of(self.settings)

    @property
    def url_to_name(self) -> str:
        """The same where a person has to name it; empty where Luigi finds it by itself."""
        url = self.scheduler_url
        return "" if foreign_url() or url in LUIGI_FINDS else url

    def require_scheduler(self) -> bool:
        """Have a central scheduler that answers; tell whether one had to be started.

        Raises
        ------
        SchedulerAway
            It does not answer and is not ours to start.
        ConfigurationError, ProgramError
            It cannot be started.
        """
        if background.answers(self.scheduler_url):
            return False
        if foreign_url() or not self.settings.nightly.start_scheduler:
            raise SchedulerAway(
                f"the central scheduler does not answer at {self.scheduler_url}; start it: sip scheduler start"
            )
        _, is_new = background.start(self.settings)
        return is_new
