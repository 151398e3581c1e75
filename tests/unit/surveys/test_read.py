"""Catalogues with the columns of the published tables, and broken ones."""

import math

import numpy as np
import pytest
from astropy import units
from astropy.table import MaskedColumn, Table
from hypothesis import given, settings
from hypothesis import strategies as st

from sip_luigi.domain.association import ARCSEC_RAD
from sip_luigi.domain.errors import BadData, ConfigurationError, SipError, SkyModelError
from sip_luigi.surveys.mappings import SURVEYS
from sip_luigi.surveys.read import read_catalogue, read_model, survey_of

# As the published tables have them: TGSS and LoTSS from the projects, the others from VizieR.
PUBLISHED = {
    "TGSS": {
        **{"Source_name": ["TGSSADR J1", "TGSSADR J2"], "RA": [10.0, 350.0], "E_RA": [2.0, 2.1]},
        **{
            "DEC": [50.0, -20.0],
            "E_DEC": [2.0, 2.2],
            "Total_flux": [120.0, 80.0],
            "E_Total_flux": [13.0, 9.0],
        },
        **{"Peak_flux": [100.0, 70.0], "E_Peak_flux": [11.0, 8.0], "Maj": [40.0, 25.5], "Min": [26.0, 25.0]},
        **{"PA": [30.0, 60.0], "RMS_noise": [4.0, 3.0], "Source_code": ["S", "S"], "Mosaic_name": ["A", "B"]},
    },
    "NVSS": {
        **{"NVSS": ["004000+500000", "232000-200000"], "RAJ2000": ["00 40 00.0", "23 20 00.0"]},
        **{"DEJ2000": ["+50 00 00", "-20 00 00"], "e_RAJ2000": [0.04, 0.05], "e_DEJ2000": [0.6, 0.7]},
        **{"S1.4": [120.0, 80.0], "e_S1.4": [4.0, 3.0], "MajAxis": [20.0, 30.0]},
    },
    "LoTSS": {
        **{"Source_Name": ["ILTJ1", "ILTJ2"], "RA": [10.0, 350.0], "E_RA": [0.1, 0.1], "DEC": [50.0, -20.0]},
        **{
            "E_DEC": [0.1, 0.1],
            "Peak_flux": [90.0, 70.0],
            "Total_flux": [120.0, 80.0],
            "E_Total_flux": [0.5, 0.4],
        },
        **{"Maj": [7.0, 6.5], "DC_Maj": [4.0, 2.0], "DC_Min": [1.0, 1.0], "DC_PA": [10.0, 20.0]},
        **{"Isl_rms": [0.08, 0.07]},
    },
    "WENSS": {
        **{"Name": ["B0037+497", "B2317-202"], "_RAJ2000": [10.0, 350.0], "_DEJ2000": [50.0, -20.0]},
        **{
            "Sp": [110, 75],
            "Sint": [120, 80],
            "MajAxis": [0, 80],
            "MinAxis": [0, 60],
            "PA": [0, 45],
            "Nse": [3.6, 3.5],
        },
    },
    "VLSSr": {
        **{
            "VLSSr": ["V1", "V2"],
            "RAJ2000": ["00 40 00.0", "23 20 00.0"],
            "DEJ2000": ["+50 00 00", "-20 00 00"],
        },
        **{"e_RAJ2000": [0.2, 0.2], "e_DEJ2000": [2.0, 2.0], "Si": [0.12, 0.08], "e_Si": [0.02, 0.02]},
    },
}


@pytest.mark.parametrize("ending", [".fits", ".vot", ".csv", ".tsv"])
@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_columns(name, ending, tmp_path):
    path = tmp_path / f"catalogue{ending}"
    formats = {".fits": "fits", ".vot": "votable", ".csv": "ascii.csv", ".tsv": "ascii.tab"}
    Table(PUBLISHED[name]).write(path, format=formats[ending])
    read = read_catalogue(path, survey_of(name.lower(), {}, {}))
    assert read.n_left_out == 0
    assert read.freq_hz == SURVEYS[name].freq_hz
    np.testing.assert_allclose(np.degrees(read.rows["ra_rad"]), [10.0, 350.0])
    np.testing.assert_allclose(np.degrees(read.rows["dec_rad"]), [50.0, -20.0])
    np.testing.assert_allclose(read.rows["flux_jy"], [0.12, 0.08])
    assert (read.rows["flux_error_jy"] > 0).all()
    assert (read.rows["ra_error_rad"] > 0.05 * ARCSEC_RAD).all()
    assert (read.rows["ra_error_rad"] < 10 * ARCSEC_RAD).all()
    assert all(" " not in text for text in read.rows["name"])


def test_sizes_without_the_beam(tmp_path):
    Table(PUBLISHED["TGSS"]).write(tmp_path / "t.csv")
    rows = read_catalogue(tmp_path / "t.csv", survey_of("TGSS", {}, {})).rows
    np.testing.assert_allclose(rows["major_arcsec"], [math.sqrt(40**2 - 25**2), 0.0])
    np.testing.assert_allclose(rows["orientation_deg"], [30.0, 0.0])
    np.testing.assert_allclose(rows["snr"], [25.0, 70 / 3])


def test_errors_of_right_ascension_in_seconds(tmp_path):
    Table(PUBLISHED["NVSS"]).write(tmp_path / "t.csv")
    rows = read_catalogue(tmp_path / "t.csv", survey_of("NVSS", {}, {})).rows
    np.testing.assert_allclose(rows["ra_error_rad"][0], 0.04 * 15 * math.cos(math.radians(50)) * ARCSEC_RAD)


def test_units_of_the_file_come_first(tmp_path):
    table = Table(PUBLISHED["LoTSS"])
    table["Total_flux"].unit, table["Peak_flux"].unit = units.Jy, units.Unit("Jy / beam")
    table["RA"].unit = table["DEC"].unit = units.deg
    table.write(tmp_path / "t.fits")
    rows = read_catalogue(tmp_path / "t.fits", survey_of("LoTSS", {}, {})).rows
    np.testing.assert_allclose(rows["flux_jy"], [120.0, 80.0])


def test_rows_that_are_not_usable_are_left_out(tmp_path):
    table = Table(PUBLISHED["LoTSS"])
    bad = {"RA": np.nan, "DEC": 95.0, "Total_flux": -1.0}
    for name, value in bad.items():
        table.add_row(table[0])
        table[name][-1] = value
    table["E_Total_flux"] = MaskedColumn(table["E_Total_flux"], mask=[True] * len(table))
    table.write(tmp_path / "t.fits")
    read = read_catalogue(tmp_path / "t.fits", survey_of("LoTSS", {}, {}))
    assert (len(read.rows), read.n_left_out) == (2, 3)
    np.testing.assert_allclose(read.rows["flux_error_jy"], 0.1 * read.rows["flux_jy"])


def test_names_that_would_do_harm(tmp_path):
    table = Table(PUBLISHED["LoTSS"])
    table["Source_Name"] = ["a, POINT\n[red]", "x" * 500]
    table.write(tmp_path / "t.fits")
    names = read_catalogue(tmp_path / "t.fits", survey_of("LoTSS", {}, {})).rows["name"].tolist()
    assert names == ["a_POINT_red_", "x" * 48]


def test_a_column_that_is_missing_is_named(tmp_path):
    table = Table(PUBLISHED["LoTSS"])
    table.rename_column("Total_flux", "S")
    table.write(tmp_path / "t.csv")
    with pytest.raises(ConfigurationError, match=r"flux: one of Total_flux.*--column flux=NAME"):
        read_catalogue(tmp_path / "t.csv", survey_of("LoTSS", {}, {}))
    read = read_catalogue(tmp_path / "t.csv", survey_of("LoTSS", {}, {"flux": "S"}))
    np.testing.assert_allclose(read.rows["flux_jy"], [0.12, 0.08])


def test_what_is_no_survey():
    with pytest.raises(ConfigurationError, match="known are TGSS, NVSS"):
        survey_of("GLEAM", {}, {})
    with pytest.raises(ConfigurationError, match="no column colour"):
        survey_of("TGSS", {}, {"colour": "B"})
    with pytest.raises(ConfigurationError, match="frequency and beam"):
        survey_of("pipeline", {}, {})


@pytest.mark.parametrize("ending", [".fits", ".vot", ".csv", ".xlsx"])
def test_broken_files(tmp_path, ending):
    path = tmp_path / f"t{ending}"
    path.write_bytes(b"SIMPLE  =                    T" + bytes(range(256)))
    with pytest.raises((BadData, ConfigurationError), match="t\\."):
        read_catalogue(path, survey_of("TGSS", {}, {}))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 100))
def test_truncated_files(tmp_path_factory, percent):
    folder = tmp_path_factory.mktemp("cut")
    Table(PUBLISHED["TGSS"]).write(folder / "whole.fits")
    content = (folder / "whole.fits").read_bytes()
    (folder / "cut.fits").write_bytes(content[: len(content) * percent // 100])
    try:
        rows = read_catalogue(folder / "cut.fits", survey_of("TGSS", {}, {})).rows
    except SipError:
        return
    assert np.isfinite(rows["flux_jy"]).all()


def test_a_text_model(tmp_path):
    path = tmp_path / "m.skymodel"
    path.write_text(
        "FORMAT = Name, Type, Ra, Dec, I, ReferenceFrequency='150e6', SpectralIndex, LogarithmicSI\n"
        "a, POINT, 14:11:20.49, +52.12.10.70, 48.9, , [-0.582, -0.298, 0.583], true\n"
        "b, POINT, 14:12:20.49, +52.12.10.70, 2.0, 75e6, [-0.8], true\n"
        "c, POINT, 14:13:20.49, +52.12.10.70, 1.0, , [-0.7], false\n"
        "d, POINT, 14:14:20.49, +52.12.10.70, -1.0, , [], true\n"
    )
    read = read_model(path, 1.0, 0.1)
    assert (read.freq_hz, read.n_left_out) == (150e6, 1)
    np.testing.assert_allclose(read.spectra[0], [-0.582, -0.298, 0.583, 0.0])
    np.testing.assert_allclose(read.spectra[1], [-0.8, 0, 0, 0])
    np.testing.assert_allclose(read.spectra[2], [-0.7, 0, 0, 0], atol=1e-3)
    np.testing.assert_allclose(read.rows["flux_jy"], [48.9, 2.0 * 2**-0.8, 1.0])


def test_a_curved_spectrum_at_another_frequency(tmp_path):
    path = tmp_path / "m.skymodel"
    lines = [f"s{n}, POINT, 01:00:0{n}, +52.12.10, 1.0, 150e6, [-0.7]" for n in range(3)]
    path.write_text(
        "FORMAT = Name, Type, Ra, Dec, I, ReferenceFrequency, SpectralIndex\n"
        "x, POINT, 14:11:20.49, +52.12.10.70, 10, 1000e6, [-0.75, -0.03, -0.07]\n" + "\n".join(lines) + "\n"
    )
    read = read_model(path, 1.0, 0.1)
    assert read.freq_hz == 150e6
    for freq_hz in (60e6, 150e6, 200e6):
        x, y = math.log10(freq_hz / 1e9), math.log10(freq_hz / 150e6)
        expected = 10 * 10 ** (-0.75 * x - 0.03 * x**2 - 0.07 * x**3)
        terms = read.spectra[0]
        found = read.rows["flux_jy"][0] * 10 ** sum(c * y ** (i + 1) for i, c in enumerate(terms))
        assert found == pytest.approx(expected)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"FORMAT = Name, Type, Ra, Dec, I\n", b"hello"])
def test_a_text_model_that_is_none(tmp_path, content):
    (tmp_path / "m.skymodel").write_bytes(content)
    with pytest.raises(SkyModelError, match=r"m\.skymodel"):
        read_model(tmp_path / "m.skymodel", 1.0, 0.1)
