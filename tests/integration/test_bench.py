"""The benchmarks run and print their figures; how good these are depends on the machine and is not judged here."""

import json
import subprocess
import sys

import pytest
from conftest import REPOSITORY

from sip_luigi.testcluster.requirements import missing

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bench")]


def figures(name, *options):
    """The JSON object on the last line of what a benchmark prints."""
    command = (sys.executable, str(REPOSITORY / "bench" / name), *options)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def all_positive(measured, *names):
    assert set(names) <= set(measured)
    assert all(measured[name] > 0 for name in names), measured


@pytest.fixture
def nodes():
    if reason := missing():
        pytest.skip(reason)


@pytest.mark.usefixtures("nodes")
def test_overhead(tmp_path):
    shape = ("--subbands", "9", "--stages", "2", "--sample", "2", "--repeat", "1")
    measured = figures("overhead", *shape, "--directory", str(tmp_path))
    all_positive(
        measured,
        *("lookup_s", "lookup_ratio", "run_ratio", "contrib_ssh_run_ratio"),
        *("local_ms_per_task", "local_ratio", "peak_rss_mb"),
    )
    assert measured["local_tasks"] == 18
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_efficiency(tmp_path):
    # Of less time interference takes too large a part: the calibration is refused.
    shape = ("--subbands", "2", "--duration", "1200", "--repeat", "1")
    measured = figures("efficiency", *shape, "--directory", str(tmp_path))
    all_positive(measured, "wall_ratio", "pipeline_s", "script_s", "cpu_ratio", "script_wsclean_s")
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_scheduler(tmp_path):
    shape = ("--sizes", "160,1000", "--nodes", "4", "--cycles", "3", "--repeat", "1")
    measured = figures("scheduler", *shape, "--directory", str(tmp_path))
    all_positive(measured, "ratio_1k", "ratio_160", "flat_ratio_1k", "tasks_s_1k", "luigid_tasks_s_1k")
    assert not list(tmp_path.iterdir()), "nothing is left"


@pytest.mark.usefixtures("nodes")
def test_copy(tmp_path):
    measured = figures("copy", "--size", "8", "--repeat", "1", "--directory", str(tmp_path))
    all_positive(measured, "ratio", "pipeline_mib_s", "rsync_mib_s", "tar_mib_s")
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_skydb(tmp_path):
    sizes = ("--rows", "2000", "--rows", "4000", "--detections", "500")
    measured = figures("skydb", *sizes, "--directory", str(tmp_path))
    all_positive(measured, "import_s", "import_cpu_s", "cone_s", "association_s", "update_s", "cone_growth")
    assert measured["associated_fraction"] == 1.0
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_calibration(tmp_path):
    shape = ("--feature", "stations", "--subbands", "2", "--stations", "12")
    measured = figures("calibration", *shape, "--directory", str(tmp_path))
    names = ("noise_mjy", "dynamic_range", "n_sources", "flagged_fraction", "wall_s")
    all_positive(measured, *(f"stations_flag_stations_{name}" for name in names))
    # Among so few stations the bad ones may leave no image at all.
    without = measured["stations_none_noise_mjy"]
    assert without is None or without > measured["stations_flag_stations_noise_mjy"]
    assert not any(name.startswith(("ateam", "cycles", "calibrator")) for name in measured)
    assert not list(tmp_path.iterdir()), "nothing is left"


def test_report(tmp_path):
    shape = ("--subbands", "4", "--stations", "8", "--pixels", "300", "--cycles", "2", "--observations", "5")
    measured = figures("report", *shape, "--directory", str(tmp_path))
    all_positive(measured, "report_s", "report_mb", "index_s", "index_mb")
    assert measured["tasks"] > 4 * 7
    assert not list(tmp_path.iterdir()), "nothing is left"
