"""What goes wrong without an error: the figures show it, the verdict is poor or the subbands are lost, and why."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits
from conftest import OBS_ID, SMALL_IMAGE
from corruption import swapped_polarisations

from sip_luigi.domain.skymodel_text import parse_skymodel

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("judgement")]

FAILED = 30


@pytest.fixture
def pair(small_observatory):
    """Two subbands of the small observation."""
    for number in (2, 3):
        shutil.rmtree(small_observatory.storage / f"{OBS_ID}_SAP000_SB00{number}_uv.MS")
    return small_observatory


def words(pair):
    return {entry["figure"]: entry["word"] for entry in pair.quality["judgements"]}


def reasons(pair):
    return " | ".join(pair.quality["reasons"])


def changed_model(pair, path, change):
    """Calibrate with a model made from the true one."""
    truth = pair.settings["calibration"]["skymodel"]
    model = parse_skymodel(truth.read_text(), truth)
    path.write_text(replace(model, sources=tuple(change(model.sources))).text())
    pair.settings["calibration"]["skymodel"] = path


def scrambled(sources):
    """The same fluxes somewhere else: declinations change places."""
    others = [*sources[5:], *sources[:5]]
    return [replace(s, dec_rad=other.dec_rad) for s, other in zip(sources, others, strict=True)]


def doubled(sources):
    return [replace(source, flux_jy=2 * source.flux_jy) for source in sources]


def test_a_good_run_is_not_poor_even_when_strict(pair):
    pair.succeed("--strict")
    quality = pair.quality
    assert quality["verdict"] in ("good", "moderate")
    assert words(pair)["model_found_fraction"] == "good"
    assert quality["model_flux_ratio_median"] == pytest.approx(1.0, abs=0.03)
    assert "model_found_fraction" in (pair.results / "report.html").read_text()

    for name in ("gaussians", "rms", "residual", "image", "image.pbcor"):
        assert (pair.results / f"{OBS_ID}.{name}.fits").is_file()
    catalogue = fits.getdata(pair.results / f"{OBS_ID}.catalogue.fits")
    assert np.isnan(catalogue["SPECTRAL_INDEX"]).all(), "0.4 MHz give no spectral index"
    header = fits.getheader(pair.results / f"{OBS_ID}.image.fits")
    assert header["TELESCOP"] == "LOFAR"
    assert header["DATE-OBS"].startswith("2024-03-20T20:00")
    assert header["OBSID"] == OBS_ID
    history = "".join(header["HISTORY"])
    assert "wsclean -no-update-model-required" in history
    assert "longest baseline: 3000 lambda ([imaging] max_uv_lambda" in history
    assert "software: wsclean 3." in history


def test_a_sky_model_in_the_wrong_place(pair, tmp_path):
    changed_model(pair, tmp_path / "wrong.skymodel", scrambled)
    done = pair.run()
    assert done.returncode == FAILED, done.stderr[-3000:]
    assert pair.quality["outcome"] == "abandoned"
    assert {entry["stage"] for entry in pair.quality["subbands_lost"]} == {"calibrate"}
    assert all("the model is not of this field" in entry["reason"] for entry in pair.quality["subbands_lost"])


def test_a_sky_model_in_the_wrong_place_that_calibration_did_not_look_at(pair, tmp_path):
    changed_model(pair, tmp_path / "wrong.skymodel", scrambled)
    pair.settings["calibration"]["check_model"] = "false"
    done = pair.run("--strict")
    assert done.returncode == FAILED, done.stderr[-3000:]
    assert pair.quality["verdict"] == "poor"
    assert words(pair)["model_found_fraction"] == "poor"
    assert "is the model of this field, and in the right place?" in reasons(pair)
    assert "POOR" in done.stderr
    assert "bright sources of the calibration model" in (pair.results / "report.html").read_text()

    assert pair.run().returncode == 0, "without strictness it is said, and the results are there"
    assert pair.run("--strict").returncode == FAILED, "asked again, it does not pretend otherwise"


def test_a_solver_that_stalls(real_observatory, tmp_path):
    keys = tmp_path / "stalling.parset"
    keys.write_text("gain.maxiter = 2\n")
    real_observatory.settings["calibration"] |= {"parset": keys, "solve_phase": "false"}
    real_observatory.settings["imaging"] = dict(SMALL_IMAGE)
    done = real_observatory.run("--strict")
    assert done.returncode == FAILED, done.stderr[-3000:]
    quality = real_observatory.quality
    assert quality["verdict"] == "poor"
    if not quality["subbands_lost"]:
        # 3C295 is a source there, of 2 mJy instead of 105 Jy.
        assert words(real_observatory)["model_flux_ratio_median"] == "poor"
        assert "did the solver converge" in reasons(real_observatory)


def test_a_source_that_is_clipped_away(pair, tmp_path):
    keys = tmp_path / "clip.parset"
    # The brightest source has 9.6 Jy: where it adds to the others nothing is left.
    keys.write_text("zeros.amplmax = 6.0\n")
    pair.settings["dppp"] = {"parset": keys}
    done = pair.run("--strict")
    assert done.returncode == FAILED, done.stderr[-3000:]
    quality = pair.quality
    assert quality["verdict"] == "poor"
    assert quality["subbands_lost"] or words(pair)["flagged_fraction"] == "poor"
    assert "flagged" in json.dumps([quality["subbands_lost"], quality["reasons"]])


def test_a_model_of_another_flux_scale_shows_against_the_reference(pair, small_simulation, tmp_path):
    changed_model(pair, tmp_path / "double.skymodel", doubled)
    pair.settings["quality"] = {"reference_catalogue": small_simulation / f"{OBS_ID}.truth.fits"}
    pair.succeed()
    assert pair.quality["verdict"] == "poor"
    assert words(pair)["flux_ratio_median"] == "poor"
    assert words(pair)["model_flux_ratio_median"] == "good", "it is what the model says"
    assert "is the flux scale of the calibration model right" in reasons(pair)


def test_a_second_cycle_helps_where_the_model_is_incomplete(pair, tmp_path):
    changed_model(
        pair, tmp_path / "few.skymodel", lambda sources: sorted(sources, key=lambda s: -s.flux_jy)[:3]
    )
    pair.succeed("--cycles", "2")
    first, second = pair.quality["cycles"]
    assert (first["state"], second["state"], pair.quality["best_cycle"]) == ("accepted", "accepted", 1)
    assert second["rms_jy_beam"] < 0.9 * first["rms_jy_beam"]
    assert second["dynamic_range"] > first["dynamic_range"]
    assert "Cycles of self-calibration" in (pair.results / "report.html").read_text()


def test_swapped_polarisations(pair):
    for path in pair.storage.iterdir():
        swapped_polarisations(path)
    done = pair.run("--strict")
    assert done.returncode == FAILED, done.stderr[-3000:]
    assert pair.quality["verdict"] == "poor"
    assert pair.quality["subbands_lost"] or pair.quality["reasons"]


def test_a_blank_image_is_refused(pair, tmp_path):
    blank = tmp_path / "wsclean"
    # WSClean itself writes such images, with exit status 0, when all data are flagged.
    blank.write_text(
        f"""#!/bin/sh
[ "$1" = -version ] && exec wsclean -version
wsclean "$@" || exit
cd "$(dirname "$0")"
name=
for word in "$@"; do [ "$previous" = -name ] && name=$word; previous=$word; done
{shutil.which("python3")} - "$name" <<'EOF'
import glob, sys
for path in glob.glob(sys.argv[1] + "*image.fits"):
    with open(path, "r+b") as stream:
        header = stream.read(2880 * 4)
        end = header.index(b"END" + b" " * 77) // 2880 * 2880 + 2880
        stream.seek(0, 2); size = stream.tell() - end
        stream.seek(end); stream.write(b"\\x00" * size)
EOF
"""
    )
    blank.chmod(0o755)
    pair.settings["imaging"]["executable"] = blank
    pair.settings["cluster"] = {"retries": 0}
    done = pair.run()
    assert done.returncode == FAILED
    assert "image is blank" in done.stderr
    assert not list(pair.results.glob("*.fits"))
