"""Pictures of the sky."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from matplotlib.image import AxesImage

from sip_luigi.fits import Image
from sip_luigi.report.sky import field_picture, peaks, sampled


@pytest.fixture
def image():
    header = {
        **{"CTYPE1": "RA---SIN", "CRVAL1": 10.0, "CDELT1": -0.01, "CRPIX1": 500.0, "CUNIT1": "deg"},
        **{"CTYPE2": "DEC--SIN", "CRVAL2": 60.0, "CDELT2": 0.01, "CRPIX2": 400.0, "CUNIT2": "deg"},
    }
    return Image(np.full((803, 1007), -1.0, np.float32), fits.Header(header))


def test_a_source_of_one_pixel_is_where_it_was(image):
    image.data[333, 777] = 5.0
    image.data[600, 100] = np.nan
    small = peaks(image, 100)
    assert small.data.shape == (80, 100)
    ((y, x),) = np.argwhere(small.data == 5.0)
    assert np.isfinite(small.data).all()
    before, after = (WCS(entry.header).celestial for entry in (image, small))
    separation = before.pixel_to_world(777, 333).separation(after.pixel_to_world(x, y)).deg
    assert separation < 0.01 * 10 / np.sqrt(2)


def test_some_pixels_have_the_noise_and_the_place_of_all(image):
    y, x = np.mgrid[:803, :1007]
    ramp = Image((x + 1000.0 * y).astype(np.float32), image.header)
    small = sampled(ramp, 100)
    assert small.data.shape == peaks(ramp, 100).data.shape
    before, after = (WCS(entry.header).celestial for entry in (ramp, small))
    row, column = divmod(float(small.data[40, 70]), 1000.0)
    separation = before.pixel_to_world(column, row).separation(after.pixel_to_world(70, 40)).deg
    assert separation < 0.01


@pytest.mark.parametrize("reduced", [peaks, sampled])
def test_a_small_image_stays_as_it_is(image, reduced):
    assert (reduced(image, 2000).data == image.data).all()
    assert reduced(image, 2000).header == image.header


def test_an_image_is_drawn_once(image, monkeypatch):
    """It takes most of the time, and has no part in the layout."""
    made, drawn = AxesImage.make_image, []
    monkeypatch.setattr(AxesImage, "make_image", lambda *args, **more: drawn.append(1) or made(*args, **more))
    noise = np.random.default_rng(1).normal(size=image.data.shape).astype(np.float32)
    image.header.update({"BMAJ": 0.02, "BMIN": 0.01, "BPA": 0.0})
    field_picture(Image(noise, image.header), [])
    assert len(drawn) == 1
