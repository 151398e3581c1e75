"""The pipeline and the shared database: two nights of one field, with the real programs."""

import json
import subprocess

import numpy as np
import pytest
from conftest import BIN, Observatory, simulate

from sip_luigi.domain.catalogue import angle, unit_vectors

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]

SECOND = "L900778"


def sip(observatory, *arguments):
    done = subprocess.run(
        (str(BIN / "sip"), *arguments, "--json"),
        env=observatory.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_two_nights(small_observatory, small_simulation, tmp_path):
    first = small_observatory
    made = _database_that_is_away(first)
    _what_was_run(first, made)
    _a_setting_changes(first)
    _second_night(first, small_simulation, tmp_path)


def _database_that_is_away(observatory):
    """The results stand; the next run has only the database left to do."""
    observatory.settings["database"] = {"url": "postgresql://sip:secret@127.0.0.1:1/none", "wait_s": 1}
    observatory.settings["cluster"] = {"retries": 0}
    done = observatory.run()
    assert done.returncode == 30
    assert "cannot be used" in done.stderr
    assert "secret" not in done.stderr
    assert observatory.quality["outcome"] == "full"
    made = observatory.made_stages()
    del observatory.settings["database"]
    observatory.succeed()
    assert observatory.made_stages() == made
    versions = sip(observatory, "sky", "history")["versions"]
    assert [(row["number"], row["accepted"], row["obs_id"]) for row in versions] == [
        (1, True, observatory.obs_id)
    ]
    assert versions[0]["calibrated_by"] is None, "a model of the user's calibrated it"
    assert versions[0]["summary"]["new"] == observatory.quality["n_sources"]
    return made


def _what_was_run(observatory, made):
    runs = sip(observatory, "runs")["runs"]
    assert [(row["outcome"], row["obs_id"]) for row in runs] == [("done", observatory.obs_id)]
    run = sip(observatory, "runs", "show", observatory.obs_id)
    products = {row["name"]: row for row in run["products"]}
    assert sum(row["stage"] in made for row in products.values()) == sum(made.values())
    image = products["image_band.cycle0"]
    assert image["why"] == "made for the first time"
    assert image["commands"][0][0].endswith("wsclean")
    assert image["elapsed_s"] > 0
    assert run["software"]["dp3"]
    assert run["quality"]["rms_jy_beam"] == observatory.quality["rms_jy_beam"]
    observatory.succeed()
    assert len(sip(observatory, "runs")["runs"]) == 1, "where nothing is to be done there was no run"


def _a_setting_changes(observatory):
    """It says why things were made again, and the observation replaces what it had said of the sky."""
    before = sip(observatory, "sky", "history")["versions"][0]["summary"]["new"]
    observatory.settings["source_finding"] = {"threshold_peak_sigma": 6}
    observatory.succeed()
    why = {
        row["name"]: row["why"] for row in sip(observatory, "runs", "show", observatory.obs_id)["products"]
    }
    assert why["find_sources.cycle0"] == "setting threshold_peak_sigma: 5.5 → 6.0"
    assert "image_band.cycle0" not in why
    assert why["update_sky_model.cycle0"] == "input sources changed"
    newest = sip(observatory, "sky", "history")["versions"][0]
    assert (newest["number"], newest["accepted"]) == (2, True)
    assert newest["summary"]["new"] == 0
    assert newest["summary"]["associated"] + newest["summary"]["ended"] == before


def _second_night(first, simulation, tmp_path):
    """Calibrated with what the first night found; nothing is there twice."""
    truth = json.loads((simulation / f"{first.obs_id}.truth.json").read_text())
    ra_deg, dec_deg = truth["phase_centre_deg"]
    folder = tmp_path / "second"
    simulate(folder, obs_id=SECOND, start_utc="2024-03-21T20:00:00", ra_deg=ra_deg, dec_deg=dec_deg)
    for path in folder.glob(f"{SECOND}_*.MS"):
        path.rename(first.storage / path.name)
    del first.settings["calibration"]
    second = Observatory(first.directory, SECOND, first.settings)
    second.succeed()
    model = (second.job / "skymodels" / f"{SECOND}.initial.skymodel").read_text()
    assert "# version: 2" in model
    newest = sip(second, "sky", "history")["versions"][0]
    assert (newest["number"], newest["accepted"], newest["calibrated_by"]) == (3, True, 2)
    assert newest["summary"]["vanished"] == 0

    found = sip(second, "sky", "cone", "--ra", str(ra_deg), "--dec", str(dec_deg), "--radius", "10")[
        "sources"
    ]
    places = unit_vectors(*(np.radians([source[name] for source in found]) for name in ("ra_deg", "dec_deg")))
    distance = angle(np.linalg.norm(places[:, None] - places, axis=-1)) + np.eye(len(places))
    assert np.degrees(distance.min()) * 3600 > second.quality["beam_major_arcsec"], "no source is there twice"
    twice = [source for source in found if source["n_points"] == 2]
    assert len(twice) > 5
    assert not any(source["variable"] for source in twice)

    made = second.made_stages()
    second.succeed()
    assert second.made_stages() == made, "what it has itself taught the sky model is no reason to begin anew"
