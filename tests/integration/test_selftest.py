"""The self-test as a user runs it."""

import json
import subprocess

import pytest
from conftest import BIN

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("selftest")]


def test_selftest_passes_and_prints_its_figures(tmp_path):
    command = (str(BIN / "sip"), "selftest", "--seed", "42", "--directory", str(tmp_path))
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["failures"] == []
    assert figures["n_true_7sigma"] > 90
    assert figures["dead_station_flagged_fraction"] == 1.0
