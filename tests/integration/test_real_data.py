"""The observation of 3C295 that LOFAR's own software is tested with."""

import json

import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("real")]


def test_3c295(real_observatory):
    real_observatory.succeed()
    catalogue = Table.read(real_observatory.results / "L102085.catalogue.fits")
    positions = SkyCoord(catalogue["RA"], catalogue["DEC"], unit="deg")
    distance = positions.separation(SkyCoord("14:11:20.6 +52:12:09", unit=("hourangle", "deg"))).arcsec
    source = catalogue[distance.argmin()]
    assert distance.min() < 5
    assert source["TOTAL_FLUX"] == pytest.approx(105.6, rel=0.03)
    assert real_observatory.quality["outcome"] == "full"


def test_without_a_sky_model_the_calibrator_is_found(real_observatory):
    real_observatory.settings["calibration"] = {}
    real_observatory.succeed()
    model = (real_observatory.job / "skymodels" / "L102085.initial.skymodel").read_text()
    assert "3C295" in model
    vds = (real_observatory.job / "vds" / "SAP000_SB080.vds").read_text()
    assert "StartTime" in vds
    assert json.loads((real_observatory.results / "quality.json").read_text())["n_sources"] >= 1
