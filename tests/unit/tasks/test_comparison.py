"""A catalogue against the calibration model and a reference, where the image and its beam allow it."""

import math

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from sip_luigi.domain.catalogue import Detection
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.quality import Positions
from sip_luigi.fits import Image
from sip_luigi.settings.sections import Quality
from sip_luigi.tasks.comparison import Sky, comparison_figures, comparisons, model_positions

SIZE, PIXEL_DEG = 200, 0.01
HEADER = fits.Header(
    {
        **{"CTYPE1": "RA---SIN", "CRVAL1": 0.0, "CDELT1": -PIXEL_DEG, "CRPIX1": 101.0, "CUNIT1": "deg"},
        **{"CTYPE2": "DEC--SIN", "CRVAL2": 60.0, "CDELT2": PIXEL_DEG, "CRPIX2": 101.0, "CUNIT2": "deg"},
        **{"CTYPE3": "FREQ", "CRVAL3": 140e6, "BMAJ": 0.04, "BMIN": 0.04, "BPA": 0.0},
    }
)
# Right ascension and declination in degrees, flux in Jy at 140 MHz.
SOURCES = ((0.0, 60.0, 10.0), (359.2, 60.3, 4.0), (0.9, 59.5, 1.0), (0.3, 60.7, 0.05), (180.0, -60.0, 90.0))


def positions(sources):
    ra, dec, flux = np.array(sources).T
    return Positions(np.deg2rad(ra), np.deg2rad(dec), flux)


def detections(sources):
    return [
        Detection(f"s{n}", math.radians(ra), math.radians(dec), flux, snr=50.0)
        for n, (ra, dec, flux) in enumerate(sources)
    ]


@pytest.fixture
def beam():
    """Half the power at a third of the image, and less farther out."""
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    return Image(np.exp(-(x**2 + y**2) * math.log(2) / 33.0**2).astype(np.float32), HEADER)


def sky(found, beam=None, noise_jy=0.01, cutoff=0.1):
    return Sky(detections(found), Image(np.ones((SIZE, SIZE), np.float32), HEADER), beam, noise_jy, cutoff)


def figures_of(sky, settings, model):
    return comparison_figures(comparisons(sky, settings, model), 144.0)


def test_values_at_positions(beam):
    sources = positions(SOURCES)
    values = beam.at(sources.ra_rad, sources.dec_rad)
    assert values[0] == pytest.approx(1.0)
    assert 0.0 < values[2] < values[1] < 1.0
    assert np.isnan(values[4]), "the other side of the sky"
    assert beam.at(np.zeros(0), np.zeros(0)).shape == (0,)


def test_what_is_too_faint_or_not_in_the_image_is_not_expected():
    found = sky(SOURCES[:3]).compare(positions(SOURCES), min_snr=7.0).figures
    assert (found.n_expected, found.n_found) == (3, 3)


def test_what_the_primary_beam_makes_too_faint_is_not_expected(beam):
    everywhere = sky(SOURCES[:1], noise_jy=0.05).compare(positions(SOURCES), 7.0).figures
    through_it = sky(SOURCES[:1], beam, noise_jy=0.05).compare(positions(SOURCES), 7.0).figures
    assert everywhere.n_expected > through_it.n_expected >= 1
    assert sky(SOURCES, beam, cutoff=0.99).compare(positions(SOURCES), 7.0).figures.n_expected == 1


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "field.skymodel"
    lines = [
        f"s{n}, POINT, {ra:.6f}deg, {dec:.6f}deg, {flux * (150 / 140) ** -1.0:.6f}, 150e6, [-1.0]"
        for n, (ra, dec, flux) in enumerate(SOURCES)
    ]
    lines.append("negative, POINT, 0.5deg, 60deg, -3.0, 150e6, [0.0]")
    path.write_text(
        "\n".join(["FORMAT = Name, Type, Ra, Dec, I, ReferenceFrequency, SpectralIndex", *lines]) + "\n"
    )
    return path


def test_the_model_counts_at_the_frequency_of_the_image(model):
    assert model_positions(model, 140e6).flux_jy == pytest.approx([s[2] for s in SOURCES], rel=1e-4)
    figures = figures_of(sky(SOURCES[:3]), Quality(), model)
    assert figures["model_flux_ratio_median"] == pytest.approx(1.0, abs=1e-3)
    assert figures["model_found_fraction"] == 1.0
    assert figures["model_offset_beams"] == pytest.approx(0.0, abs=1e-3)
    assert figures["flux_ratio_median"] is None, "no reference catalogue"


def test_a_solver_that_stalled(model):
    weak = [(ra, dec, flux * 0.018) for ra, dec, flux in SOURCES[:3]]
    figures = figures_of(sky(weak), Quality(), model)
    assert figures["model_found_fraction"] == 1.0
    assert figures["model_flux_ratio_median"] == pytest.approx(0.018, rel=1e-3)


def test_the_reference_catalogue(model, tmp_path):
    path = tmp_path / "reference.fits"
    moved = [(ra, dec + 0.01, flux / 2) for ra, dec, flux in SOURCES]
    Table(rows=moved, names=("RA", "DEC", "FLUX")).write(path)
    figures = figures_of(sky(SOURCES[:3]), Quality(reference_catalogue=str(path)), model)
    assert figures["n_compared"] == figures["reference_n_expected"] == 3
    assert figures["flux_ratio_median"] == pytest.approx(2.0)
    assert figures["astrometric_offset_arcsec"] == pytest.approx(36.0, rel=1e-3)
    assert figures["astrometric_offset_beams"] == pytest.approx(0.25, rel=1e-3)
    Table(rows=moved, names=("RAJ", "DEC", "FLUX")).write(path, overwrite=True)
    with pytest.raises(ConfigurationError, match="no column RA"):
        figures_of(sky(SOURCES[:3]), Quality(reference_catalogue=str(path)), model)


def test_without_an_image_nothing_is_compared(model):
    figures = figures_of(None, Quality(), model)
    assert figures["n_compared"] == figures["model_n_expected"] == 0
    assert {figures[name] for name in figures if "_n_" not in name and name != "n_compared"} == {None}


def test_nothing_was_found_at_all(model):
    figures = figures_of(sky([]), Quality(), model)
    assert figures["model_found_fraction"] == 0.0
    assert figures["model_flux_recovered"] == 0.0


def test_sources_that_were_found_are_known_one_by_one(model):
    pairs = comparisons(sky(SOURCES[:3]), Quality(), model).pairs
    assert list(pairs) == ["calibration model"]
    assert pairs["calibration model"].flux_jy == pytest.approx([source[2] for source in SOURCES[:3]])
