"""The parts of a band as one cube, and the spectral indices that follow from it."""

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS

from sip_luigi.domain.errors import BadData
from sip_luigi.node.cube import read_cube
from sip_luigi.node.spectral_indices import add_spectral_indices

SIZE = 128
PIXEL_DEG = 0.01
FREQ = (120e6, 136e6, 152e6, 168e6)
SOURCES = ((64.0, 64.0, 5.0, -0.8), (30.4, 90.7, 2.0, 0.4), (100.0, 20.0, 0.002, -0.8))
NOISE = 1e-3


def header(freq_hz, beam_pixels):
    return fits.Header(
        {
            **{"CTYPE1": "RA---SIN", "CRVAL1": 133.23, "CDELT1": -PIXEL_DEG, "CRPIX1": SIZE / 2 + 1},
            **{"CTYPE2": "DEC--SIN", "CRVAL2": 58.0, "CDELT2": PIXEL_DEG, "CRPIX2": SIZE / 2 + 1},
            **{"CTYPE3": "FREQ", "CRVAL3": freq_hz, "CDELT3": 16e6, "CRPIX3": 1.0, "CUNIT3": "Hz"},
            **{"CTYPE4": "STOKES", "CRVAL4": 1.0, "CDELT4": 1.0, "CRPIX4": 1.0, "BUNIT": "JY/BEAM"},
            **{"BMAJ": beam_pixels * PIXEL_DEG, "BMIN": beam_pixels * PIXEL_DEG, "BPA": 0.0},
        }
    )


@pytest.fixture
def planes(tmp_path):
    """One image for each part of the band; its beam is sharper the higher the frequency."""
    rng = np.random.default_rng(6)
    y, x = np.mgrid[:SIZE, :SIZE]
    paths = []
    for number, freq in enumerate(FREQ):
        width = 5.0 * FREQ[0] / freq
        data = rng.normal(scale=NOISE, size=(SIZE, SIZE))
        for x0, y0, flux, index in SOURCES:
            sigma2 = width**2 / (8 * np.log(2))
            apparent = flux * (freq / 144e6) ** index
            data += apparent * np.exp(-((x - x0) ** 2 + (y - y0) ** 2) / (2 * sigma2))
        path = tmp_path / f"plane{number:04d}.fits"
        fits.PrimaryHDU(data[None, None].astype(np.float32), header(freq, width)).writeto(path)
        paths.append(path)
    return paths


def request(planes, tmp_path, **more):
    return {
        "planes": [str(path) for path in reversed(planes)],
        "measurementsets": [],
        "output": str(tmp_path / "cube.fits"),
        "cutoff": 0.1,
        **more,
    }


def test_planes_become_a_cube_in_order_of_frequency(call, planes, tmp_path):
    before = [fits.getdata(path).squeeze() for path in planes]
    measures = call("spectral_cube", request(planes, tmp_path))
    assert measures["n_planes"] == 4
    assert measures["frequencies_hz"] == list(FREQ)
    assert measures["rms_jy_beam"] == pytest.approx([NOISE] * 4, rel=0.1)
    with fits.open(tmp_path / "cube.fits") as hdus:
        np.testing.assert_array_equal(hdus[0].data[0], before)
        wcs = WCS(hdus[0].header, fix=False)
        assert wcs.spectral.pixel_to_world_values(np.arange(4)) == pytest.approx(FREQ)
        assert hdus[0].header["CASAMBM"] is True
        assert "BMAJ" not in hdus[0].header
        assert hdus["BEAMS"].data["BMAJ"][0] == pytest.approx(5 * PIXEL_DEG * 3600)
    assert not any(path.exists() for path in planes), "they are in the cube"
    cube = read_cube(str(tmp_path / "cube.fits"))
    assert cube.beams[3].major_deg < cube.beams[0].major_deg


def test_a_part_without_data_is_left_out_and_nothing_at_all_is_refused(call, planes, tmp_path):
    def blank(path):
        with fits.open(path, mode="update") as hdus:
            hdus[0].data[:], hdus[0].header["BMAJ"] = np.nan, 0.0

    blank(planes[1])
    measures = call("spectral_cube", request(planes, tmp_path))
    assert measures["frequencies_hz"] == [FREQ[0], FREQ[2], FREQ[3]]

    again = tmp_path / "again.fits"
    fits.PrimaryHDU(np.full((1, 1, 8, 8), np.nan, np.float32), header(FREQ[0], 0.0)).writeto(again)
    with pytest.raises(BadData, match="every part is blank"):
        call("spectral_cube", request([again], tmp_path))


def test_each_plane_is_divided_by_the_beam_of_its_frequency(call, planes, tmp_path, observed):
    ra, dec = observed.truth["phase_centre_deg"]
    for path in planes:
        with fits.open(path, mode="update") as hdus:
            hdus[0].header.update({"CRVAL1": ra, "CRVAL2": dec, "CDELT1": -0.03, "CDELT2": 0.03})
            hdus[0].data[:] = 1.0 + np.random.default_rng(1).normal(scale=1e-6, size=(1, 1, SIZE, SIZE))
    sets = [str(path) for path in observed.measurement_sets]
    call("spectral_cube", request(planes, tmp_path, measurementsets=sets))
    cube = read_cube(str(tmp_path / "cube.fits"))
    response = 1.0 / cube.data[:, SIZE // 2, SIZE // 2 + 30]
    # 0.9° from the centre: the beam is the narrower the higher the frequency.
    assert (np.diff(response) < -0.02).all()
    assert cube.data[:, SIZE // 2, SIZE // 2] == pytest.approx(np.ones(4), abs=0.01)


@pytest.fixture
def catalogue(planes):
    wcs = WCS(fits.getheader(planes[0]), fix=False).celestial
    ra, dec = wcs.all_pix2world([s[0] for s in SOURCES], [s[1] for s in SOURCES], 0)
    zero = np.zeros(len(SOURCES))
    return Table({"RA": ra, "DEC": dec, "DC_MAJ": zero, "DC_MIN": zero, "DC_PA": zero})


def test_spectral_indices(call, planes, tmp_path, catalogue):
    call("spectral_cube", request(planes, tmp_path))
    n_found = add_spectral_indices(catalogue, str(tmp_path / "cube.fits"), lambda ra, dec: 1.0)
    assert n_found == 2, "the third is too faint"
    for row, (_, _, _, index) in zip(catalogue[:2], SOURCES, strict=False):
        assert row["SPECTRAL_INDEX"] == pytest.approx(index, abs=4 * row["E_SPECTRAL_INDEX"] + 0.003)
        assert 0 < row["E_SPECTRAL_INDEX"] < 0.01
    assert np.isnan(catalogue["SPECTRAL_INDEX"][2])
    # A weaker response means a noisier spectrum.
    certain = catalogue["E_SPECTRAL_INDEX"][0]
    add_spectral_indices(catalogue, str(tmp_path / "cube.fits"), lambda ra, dec: 0.25)
    assert catalogue["E_SPECTRAL_INDEX"][0] == pytest.approx(4 * certain)


def test_without_a_cube_there_are_columns_and_no_indices(catalogue):
    assert add_spectral_indices(catalogue, "", lambda ra, dec: 1.0) == 0
    assert np.isnan(catalogue["SPECTRAL_INDEX"]).all()
    empty = catalogue[:0]
    assert add_spectral_indices(empty, "", lambda ra, dec: 1.0) == 0
    assert "E_SPECTRAL_INDEX" in empty.colnames


def test_a_truncated_cube(call, planes, tmp_path, catalogue):
    call("spectral_cube", request(planes, tmp_path))
    cube = tmp_path / "cube.fits"
    cube.write_bytes(cube.read_bytes()[:20_000])
    with pytest.raises(BadData, match=r"cube\.fits: not a cube of this pipeline"):
        add_spectral_indices(catalogue, str(cube), lambda ra, dec: 1.0)
