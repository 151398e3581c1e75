"""Sources found in images that were drawn for it."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from sip_luigi.domain.errors import BadData
from sip_luigi.node.find_sources import COLUMN_ORDER, UNITS
from sip_luigi.node.spectral_indices import COLUMNS as SPECTRAL

PIXEL_DEG = 7.0 / 3600
BEAM_PIXELS = 4.0
SIZE = 256
NOISE = 1e-3


@pytest.fixture
def draw(tmp_path):
    """Write an image with point sources given as x, y, flux."""

    def draw(name, *sources, response=1.0, noise=NOISE):
        y, x = np.mgrid[:SIZE, :SIZE]
        sigma = BEAM_PIXELS / np.sqrt(8 * np.log(2))
        # Noise as an interferometer has it: correlated over a beam.
        rng = np.random.default_rng(4)
        spectrum = np.exp(
            -((np.fft.fftfreq(SIZE)[:, None] ** 2 + np.fft.fftfreq(SIZE) ** 2) * 2 * (np.pi * sigma) ** 2)
        )
        data = np.fft.ifft2(np.fft.fft2(rng.normal(size=(SIZE, SIZE))) * spectrum).real
        data *= noise / data.std()
        for x0, y0, flux in sources:
            data += flux * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * sigma**2))
        header = fits.Header(
            {
                **{"CTYPE1": "RA---SIN", "CRVAL1": 180.0, "CDELT1": -PIXEL_DEG, "CRPIX1": SIZE / 2 + 1},
                **{"CTYPE2": "DEC--SIN", "CRVAL2": 55.0, "CDELT2": PIXEL_DEG, "CRPIX2": SIZE / 2 + 1},
                **{"CTYPE3": "FREQ", "CRVAL3": 140e6, "CDELT3": 2e6, "CRPIX3": 1.0, "CUNIT3": "Hz"},
                **{"CTYPE4": "STOKES", "CRVAL4": 1.0, "CDELT4": 1.0, "CRPIX4": 1.0},
                **{"BMAJ": BEAM_PIXELS * PIXEL_DEG, "BMIN": BEAM_PIXELS * PIXEL_DEG, "BPA": 0.0},
                **{"BUNIT": "JY/BEAM", "CUNIT1": "deg", "CUNIT2": "deg"},
            }
        )
        path = tmp_path / name
        fits.PrimaryHDU((data / response)[None, None].astype(np.float32), header).writeto(path)
        return path

    return draw


def position(path, x, y):
    return WCS(fits.getheader(path), fix=False).celestial.all_pix2world(x, y, 0)


SOURCES = ((60.3, 80.7, 0.5), (180.0, 200.4, 0.1), (128.0, 40.0, 0.02))


def test_sources_are_measured_where_they_are(call, draw, tmp_path):
    image = draw("image.fits", *SOURCES)
    names = {
        key: str(tmp_path / f"{key}.fits")
        for key in ("catalogue", "gaussians", "rms_image", "residual_image")
    }
    measures = call("find_sources", {"detection_image": str(image), **names})
    assert measures["n_sources"] == 3
    assert measures["frequency_hz"] == 140e6
    assert measures["beam_major_arcsec"] == pytest.approx(28.0)
    assert measures["rms_jy_beam"] == pytest.approx(NOISE, rel=0.1)
    catalogue = Table.read(names["catalogue"])
    assert tuple(catalogue.colnames) == (*COLUMN_ORDER, *SPECTRAL)
    catalogue.sort("TOTAL_FLUX", reverse=True)
    for row, (x, y, flux) in zip(catalogue, SOURCES, strict=True):
        ra, dec = position(image, x, y)
        assert row["RA"] == pytest.approx(ra, abs=PIXEL_DEG)
        assert row["DEC"] == pytest.approx(dec, abs=PIXEL_DEG / 2)
        assert row["TOTAL_FLUX"] == pytest.approx(flux, abs=4 * NOISE)
        assert row["SNR"] == pytest.approx(row["PEAK_FLUX"] / row["ISL_RMS"], rel=1e-3)
        assert row["S_CODE"] == "S"
    residual = fits.getdata(names["residual_image"])
    assert residual.shape == (1, 1, SIZE, SIZE)
    assert abs(residual).max() < 10 * NOISE
    assert np.median(fits.getdata(names["rms_image"])) == pytest.approx(NOISE, rel=0.1)
    assert len(Table.read(names["gaussians"])) == 3


def test_fluxes_are_divided_by_the_beam_where_the_source_is(call, draw, tmp_path):
    y, x = np.mgrid[:SIZE, :SIZE]
    response = np.exp(-((x - SIZE / 2) ** 2 + (y - SIZE / 2) ** 2) / (2 * 90.0**2))
    apparent = [(x0, y0, flux * response[round(y0), round(x0)]) for x0, y0, flux in SOURCES]
    image = draw("image.fits", *apparent)
    corrected = draw("corrected.fits", *apparent, response=np.where(response > 0.3, response, np.nan))
    request = {"detection_image": str(image), "measure_image": str(corrected)}
    found = call("find_sources", {**request, "catalogue": str(tmp_path / "catalogue.fits")})
    catalogue = Table.read(tmp_path / "catalogue.fits")
    outside = [flux for x0, y0, flux in SOURCES if response[round(y0), round(x0)] <= 0.3]
    assert found["n_outside"] == len(outside)
    assert len(catalogue) == 3 - len(outside) > 0
    catalogue.sort("TOTAL_FLUX", reverse=True)
    assert catalogue["TOTAL_FLUX"][0] == pytest.approx(0.5, rel=0.03)
    # The noise is that of the corrected image, the signal to noise ratio that of the detection.
    assert catalogue["ISL_RMS"][0] > 1.2 * NOISE
    assert catalogue["SNR"][0] == pytest.approx(catalogue["PEAK_FLUX"][0] / catalogue["ISL_RMS"][0], rel=1e-3)


def test_an_empty_field_gives_an_empty_catalogue(call, draw, tmp_path):
    measures = call(
        "find_sources",
        {
            "detection_image": str(draw("image.fits")),
            "catalogue": str(tmp_path / "catalogue.fits"),
            "options": {"threshold_peak_sigma": 8.0},
        },
    )
    assert (measures["n_sources"], measures["n_gaussians"]) == (0, 0)
    catalogue = Table.read(tmp_path / "catalogue.fits")
    assert len(catalogue) == 0
    assert set(catalogue.colnames) == {*COLUMN_ORDER, *SPECTRAL}
    assert str(catalogue["RA"].unit) == UNITS["RA"]


def test_thresholds_are_heeded(call, draw, tmp_path):
    request = {"detection_image": str(draw("image.fits", *SOURCES)), "catalogue": str(tmp_path / "c.fits")}
    assert call("find_sources", {**request, "options": {"threshold_peak_sigma": 30.0}})["n_sources"] == 2


def test_nothing_is_left_beside_the_catalogue(call, draw, tmp_path):
    image = draw("image.fits", SOURCES[0])
    call("find_sources", {"detection_image": str(image), "catalogue": str(tmp_path / "catalogue.fits")})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["catalogue.fits", "image.fits"]


def test_images_that_do_not_belong_together(call, draw, tmp_path):
    image = draw("image.fits", SOURCES[0])
    other = tmp_path / "other.fits"
    fits.PrimaryHDU(np.ones((9, 9), np.float32), fits.getheader(image)).writeto(other)
    request = {
        "detection_image": str(image),
        "measure_image": str(other),
        "catalogue": str(tmp_path / "c.fits"),
    }
    with pytest.raises(BadData, match=r"other\.fits: expected the pixels of .*image\.fits"):
        call("find_sources", request)


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_blank_image(call, draw, tmp_path, value):
    image = draw("image.fits")
    with fits.open(image, mode="update") as hdus:
        hdus[0].data[:] = value
    with pytest.raises(BadData, match=r"image\.fits: "):
        call("find_sources", {"detection_image": str(image), "catalogue": str(tmp_path / "c.fits")})
