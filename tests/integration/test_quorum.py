"""Bad subbands among good ones: the image is made without them, or not at all, and nobody is told otherwise."""

import shutil

import pytest
from conftest import simulate
from corruption import truncated

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("cluster")]

FAILED = 30


@pytest.fixture
def observatory(cluster_observatory, tmp_path):
    """A cluster with an observation of ten subbands."""
    simulation = simulate(tmp_path / "ten", subbands=10, duration_s=1800.0)
    return cluster_observatory(simulation=simulation)


def test_one_of_ten_is_bad_then_six_then_none(observatory, tmp_path):
    spoil(observatory, tmp_path, [3])
    observatory.succeed()
    assert outcome(observatory) == ("degraded", 10, 9)
    (lost,) = observatory.quality["subbands_lost"]
    assert (lost["subband"], lost["stage"]) == ("SAP000_SB003", "describe")
    assert "SB003_uv.MS" in lost["reason"]
    assert "DEGRADED" in (observatory.job / "logs" / "pipeline.log").read_text()
    assert imaged(observatory) == {f"SAP000_SB{n:03d}" for n in range(10) if n != 3}

    observatory.settings["quality"] = {"strict": "true"}
    assert observatory.run().returncode == FAILED, "strict: the exit status says it"

    spoil(observatory, tmp_path, [0, 1, 2, 4, 5])
    done = observatory.run()
    assert done.returncode == FAILED
    assert "abandoned" in done.stderr
    assert outcome(observatory) == ("abandoned", 10, 0)
    assert len(observatory.quality["subbands_lost"]) == 6
    assert not list(observatory.results.glob("*.fits")), "the old image is not among the results"
    assert "abandoned" in (observatory.results / "report.html").read_text()

    # Strictness is about the verdict too, and the image of so small an observation is poor.
    del observatory.settings["quality"]
    restore(observatory, tmp_path)
    assert observatory.sip("retry", observatory.obs_id, "--lost").returncode == 0
    made = observatory.made_anywhere()
    observatory.succeed()
    assert outcome(observatory) == ("full", 10, 10)
    assert imaged(observatory) == {f"SAP000_SB{n:03d}" for n in range(10)}
    new = observatory.made_anywhere() - made
    again = {name.partition("/")[0] for name in new if name.endswith("/preprocess")}
    assert "SAP000_SB003" in again, "the one that had never been made"
    assert "SAP000_SB006" not in again, "a good one is used as it is"


def raw(observatory, number):
    """A raw MeasurementSet, on whichever storage node it is."""
    cluster = observatory.cluster
    name = f"{observatory.obs_id}_SAP000_SB{number:03d}_uv.MS"
    places = (cluster.path(node, "/data/raw") / name for node in cluster.storage)
    return next(path for path in places if path.exists())


def spoil(observatory, tmp_path, numbers):
    for number in numbers:
        path = raw(observatory, number)
        shutil.copytree(path, tmp_path / "good" / path.name)
        truncated(path)


def restore(observatory, tmp_path):
    for path in (tmp_path / "good").iterdir():
        place = raw(observatory, int(path.name.partition("_SB")[2][:3]))
        shutil.rmtree(place)
        shutil.copytree(path, place)


def outcome(observatory):
    quality = observatory.quality
    return quality["outcome"], quality["subbands_expected"], quality["subbands_used"]


def imaged(observatory):
    """Subbands in the command that made the image."""
    command = (observatory.job / "parsets" / "image_band.cycle0.sh").read_text()
    return {word.partition("/gather")[0].rpartition("/")[2] for word in command.split() if "/gather" in word}
