"""Bad input ends in one clear message and a documented status, or in a recorded loss; nothing is damaged."""

import re
import shutil
import subprocess
from contextlib import contextmanager
from os import geteuid

import pytest
from browser import browser
from corruption import CORRUPTIONS, other_field

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("bad")]

FAILED, CONFIGURATION = 30, 35


def checksum(folder):
    command = "find . -type f ! -name table.lock -print0 | sort -z | xargs -0 sha256sum"
    return subprocess.run(command, shell=True, cwd=folder, capture_output=True, check=True).stdout  # noqa: S602


def refused(done, pattern, status=CONFIGURATION):
    """The command ended with the status, and its last words are one message without a traceback."""
    assert done.returncode == status, done.stderr[-3000:]
    lines = [
        line for line in done.stderr.splitlines() if "Warning" not in line and "warnings.warn" not in line
    ]
    assert re.search(pattern, lines[-1]), lines[-5:]
    assert "Traceback" not in done.stderr


def says_so_at_once(report, folder, *words):
    """The report says it on the first screen, and on that of a phone, too."""
    (folder / "browser").mkdir()
    with browser(folder / "browser") as page:
        for width, height in ((1280, 900), (390, 844)):
            page.resize(width, height)
            page.go(report.as_uri())
            page.until("document.readyState === 'complete'")
            verdict = "document.querySelector('.verdict')"
            bottom = f"{verdict}.querySelector('strong').getBoundingClientRect().bottom"
            assert page.evaluate(f"{bottom} < innerHeight")
            text = page.evaluate(f"{verdict}.innerText")
            for word in words:
                assert word in text


@pytest.mark.parametrize("corruption", CORRUPTIONS, ids=lambda function: function.__name__)
def test_a_bad_subband_alone(small_observatory, corruption):
    observatory = small_observatory
    for number in (1, 2, 3):
        shutil.rmtree(observatory.storage / f"{observatory.obs_id}_SAP000_SB00{number}_uv.MS")
    corruption(observatory.storage / f"{observatory.obs_id}_SAP000_SB000_uv.MS")
    before = checksum(observatory.storage)

    done = observatory.run()

    assert done.returncode == FAILED, done.stderr[-3000:]
    assert observatory.quality["outcome"] == "abandoned"
    (lost,) = observatory.quality["subbands_lost"]
    assert lost["stage"] == "describe"
    assert re.search(CORRUPTIONS[corruption], lost["reason"]), lost
    assert "SB000_uv.MS" in lost["reason"]
    assert "abandoned" in (observatory.results / "report.html").read_text()
    assert not list(observatory.results.glob("*.fits"))
    assert checksum(observatory.storage) == before
    assert observatory.run().returncode == FAILED, "asked again, it does not pretend otherwise"


def test_bad_subbands_among_good_ones(small_observatory, tmp_path):
    observatory = small_observatory
    observatory.settings["pipeline"] = {"min_subband_fraction": 0.4, "max_gap_fraction": 1.0}
    good = observatory.storage / f"{observatory.obs_id}_SAP000_SB003_uv.MS"
    for number, corruption in enumerate(CORRUPTIONS, start=4):
        bad = good.with_name(good.name.replace("SB003", f"SB{number:03d}"))
        shutil.copytree(good, bad)
        corruption(bad)
    before = checksum(observatory.storage)

    done = observatory.succeed()

    quality = observatory.quality
    assert (quality["outcome"], quality["subbands_expected"], quality["subbands_used"]) == ("degraded", 9, 4)
    assert [lost["stage"] for lost in quality["subbands_lost"]] == ["describe"] * 5
    for lost, pattern in zip(quality["subbands_lost"], CORRUPTIONS.values(), strict=True):
        assert re.search(pattern, lost["reason"]), lost
    assert "DEGRADED" in done.stderr
    says_so_at_once(observatory.results / "report.html", tmp_path, "degraded", "5 of 9 subbands are not in")
    assert checksum(observatory.storage) == before

    observatory.settings["quality"] = {"strict": True}
    done = observatory.run()
    assert done.returncode == FAILED
    assert "strict" in done.stderr


def test_a_subband_of_another_field_is_left_out(small_observatory):
    observatory = small_observatory
    other_field(observatory.storage / f"{observatory.obs_id}_SAP000_SB000_uv.MS")
    observatory.succeed()
    quality = observatory.quality
    assert (quality["outcome"], quality["subbands_used"]) == ("degraded", 3)
    (lost,) = quality["subbands_lost"]
    assert (lost["subband"], lost["stage"]) == ("SAP000_SB000", "gvds")
    assert "FieldDirection" in lost["reason"]
    (images,) = (observatory.job / "parsets").glob("image_band*.sh")
    assert "SB000" not in images.read_text()


def test_without_beam_tables(small_observatory):
    observatory = small_observatory
    for path in observatory.storage.iterdir():
        drop_beam_tables(path)
    done = observatory.succeed()
    assert observatory.quality["without_beam"] == [f"SAP000_SB00{n}" for n in range(4)]
    assert "WITHOUT the station beam" in done.stderr
    assert "NOT corrected for the primary beam" in (observatory.job / "logs" / "pipeline.log").read_text()
    report = " ".join((observatory.results / "report.html").read_text().split())
    assert "<strong>without the station beam</strong>" in report
    assert (observatory.results / f"{observatory.obs_id}.image.pbcor.fits").is_file()


def drop_beam_tables(path):
    from casacore.tables import table

    with table(str(path), readonly=False, ack=False) as data:
        for name in ("LOFAR_ANTENNA_FIELD", "LOFAR_STATION", "LOFAR_ELEMENT_FAILURE"):
            if name in data.keywordnames():
                data.removekeyword(name)
                shutil.rmtree(path / name)


def test_a_key_that_dp3_does_not_know(small_observatory, tmp_path):
    own = tmp_path / "own.parset"
    own.write_text("aoflagger.nonsense = 1\n")
    small_observatory.settings["dppp"] = {"parset": own}
    done = small_observatory.run()
    assert done.returncode == FAILED, done.stderr[-3000:]
    message = next(line for line in done.stderr.splitlines() if "preprocess." in line and "failed: " in line)
    assert "own.parset" in message
    assert "nonsense" in message
    assert not small_observatory.made_stages()["preprocess"]


def test_own_keys_go_over_the_generated_ones(small_observatory, tmp_path):
    own = tmp_path / "own.parset"
    own.write_text("aoflagger.memorymax = 0.5\n")
    small_observatory.settings["dppp"] = {"parset": own}
    small_observatory.succeed()
    parset = (small_observatory.job / "parsets" / "preprocess.SAP000_SB000.parset").read_text()
    assert "aoflagger.memorymax = 0.5" in parset


def test_unknown_observation(small_observatory):
    refused(
        small_observatory.run(obs_id="L404"),
        "UnknownObservation: observation L404: no L404_SAP.* on localhost:",
    )


@pytest.mark.parametrize("obs_id", ["../etc", "a b", "-x", "L1;reboot", "$(id)", "L1\n", "é", "x" * 65])
def test_hostile_observation_ids(small_observatory, obs_id):
    command = [
        part for part in small_observatory.argv() if part not in ("--obs-id", small_observatory.obs_id)
    ]
    done = subprocess.run(
        [*command, f"--obs-id={obs_id}"],
        env=small_observatory.environment(),
        cwd=small_observatory.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == CONFIGURATION, done.stderr[-2000:]
    assert "expected letters, digits" in done.stderr


def test_bad_range_in_clusterdesc(small_observatory, tmp_path):
    path = tmp_path / "bad.clusterdesc"
    path.write_text("ClusterName = bad\nStorage.Nodes = [ lse007..lfe009 ]\n")
    small_observatory.settings["cluster"] = {"clusterdesc": path}
    refused(small_observatory.run(), r"bad\.clusterdesc:2: Storage\.Nodes: ")


@pytest.mark.parametrize(
    ("section", "values", "pattern"),
    [
        (
            "calibration",
            {"gain_intervals": 3},
            r"luigi\.cfg: \[calibration\] unknown key 'gain_intervals'; did",
        ),
        ("calibratoin", {"tolerance": 3}, r"unknown section \[calibratoin\]; did you mean 'calibration'"),
        (
            "imaging",
            {"robust": 7},
            r"luigi\.cfg: \[imaging\] robust = 7\.0: expected at least -3 and at most",
        ),
        ("imaging", {"robust": "high"}, r"luigi\.cfg: \[imaging\] robust = high: expected a number"),
        ("imaging", {"robust": "nan"}, r"\[imaging\] robust = nan: expected"),
        (
            "calibration",
            {"skymodel": "/no/such.skymodel"},
            r"skymodel = /no/such\.skymodel: no such file",
        ),
        (
            "imaging",
            {"executable": "no-wsclean"},
            r"localhost: program 'no-wsclean' not found \(\[im",
        ),
        (
            "cluster",
            {"execution": "carrier pigeon"},
            r"execution = carrier pigeon: expected one of 'lo",
        ),
    ],
)
def test_bad_settings(small_observatory, section, values, pattern):
    small_observatory.settings.setdefault(section, {}).update(values)
    refused(small_observatory.run(), pattern)
    assert not (small_observatory.directory / "scratch").exists(), "nothing was dispatched"


def test_a_setting_on_the_command_line(small_observatory):
    refused(
        small_observatory.run("--imaging-robust", "9"), r"command line: \[imaging\] robust = 9\.0: expected"
    )


def test_a_broken_sky_model(small_observatory, tmp_path):
    path = tmp_path / "broken.skymodel"
    path.write_text("FORMAT = Name, Type, Ra, Dec, I\nx, POINT, 12:00:00, not-a-declination, 1\n")
    small_observatory.settings["calibration"] = {"skymodel": path}
    done = small_observatory.run()
    assert done.returncode == FAILED
    assert "initial_sky_model failed: " in done.stderr
    assert "broken.skymodel:2" in done.stderr


@contextmanager
def small_disk(path, size):
    path.mkdir()
    subprocess.run(("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)), check=True)
    try:
        yield
    finally:
        subprocess.run(("umount", "-l", str(path)), check=True)


@pytest.mark.skipif(geteuid() != 0, reason="mounting a small disk needs root")
def test_a_full_disk(small_observatory):
    observatory = small_observatory
    observatory.settings["cluster"] = {"min_free_mb": 0, "retries": 1}
    with small_disk(observatory.directory / "scratch", "3m"):
        done = observatory.run()
        assert done.returncode == FAILED, done.stderr[-2000:]
        reasons = [lost["reason"] for lost in observatory.quality["subbands_lost"]]
        assert len(reasons) == 4
        assert any("o space left on device" in reason for reason in reasons), reasons
        assert not observatory.leftovers()
    # The disk is large again, and the losses are struck.
    subprocess.run(("rmdir", str(observatory.directory / "scratch")), check=True)
    retry = (observatory.argv()[0].replace("luigi", "sip"), "retry", observatory.obs_id, "--lost")
    subprocess.run(retry, check=True, env=observatory.environment(), cwd=observatory.directory)
    observatory.succeed()
    assert observatory.quality["outcome"] == "full"


def test_no_room_is_seen_before_the_work(small_observatory):
    small_observatory.settings["cluster"] = {"min_free_mb": 1e12, "retries": 0}
    done = small_observatory.run()
    assert done.returncode == FAILED
    assert "are needed" in small_observatory.quality["subbands_lost"][0]["reason"]
