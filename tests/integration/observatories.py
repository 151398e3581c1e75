"""The small observation on a test cluster: nodes with sshd, raw data on the storage nodes."""

import json
import os
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from conftest import BIN, OBS_ID, SMALL_IMAGE

from sip_luigi.testcluster import Cluster

PORT = 8082


@dataclass
class ClusterObservatory:
    """A cluster, an observation on it, and the main command on its head node."""

    cluster: Cluster
    obs_id: str = OBS_ID
    settings: dict = field(default_factory=dict)

    @classmethod
    def with_simulation(cls, cluster, simulation, /, **sections):
        """Spread a simulated observation over the storage nodes and configure the head node."""
        for number, path in enumerate(sorted(simulation.glob(f"{OBS_ID}_*.MS"))):
            node = cluster.storage[number % len(cluster.storage)]
            shutil.copytree(path, cluster.path(node, "/data/raw") / path.name)
        shutil.copy(
            simulation / f"{OBS_ID}.truth.skymodel", cluster.path(cluster.head, "/data/truth.skymodel")
        )
        made = cls(cluster)
        made.settings = {
            "cluster": {
                **cluster.settings,
                # Nodes share the machine's processors; times are short for faults to be over soon.
                **{"cores": 2, "lease_s": 8, "outage_s": 8, "answer_timeout_s": 3, "connect_timeout_s": 3},
                **{"poll_s": 0.5, "retry_delay_s": 0.2},
            },
            "calibration": {"skymodel": "/data/truth.skymodel"},
            "imaging": dict(SMALL_IMAGE),
            "scheduler": {"stable_done_cooldown_secs": 0},
        }
        for name, values in sections.items():
            made.settings.setdefault(name, {}).update(values)
        return made

    @property
    def job(self):
        return self.cluster.path(self.cluster.head, f"/data/runtime/jobs/{self.obs_id}")

    @property
    def results(self):
        return self.job / "results"

    @property
    def quality(self):
        return json.loads((self.results / "quality.json").read_text())

    @property
    def places(self):
        """Node of each subband and of the band."""
        return {
            name: place["node"]
            for name, place in json.loads((self.job / "placement.json").read_text()).items()
        }

    def scratch(self, node):
        """Where a compute node keeps the products of the observation."""
        return self.cluster.path(node, f"/data/scratch/sip/{self.obs_id}")

    def environment(self):
        lines = ["[DEFAULT]", "runtime_directory = /data/runtime"]
        for section, values in self.settings.items():
            lines += [f"[{section}]", *(f"{key} = {value}" for key, value in values.items()), ""]
        self.cluster.path(self.cluster.head, "/data/luigi.cfg").write_text("\n".join(lines))
        return {
            "LUIGI_CONFIG_PATH": "/data/luigi.cfg",
            "PATH": os.pathsep.join((str(BIN), "/usr/sbin:/usr/bin:/sbin:/bin")),
        }

    def argv(self, *arguments, scheduler=("--local-scheduler",)):
        command = (str(BIN / "luigi"), "--module", "sip_luigi", "ImagingPipeline", "--obs-id", self.obs_id)
        return (*command, "--workers", "6", *scheduler, *arguments)

    def start(self, *arguments, **keywords):
        """Start the main command on the head node; what it says goes to a file."""
        with self.log.open("ab") as log:
            return self.cluster.popen(
                self.cluster.head,
                self.argv(*arguments, **keywords),
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    @property
    def log(self):
        return self.cluster.path(self.cluster.head, "/data/stderr.log")

    def run(self, *arguments, **keywords):
        """Run the main command on the head node."""
        return self.sip_or_luigi(self.argv(*arguments, **keywords))

    def sip(self, *arguments):
        """Run a ``sip`` command on the head node."""
        return self.sip_or_luigi((str(BIN / "sip"), *arguments))

    def sip_or_luigi(self, argv):
        return self.cluster.run(
            self.cluster.head, argv, env=self.environment(), capture_output=True, text=True
        )

    def succeed(self, *arguments, **keywords):
        done = self.run(*arguments, **keywords)
        assert done.returncode == 0, done.stderr[-4000:]
        return done

    def made(self, nodes=None):
        """How often each product was published, from the nodes' own append-only records."""
        counts = Counter()
        for node in nodes or self.cluster.compute:
            for record in self.scratch(node).rglob("made.jsonl"):
                for line in record.read_text().splitlines():
                    path = Path(json.loads(line)["path"]).relative_to(f"/data/scratch/sip/{self.obs_id}")
                    counts[f"{node}:{path}"] += 1
        return counts

    def made_anywhere(self):
        """The same whichever node it was."""
        counts = Counter()
        for name, number in self.made().items():
            counts[name.partition(":")[2]] += number
        return counts

    def leftovers(self):
        """Half products and what else should not be there."""
        return [
            path
            for node in self.cluster.nodes
            for pattern in ("*.part-*", "*.old-*", ".transfer/*")
            for path in self.cluster.path(node, "/data").rglob(pattern)
        ]

    def start_luigid(self):
        """Start luigid on the head node's loopback and return process and arguments for the main command."""
        self.environment()
        argv = (
            str(BIN / "luigid"),
            "--address",
            "127.0.0.1",
            "--port",
            str(PORT),
            "--state-path",
            "/data/luigid.state",
        )
        with self.cluster.path(self.cluster.head, "/data/luigid.log").open("ab") as log:
            process = self.cluster.popen(
                self.cluster.head,
                argv,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return process, ("--scheduler-url", f"http://127.0.0.1:{PORT}")
