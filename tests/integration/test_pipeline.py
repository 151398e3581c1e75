"""The main command on a small simulated observation, with the real programs."""

import json
import shutil

import pytest
from astropy.io import fits
from astropy.table import Table

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("pipeline")]

FIGURES = {
    *("obs_id", "outcome", "subbands_expected", "subbands_used", "subbands_lost", "flagged_fraction"),
    *("rms_jy_beam", "thermal_rms_jy_beam", "dynamic_range", "beam_major_arcsec", "beam_minor_arcsec"),
    *("beam_pa_deg", "frequency_hz", "bandwidth_hz", "n_sources", "flux_ratio_median"),
    *("flux_ratio_scatter", "astrometric_offset_arcsec"),
}
CHAIN = {"copy": 4, "preprocess": 4, "calibrate": 4, "gather": 4, "image_band": 1, "find_sources": 1}


def again(observatory):
    """Run once more and tell which stages made something."""
    before = observatory.made_stages()
    observatory.succeed()
    return dict(observatory.made_stages() - before)


def test_from_raw_data_to_results(small_observatory, small_simulation):
    observatory = small_observatory
    observatory.settings["quality"] = {
        "reference_catalogue": small_simulation / f"{observatory.obs_id}.truth.fits"
    }
    observatory.succeed()

    assert dict(observatory.made_stages()) == CHAIN
    assert not observatory.leftovers()
    quality = observatory.quality
    assert set(quality) >= FIGURES
    assert (quality["outcome"], quality["subbands_used"]) == ("full", 4)
    assert quality["flux_ratio_median"] == pytest.approx(1.0, abs=0.05)
    assert quality["astrometric_offset_arcsec"] < 0.1 * quality["beam_major_arcsec"]

    truth = json.loads((small_simulation / f"{observatory.obs_id}.truth.json").read_text())
    assert set(truth["dead_stations"]) == set(quality["bad_stations"])
    catalogue = Table.read(observatory.results / f"{observatory.obs_id}.catalogue.fits")
    assert len(catalogue) == quality["n_sources"] > 5
    for name in ("image", "image.pbcor"):
        header = fits.getheader(observatory.results / f"{observatory.obs_id}.{name}.fits")
        assert header["BMAJ"] > 0
        assert "sip_luigi" in str(header["HISTORY"])
    skymodel = (observatory.results / f"{observatory.obs_id}.skymodel").read_text()
    assert "# updates: " in skymodel
    assert "FORMAT" in skymodel
    report = (observatory.results / "report.html").read_text()
    assert "<img" in report
    assert "good" in report or "poor" in report
    for folder, pattern, number in (("vds", "*.vds", 4), ("vds", "*.gvds", 1), ("parsets", "*.parset", 12)):
        assert len(list((observatory.job / folder).glob(pattern))) == number
    assert "image_band.cycle0 done" in (observatory.job / "logs" / "pipeline.log").read_text()
    assert "AOFlagger" in (observatory.job / "logs" / "preprocess.SAP000_SB000.log").read_text()

    _nothing_changed(observatory)
    _settings_changed(observatory)
    _products_gone(observatory)


def _nothing_changed(observatory):
    stamps = {path: path.stat().st_mtime_ns for path in observatory.results.iterdir()}
    assert again(observatory) == {}
    assert stamps == {path: path.stat().st_mtime_ns for path in observatory.results.iterdir()}


def _settings_changed(observatory):
    following = {"image_band": 1, "find_sources": 1}
    observatory.settings["calibration"]["gain_interval_s"] = 450
    assert again(observatory) == {"calibrate": 4, "gather": 4, **following}
    observatory.settings["imaging"]["robust"] = 0.5
    assert again(observatory) == following
    observatory.settings["source_finding"] = {"threshold_peak_sigma": 6}
    assert again(observatory) == {"find_sources": 1}
    observatory.settings["cluster"] = {"poll_s": 0.25}
    observatory.settings["dppp"] = {"threads": 2}
    assert again(observatory) == {}, "how it is run does not change what is made"


def _products_gone(observatory):
    # A lost intermediate is made again, what was made from it stays.
    shutil.rmtree(observatory.scratch / "SAP000_SB002" / "preprocess")
    assert again(observatory) == {"preprocess": 1}
    # A truncated one too.
    image = observatory.scratch / "band" / "image_band.cycle0" / "image.fits"
    image.write_bytes(image.read_bytes()[:10000])
    assert again(observatory) == {"image_band": 1}
    (observatory.results / "report.html").unlink()
    assert again(observatory) == {}
    assert (observatory.results / "report.html").is_file()


def test_cycles(small_observatory):
    small_observatory.settings["pipeline"] = {"cycles": 2, "image_subbands": True}
    small_observatory.succeed()
    assert dict(small_observatory.made_stages()) == {
        **{"copy": 4, "preprocess": 4, "calibrate": 8, "gather": 8},
        **{"image_band": 2, "find_sources": 2, "image_subband": 4},
    }
    first, second = (
        small_observatory.job / "skymodels" / f"{small_observatory.obs_id}.cycle{n}.skymodel" for n in (0, 1)
    )
    assert first.read_text() != second.read_text()
