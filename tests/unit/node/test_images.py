"""Images as they are finished: names, provenance, the brightest source."""

import shutil

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from sip_luigi.domain.errors import BadData
from sip_luigi.node.images import fits_text

WSCLEAN = shutil.which("wsclean")


def write(path, data):
    header = fits.Header(
        {
            **{"CTYPE1": "RA---SIN", "CRVAL1": 180.0, "CDELT1": -0.002, "CRPIX1": 101.0, "CUNIT1": "deg"},
            **{"CTYPE2": "DEC--SIN", "CRVAL2": 55.0, "CDELT2": 0.002, "CRPIX2": 101.0, "CUNIT2": "deg"},
            **{"BMAJ": 0.008, "BMIN": 0.006, "BPA": 10.0, "BUNIT": "JY/BEAM"},
        }
    )
    fits.PrimaryHDU(data.astype(np.float32)[None, None], header).writeto(path)
    return str(path)


def finish(call, folder, **more):
    request = {
        **{"folder": str(folder), "keep": {"band-MFS-image.fits": "image.fits"}, "header": {"SIPKEY": "k"}},
        **{"history": ['pixel: 5" (3.5 in 20″), masks 4 σ, 8000 λ, 1.3°, 2², é'], "imager": WSCLEAN},
    }
    return call("finish_images", {**request, **more})


@pytest.mark.skipif(WSCLEAN is None, reason="no wsclean on this machine")
def test_provenance(call, tmp_path):
    data = np.random.default_rng(1).normal(size=(200, 200))
    for name in ("band-MFS-image", "band-0000-image", "band-MFS-dirty"):
        write(tmp_path / f"{name}.fits", data)
    found = finish(call, tmp_path, copies={"image.fits": "image.pbcor.fits"})
    assert found["files"] == ["image.fits", "image.pbcor.fits"]
    header = fits.getheader(tmp_path / "image.fits")
    history = "".join(header["HISTORY"])
    assert header["SIPKEY"] == "k"
    assert "pixel: 5 arcsec (3.5 in 20 arcsec), masks 4 sigma, 8000 lambda, 1.3 deg, 2^2, ?" in history
    assert "software: wsclean 3." in history
    assert ", dp3 6." in history


def test_what_the_imager_did_not_write_is_an_error(call, tmp_path):
    with pytest.raises(BadData, match=r"the imager did not write band-MFS-image\.fits"):
        finish(call, tmp_path, imager="true")


@pytest.mark.parametrize("text", ["plain", "λ/D", "\t\n", "\N{GREEK SMALL LETTER OMEGA}"])
def test_any_text_becomes_one_that_a_header_can_hold(text):
    assert fits_text(text).isascii()


def test_bright_source(call, tmp_path):
    rng = np.random.default_rng(4)
    image, residual, stokes_v = (rng.normal(scale=0.01, size=(200, 200)) for _ in range(3))
    image[150, 60] = 9.0
    stokes_v[150, 60] = 0.9
    request = {
        name: write(tmp_path / f"{name}.fits", plane)
        for name, plane in {"image": image, "residual": residual, "stokes_v": stokes_v}.items()
    }
    found = call("bright_source", request)
    ra, dec = WCS(fits.getheader(request["image"]), fix=False).celestial.all_pix2world(60, 150, 0)
    assert (found["ra_deg"], found["dec_deg"]) == pytest.approx((float(ra), float(dec)))
    assert found["stokes_v_fraction"] == pytest.approx(0.1, rel=0.02)
    assert found["dynamic_range"] == pytest.approx(900, rel=0.1)
