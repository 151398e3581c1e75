"""What the fabfile refuses before it goes anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY

FAB = Path(sys.executable).with_name("fab")
CLUSTERDESC = """\
ClusterName = test
Head.Nodes = [ lfe001 ]
Storage.Nodes = [ lse001 ]
Storage.LocalDisks = [ /data ]
Compute.Nodes = [ lce001 ]
Compute.LocalDisks = [ /scratch ]
"""


@pytest.fixture
def fab(tmp_path):
    (tmp_path / "test.clusterdesc").write_text(CLUSTERDESC)

    def run(*arguments, **cluster):
        settings = {"clusterdesc": tmp_path / "test.clusterdesc", "execution": "ssh", **cluster}
        lines = ["[cluster]", *(f"{key} = {value}" for key, value in settings.items())]
        (tmp_path / "luigi.cfg").write_text("\n".join(lines) + "\n")
        return subprocess.run(
            (str(FAB), "-r", str(REPOSITORY / "deploy"), *arguments),
            cwd=tmp_path,
            env={**os.environ, "LUIGI_CONFIG_PATH": str(tmp_path / "luigi.cfg")},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_the_tasks(fab):
    done = fab("--list")
    assert done.returncode == 0, done.stderr
    for name in (
        *("wheels", "head-node.install", "head-node.start-scheduler", "head-node.stop-scheduler"),
        *("head-node.status", "compute-nodes.install", "compute-nodes.check", "compute-nodes.status"),
        *("storage-nodes.install", "storage-nodes.check", "storage-nodes.status"),
    ):
        assert f"  {name} " in done.stdout


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"execution": "local"}, "[cluster] execution = local"),
        ({"node_python": "python3"}, "[cluster] node_python = python3: expected <place"),
        (
            {"node_python": "/opt/sip/bin/python"},
            "no wheels of sip_luigi there; make them: fab -r deploy wheels",
        ),
    ],
)
def test_refused(fab, tmp_path, cluster, said):
    done = fab("compute-nodes.install", "--wheels", str(tmp_path), **cluster)
    assert done.returncode in (1, 35)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
