"""What is kept of the commands of a stage."""

import subprocess
import sys

from sip_luigi.tasks.node_stage import _typed


def test_what_a_node_does_itself_can_be_typed(tmp_path):
    source = tmp_path / "it's.MS"
    source.mkdir()
    (source / "table.dat").write_bytes(b"x")
    request = {"source": str(source), "destination": str(tmp_path / "link $HOME"), "origin": "raw"}
    line = _typed({"call": "copy", "request": request}, sys.executable)
    done = subprocess.run(("sh", "-c", line), capture_output=True, text=True, check=True)
    assert '"mode": "link"' in done.stdout
    assert (tmp_path / "link $HOME").resolve() == source
