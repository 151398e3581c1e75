"""A band that is wide enough for spectra: the cube, its primary beams, and the indices of the sources."""

import shutil

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from conftest import OBS_ID, SMALL_IMAGE, Observatory, simulate

from sip_luigi.fits import read_table

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("judgement")]


@pytest.fixture(scope="module")
def wide(tmp_path_factory):
    """Four subbands over 24 MHz, imaged in four parts with two cycles at most."""
    folder = tmp_path_factory.mktemp("wide")
    simulation = simulate(
        folder / "simulation", frequency_hz=120e6, subband_spacing_hz=8e6, duration_s=1800.0, stations=24
    )
    truth = simulation / f"{OBS_ID}.truth"
    settings = {
        "calibration": {"skymodel": truth.with_suffix(".truth.skymodel")},
        "imaging": {**SMALL_IMAGE, "channels_out": 4},
        "quality": {"reference_catalogue": truth.with_suffix(".truth.fits")},
    }
    made = Observatory(folder, OBS_ID, settings)
    shutil.copytree(simulation, made.storage)
    made.succeed("--cycles", "3")
    return made, Table.read(settings["quality"]["reference_catalogue"])


def matched(observatory, truth):
    catalogue = read_table(observatory.results / f"{OBS_ID}.catalogue.fits")
    found, true = (SkyCoord(table["RA"], table["DEC"], unit="deg") for table in (catalogue, truth))
    index, distance, _ = found.match_to_catalog_sky(true)
    near = distance.arcsec < 30
    return catalogue[near], truth[index[near]]


def test_spectral_indices_are_those_of_the_sky(wide):
    found, true = matched(*wide)
    known = np.isfinite(found["SPECTRAL_INDEX"])
    assert known.sum() >= 8
    difference = found["SPECTRAL_INDEX"][known] - true["SPECTRAL_INDEX"][known]
    # Gains leave errors of a per cent or two in each part, over a band of a fifth of its frequency.
    assert abs(np.median(difference)) < 0.1
    assert 1.4826 * np.median(np.abs(difference)) < 0.2


def test_the_cube(wide):
    observatory, _ = wide
    with fits.open(observatory.results / f"{OBS_ID}.cube.fits") as hdus:
        cube, header, beams = hdus[0].data[0], hdus[0].header, hdus["BEAMS"].data
    image = fits.getdata(observatory.results / f"{OBS_ID}.image.pbcor.fits").squeeze()
    assert cube.shape == (4, *image.shape)
    assert beams["FREQ"] == pytest.approx([120e6, 128e6, 136e6, 144e6], abs=0.1e6)
    assert WCS(header, fix=False).spectral.pixel_to_world_values(3) == pytest.approx(144e6, abs=0.1e6)
    y, x = np.unravel_index(np.nanargmax(image), image.shape)
    assert np.mean(cube[:, y, x]) == pytest.approx(image[y, x], rel=0.1)
    assert beams["BMAJ"][0] > 1.05 * beams["BMAJ"][-1], "the higher the frequency the sharper"
    assert (np.diff(cube[:, y, x]) < 0).all(), "the brightest source is steep"


def test_cycles_end_when_little_improves(wide):
    observatory, _ = wide
    quality = observatory.quality
    states = [cycle["state"] for cycle in quality["cycles"]]
    assert len(states) == 3
    assert states[0] == "accepted"
    assert quality["cycles"][quality["best_cycle"]]["rms_jy_beam"] == pytest.approx(quality["rms_jy_beam"])
    made = observatory.made_stages()
    n_run = len(states) - states.count("not run")
    assert made["image_band"] == made["find_sources"] == n_run
    assert made["calibrate"] == made["gather"] == 4 * n_run
    assert n_run < 3, "the first model is the true one"
    before = observatory.made()
    observatory.succeed("--cycles", "3")
    assert observatory.made() == before, "asked again, nothing is made"
    observatory.succeed("--cycles", "2")
    assert observatory.made() == before, "fewer cycles need nothing new"
