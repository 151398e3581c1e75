"""The flux scale comes from a calibrator, with the real programs on a simulated pair of observations."""

import json
import math
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest
from conftest import OBS_ID, SMALL_IMAGE, simulate

from sip_luigi.domain.skymodel_text import parse_skymodel

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("calibrator")]

CALIBRATOR = "L900776"
PAIR = {
    **{"stations": 16, "duration_s": 1200.0, "bandpass_depth": 0.3, "bandpass_ripple": 0.05},
    # Far apart, so that few stations make a clean beam.
    **{"frequency_hz": 125e6, "subband_spacing_hz": 6e6},
    **{"clock_offset_ns": 80.0, "calibrator": "3C196", "calibrator_obs_id": CALIBRATOR},
}


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A target and its calibrator."""
    return simulate(tmp_path_factory.mktemp("pair"), **PAIR)


@pytest.fixture
def paired(observatory, pair):
    """Both on a storage disk."""
    made = observatory(calibration={"skymodel": pair / f"{OBS_ID}.truth.skymodel"}, imaging=dict(SMALL_IMAGE))
    made.settings["quality"] = {"reference_catalogue": pair / f"{OBS_ID}.truth.fits"}
    for path in pair.glob("*.MS"):
        shutil.copytree(path, made.storage / path.name)
    return made


def manifest(observatory, subband):
    path = observatory.scratch / subband / "calibrate.cycle0" / "sip-manifest.json"
    return json.loads(path.read_text())["measures"]


def altered(scratch):
    """Files of products that were written to after the product was finished; readers touch locks."""
    seals = list(scratch.glob("*/*/sip-manifest.json"))
    assert seals, scratch
    return [
        path
        for seal in seals
        for path in seal.parent.rglob("*")
        if path.is_file() and path.name != "table.lock" and path.stat().st_mtime > seal.stat().st_mtime
    ]


def assert_recorded(observatory):
    """The database knows the run, and each product under its own observation."""
    with closing(sqlite3.connect(observatory.directory / "runtime" / "sip.sqlite")) as found:
        assert found.execute("SELECT obs_id, outcome FROM run").fetchall() == [(OBS_ID, "done")]
        n_products = dict(found.execute("SELECT obs_id, count(*) FROM product GROUP BY obs_id"))
    known = {
        obs_id: len(list((observatory.scratch.parent / obs_id).glob("*/*/sip-manifest.json")))
        for obs_id in (OBS_ID, CALIBRATOR)
    }
    assert all(n_products[obs_id] >= number > 0 for obs_id, number in known.items()), (n_products, known)


def rewritten(path, folder, flux=1.0, shift_deg=0.0):
    """The true model with other fluxes, or in another place."""
    model = parse_skymodel(path.read_text(), path)
    sources = tuple(
        replace(s, flux_jy=flux * s.flux_jy, dec_rad=s.dec_rad + math.radians(shift_deg))
        for s in model.sources
    )
    changed = folder / "changed.skymodel"
    changed.write_text(replace(model, sources=sources).text())
    return changed


def test_the_flux_scale_is_the_calibrators_whatever_the_model_says(paired, pair, tmp_path):
    paired.settings["calibration"]["skymodel"] = rewritten(
        pair / f"{OBS_ID}.truth.skymodel", tmp_path, flux=0.7
    )
    paired.succeed("--calibrator-obs-id", CALIBRATOR)
    assert paired.quality["flux_ratio_median"] == pytest.approx(1.0, abs=0.04)
    for number in range(4):
        measures = manifest(paired, f"SAP000_SB{number:03d}")
        assert measures["model_agreement"]["flux_ratio"] == pytest.approx(1 / 0.7, rel=0.04)
        assert measures["calibrator"]["calibrator"] == "3C196"
        assert set(measures["inspect_solutions"]["convergence"]) == {"phase", "gain"}
        assert measures["keep_flux_scale"]["model_over_data"] == pytest.approx(0.7, rel=0.04)
    assert not altered(paired.scratch)
    assert not altered(paired.scratch.parent / CALIBRATOR)
    assert_recorded(paired)
    job = paired.job.parent / CALIBRATOR
    assert (job / f"{CALIBRATOR}.instrument.h5").is_file()

    # Named in the settings it is the same work; nothing of the calibrator is made again for other settings.
    before = paired.made_stages()
    paired.settings["calibration"]["calibrator_obs_id"] = CALIBRATOR
    paired.succeed()
    assert paired.made_stages() == before
    paired.settings["calibration"]["phase_interval_s"] = 60
    paired.succeed()
    others = paired.made_stages() - before
    assert others["calibrate"] == 4
    assert not others["preprocess"]

    # Without keeping it the flux scale would be that of the model.
    paired.settings["calibration"]["keep_flux_scale"] = "false"
    paired.run()
    assert manifest(paired, "SAP000_SB000")["model_agreement"]["flux_ratio"] == pytest.approx(1.0, rel=0.03)


def test_a_calibrator_that_cannot_be_used_is_named(paired):
    done = paired.run("--calibrator-obs-id", OBS_ID)
    assert done.returncode == 35
    assert "expected another observation than the target's" in done.stderr
    done = paired.run("--calibrator-obs-id", "L1")
    assert done.returncode == 35
    assert re.search("observation L1: no .*L1_SAP", done.stderr)


def test_a_calibrator_that_is_lost_abandons_the_target(paired):
    for path in sorted(paired.storage.glob(f"{CALIBRATOR}_*.MS"))[:3]:
        (path / "table.f0").write_bytes(b"")
        for data in path.glob("table.f*"):
            data.write_bytes(b"")
    done = paired.run("--calibrator-obs-id", CALIBRATOR)
    assert done.returncode == 30
    reasons = {entry["reason"] for entry in paired.quality["subbands_lost"]}
    assert len(reasons) == 1
    assert f"calibrator {CALIBRATOR}: 1 of 4 subbands are left" in reasons.pop()


def test_a_model_in_the_wrong_place_never_gets_into_an_image(paired, pair, tmp_path):
    paired.settings["calibration"]["skymodel"] = rewritten(
        pair / f"{OBS_ID}.truth.skymodel", tmp_path, shift_deg=1.5
    )
    done = paired.run()
    assert done.returncode == 30
    assert paired.quality["outcome"] == "abandoned"
    for entry in paired.quality["subbands_lost"]:
        assert entry["stage"] == "calibrate"
        assert "wrong place" in entry["reason"]
