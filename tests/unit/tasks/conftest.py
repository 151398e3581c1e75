"""A small cluster in a folder: two storage nodes and two compute nodes, all of them this machine."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sip_luigi.domain.clusterdesc import parse
from sip_luigi.settings import load_settings

OBS_ID = "L1"
CLUSTERDESC = """\
ClusterName = small
Storage.Nodes = [ lse001, lse002 ]
Storage.LocalDisks = [ {0}/data ]
Storage.LocalDisks.lse002 = [ {0}/data2 ]
Compute.Nodes = [ lce001, lce002 ]
Compute.LocalDisks = [ {0}/scratch ]
"""


@dataclass
class SmallCluster:
    """Makes raw data, the cluster description and the settings."""

    folder: Path
    text: str = CLUSTERDESC
    changes: dict = field(default_factory=dict)

    @property
    def description(self):
        return parse(self.text.format(self.folder), self.folder / "small.clusterdesc")

    @property
    def settings(self):
        path = self.folder / "small.clusterdesc"
        path.write_text(self.text.format(self.folder))
        loaded = replace(load_settings(), runtime_directory=self.folder / "runtime")
        sections = {
            "cluster": {"clusterdesc": str(path), "retry_delay_s": 0.0},
            "dppp": {"executable": "true"},
            "imaging": {"executable": "true"},
        }
        for section, values in self.changes.items():
            sections.setdefault(section, {}).update(values)
        return replace(
            loaded, **{name: replace(getattr(loaded, name), **values) for name, values in sections.items()}
        )

    def set(self, section, **values):
        self.changes.setdefault(section, {}).update(values)

    def raw(self, path, size=100):
        """Raw data, as far as a look goes."""
        folder = self.folder / path
        folder.mkdir(parents=True)
        (folder / "table.dat").write_bytes(b"x" * size)
        return folder


@pytest.fixture
def cluster(tmp_path, configured):
    for disk in ("data", "data2"):
        (tmp_path / disk).mkdir()
    return SmallCluster(tmp_path)
