from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from astropy.coordinates import Angle, SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.angles import format_dec, format_ra, parse_angle, separation
from sip_luigi.domain.errors import BadData, SkyModelError
from sip_luigi.domain.skymodel import Patch, SkyModel, Source
from sip_luigi.domain.skymodel_text import parse_skymodel

HEAD = "FORMAT = Name, Type, Patch, Ra, Dec, I, Q, U, V, ReferenceFrequency='150e6', SpectralIndex='[]'"
HEAD += ", LogarithmicSI, MajorAxis, MinorAxis, Orientation\n"
SHORT = "FORMAT = Name, Type, Ra, Dec, I, ReferenceFrequency='150e6', SpectralIndex\n"
ROW = "a, POINT, 14:11:20.49, +52.12.10.70, 48.8815, , [-0.582, -0.298]\n"
A = Source("a", 1.0, 0.5, 2.0)


def only(text: str) -> Source:
    (source,) = parse_skymodel(text).sources
    return source


def test_reads_a_point_source() -> None:
    source = only(SHORT + ROW)
    assert source == Source(
        name="a",
        ra_rad=Angle("14:11:20.49 hours").radian,
        dec_rad=Angle("52d12m10.70s").radian,
        flux_jy=48.8815,
        reference_freq_hz=150e6,
        spectral_index=(-0.582, -0.298),
    )
    assert source.type == "POINT"


def test_reads_a_gaussian_in_a_patch_with_all_columns() -> None:
    model = parse_skymodel(
        HEAD + ", , cyg, 19:59:28.35, +40.44.02.09\n"
        "'g 1', gaussian, cyg, 19:59:28.35, -00.30.10.5, "
        "10, 1, 2e-1, -.5, 60e6, [0.1,0.2], False, 20, 10, 33\n"
    )
    assert model.patches == (Patch("cyg", Angle("19:59:28.35 hours").radian, Angle("40d44m02.09s").radian),)
    assert model.sources[0] == Source(
        name="g 1",
        ra_rad=Angle("19:59:28.35 hours").radian,
        dec_rad=Angle("-0d30m10.5s").radian,
        flux_jy=10.0,
        reference_freq_hz=60e6,
        spectral_index=(0.1, 0.2),
        logarithmic_si=False,
        major_arcsec=20.0,
        minor_arcsec=10.0,
        orientation_deg=33.0,
        patch="cyg",
        stokes_q_jy=1.0,
        stokes_u_jy=0.2,
        stokes_v_jy=-0.5,
    )
    assert model.sources[0].type == "GAUSSIAN"


def test_patch_without_position_is_read() -> None:
    assert parse_skymodel(HEAD + ", , p\n").patches == (Patch("p", 0.0, 0.0),)


@pytest.mark.parametrize(
    "header",
    [
        "# (Name, Type, Ra, Dec, I) = format",
        "#(Name,Type,Ra,Dec,I)=Format",
        "format=Name,Type,Ra,Dec,I",
        "\n  # made by: us\n FORMAT = name, TYPE, ra, dec, i",
        "FORMAT = Name, Type, Ra, Dec, I\nFORMAT = Name, Type, Ra, Dec, I",
        "FORMAT = Name, Type, Ra, Dec, I, dummy, , Category",
    ],
)
def test_headers(header: str) -> None:
    assert only(f"{header}\r\n\r\na, POINT, 1.0rad, 0.5rad, 2\r\n") == A


def test_the_first_header_counts_as_in_dp3() -> None:
    text = "# (Name, Ra, Dec, I) = format\n# (Name, Dec, Ra, I) = format\na, 1rad, 0.5rad, 2\n"
    model = parse_skymodel(text)
    assert model.sources == (A,)
    assert model.header_comments == ("(Name, Dec, Ra, I) = format",)


def test_comments_of_the_header_survive_and_are_no_format() -> None:
    comments = ("made by: sip", "information: (Name, I) = format", "", "  format = x", "#")
    text = SkyModel((A,), header_comments=comments).text()
    assert text.startswith("FORMAT = Name, ")
    assert parse_skymodel(text).header_comments == comments
    assert len(parse_skymodel(text)) == 1
    assert parse_skymodel(text).text() == text


def test_comments_after_the_first_source_are_no_header() -> None:
    assert parse_skymodel(SHORT + "# one\n" + ROW + "# two\n").header_comments == ("one",)


def test_defaults_fill_empty_and_missing_values() -> None:
    head = "FORMAT = Name, Type, Ra, Dec, I='5', ReferenceFrequency=\"60e6\", SpectralIndex='[-0.8,0.1]'"
    head += ", LogarithmicSI='false'\n"
    full = only(head + "a, POINT, 1rad, 0.5rad, , , , \n")
    short = only(head + "a, , 1rad, 0.5rad\n")
    assert full == short == Source("a", 1.0, 0.5, 5.0, 60e6, (-0.8, 0.1), False)
    assert only(head + "a, , 1rad, 0.5rad, 2, 70e6, [], true\n") == Source("a", 1.0, 0.5, 2.0, 70e6)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[]", ()), ("", ()), ("-0.7", (-0.7,)), ("[ -0.7 ]", (-0.7,)), ("'[1,2]'", (1.0, 2.0))],
)
def test_spectral_index(text: str, expected: tuple[float, ...]) -> None:
    assert only(SHORT + f"a, POINT, 1rad, 0.5rad, 2, , {text}\n").spectral_index == expected


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        ("14:11:20.49", 212.835375),
        ("-1:30:00", -22.5),
        ("10:20", 155.0),
        ("14h11m20.49s", 212.835375),
        ("14h11m20.49", 212.835375),
        ("14:11:60.0", 213.0),
        ("+52.12.10.70", 52 + 12 / 60 + 10.7 / 3600),
        ("-00.30.10", -(30 / 60 + 10 / 3600)),
        ("+062.34.44.313607", 62.57897600194445),
        ("52d12m10.7s", 52 + 12 / 60 + 10.7 / 3600),
        ("52.12.5", 52 + 12 / 60 + 5 / 3600),
        ("212.8deg", 212.8),
        ("-1.5e1 deg", -15.0),
        ("1rad", math.degrees(1)),
        ("30.5arcmin", 30.5 / 60),
        ("36arcsec", 0.01),
    ],
)
def test_angles_are_read_as_casacore_reads_them(text: str, degrees: float) -> None:
    assert math.degrees(parse_angle(text)) == pytest.approx(degrees, abs=1e-13)


@pytest.mark.parametrize(
    "text", ["", "3.7", "212.8", "52.12", "14:60:00", "14:11:60.5", "1:2:3:4", "a", "1 2 3", "٣deg"]
)
def test_refuses_what_is_no_angle(text: str) -> None:
    with pytest.raises(ValueError, match=r"angle"):
        parse_angle(text)


@pytest.mark.parametrize(
    ("ra_rad", "expected"),
    [
        (math.tau - 1e-13, "00:00:00.000000"),
        (-math.pi / 2, "18:00:00.000000"),
        (0.0, "00:00:00.000000"),
        (math.radians(15 * (16 + 38 / 60 + 28.205274 / 3600)), "16:38:28.205274"),
    ],
)
def test_right_ascension_is_written(ra_rad: float, expected: str) -> None:
    assert format_ra(ra_rad) == expected


@pytest.mark.parametrize(
    ("dec_rad", "expected"),
    [
        (math.radians(62 + 34 / 60 + 44.313607 / 3600), "+062.34.44.313607"),
        (-math.radians(30.5 / 3600), "-000.00.30.500000"),
        (math.radians(60 - 1e-12), "+060.00.00.000000"),
        (-math.pi / 2, "-090.00.00.000000"),
    ],
)
def test_declination_is_written(dec_rad: float, expected: str) -> None:
    assert format_dec(dec_rad) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "<text>: expected a line 'FORMAT"),
        ("# only: comments\n", "expected a line 'FORMAT"),
        ("a, POINT, 1rad, 0.5rad, 2\n", "<text>:1: expected a line 'FORMAT"),
        ("FORMAT = Name, Type, Ra, Dec\n", "<text>:1: expected every column once"),
        ("FORMAT = Name, Ra, Dec, I, I\n", "expected every column once"),
        (
            "FORMAT = Name, Ra, Dec, I, SpecralIndex\n",
            "unknown column 'SpecralIndex'; is 'SpectralIndex' meant",
        ),
        ("FORMAT = Name, Ra, Dec, I, ReferenceFrequency=150e6\n", "expected a column such as"),
        ("FORMAT = Name, Ra, Dec, I, U='1\n", "unbalanced '"),
        (SHORT + "FORMAT = Name, Ra, Dec, I\n", "<text>:2: a second FORMAT line"),
        (
            SHORT + "a, DISK, 1rad, 0.5rad, 2\n",
            "<text>:2: expected a source of type POINT or GAUSSIAN, found DISK",
        ),
        (SHORT + "a, POINT, 1rad, 0.5rad\n", "a has no I"),
        (SHORT + "a, POINT, , 0.5rad, 1\n", "a has no Ra"),
        (SHORT + "a, POINT, 1rad, , 1\n", "a has no Dec"),
        (SHORT + ", POINT, 1rad, 0.5rad, 1\n", "expected the name of a source or patch"),
        (SHORT + "a, POINT, 3.7, 0.5rad, 1\n", "expected an angle"),
        (SHORT + "a, POINT, 1rad, 52:12:10, 1\n", "colons mean hours"),
        (SHORT + "a, POINT, 1rad, 91deg, 1\n", "within 90 degrees"),
        (SHORT + "a, POINT, 1rad, -90.00.01, 1\n", "within 90 degrees"),
        (SHORT + "a, POINT, 1e999rad, 0.5rad, 1\n", "found Ra"),
        (SHORT + "a, POINT, 1rad, 0.5rad, one\n", "expected a number as I, found 'one'"),
        (SHORT + "a, POINT, 1rad, 0.5rad, 1_0\n", "expected a number as I"),
        (SHORT + "a, POINT, 1rad, 0.5rad, nan\n", "expected finite numbers"),
        (SHORT + "a, POINT, 1rad, 0.5rad, 1, inf\n", "expected finite numbers"),
        (SHORT + "a, POINT, 1rad, 0.5rad, 1, , [nan]\n", "expected finite numbers"),
        (SHORT + "a, POINT, 1rad, 0.5rad, 1, , [x]\n", "expected a number as SpectralIndex"),
        (SHORT + "a, POINT, 1rad, 0.5rad, 1, , [1\n", "unbalanced ["),
        (SHORT + "a, POINT, 1rad, 0.5rad, 1, , 1]\n", "unbalanced ]"),
        (SHORT + "a, POINT, 1rad, 0.5rad, 1, -1\n", "not negative"),
        (SHORT + "a, POINT, 1rad, 0.5rad, 1, , , x\n", "expected 7 values as in the FORMAT line, found 8"),
        (SHORT + "'a, POINT, 1rad, 0.5rad, 1\n", "unbalanced '"),
        (SHORT + "a\x00b, POINT, 1rad, 0.5rad, 1\n", "expected a name"),
        (SHORT + ROW + ROW, "<text>: expected every source once, found a 2 times"),
        (
            "FORMAT = Name, Ra, Dec, I, SpectralIndex\na, 1rad, 0.5rad, 1, [1]\n",
            "expected a ReferenceFrequency",
        ),
        (
            "FORMAT = Name, Ra, Dec, I, RotationMeasure\na, 1rad, 0.5rad, 1, 5\n",
            "RotationMeasure is not supported",
        ),
        ("FORMAT = Name, Ra, Dec, I, RefType\na, 1rad, 0.5rad, 1, SUN\n", "expected a J2000 position"),
        ("FORMAT = Name, Ra, Dec, I, LogarithmicSI\na, 1rad, 0.5rad, 1, maybe\n", "expected true or false"),
        (HEAD + "a, GAUSSIAN, , 1rad, 0.5rad, 1, , , , , , , 20, 10\n", "a has no Orientation"),
        (HEAD + "a, GAUSSIAN, , 1rad, 0.5rad, 1, , , , , , , -20, 10, 0\n", "not negative"),
        (HEAD + "a, POINT, p, 1rad, 0.5rad, 1\n", "source a: its patch p is not defined"),
        (HEAD + ", , p\n, , p\n", "expected every patch once"),
        (HEAD + ", , p, 1rad, 99deg\n", "<text>:2: patch p: expected a declination"),
    ],
)
def test_refuses(text: str, why: str) -> None:
    with pytest.raises(SkyModelError) as caught:
        parse_skymodel(text)
    assert why in str(caught.value)
    assert isinstance(caught.value, BadData)


def test_refusal_names_file_and_line() -> None:
    with pytest.raises(SkyModelError, match=r"^m\.skymodel:3: a has no I"):
        parse_skymodel(SHORT + "\na, POINT, 1rad, 1rad\n", Path("m.skymodel"))


@pytest.mark.parametrize(
    "column", ["RotationMeasure", "IShapelet", "RefType", "Category", "OrientationIsAbsolute"]
)
def test_columns_without_values_do_no_harm(column: str) -> None:
    assert only(f"FORMAT = Name, Ra, Dec, I, {column}\na, 1rad, 0.5rad, 2, \n") == A


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a'b", 'a"b', " a", "a\u2028b"])
def test_refuses_names_that_cannot_be_written(name: str) -> None:
    with pytest.raises(SkyModelError, match="expected a name"):
        replace(A, name=name)
    with pytest.raises(SkyModelError, match="expected a name"):
        Patch(name)


def test_refuses_comments_of_several_lines() -> None:
    with pytest.raises(SkyModelError, match="line break"):
        SkyModel((A,), header_comments=("a\nFORMAT = Name",))


def test_writes_only_the_columns_that_are_needed() -> None:
    assert SkyModel((A,)).text() == (
        "FORMAT = Name, Type, Ra, Dec, I, ReferenceFrequency\n"
        f"a, POINT, {format_ra(1.0, 8)}, {format_dec(0.5, 7, 2)}, 2.0, \n"
    )
    gaussian = replace(A, name="[b], c", major_arcsec=3.0, patch="p", reference_freq_hz=5.0)
    assert SkyModel((replace(A, reference_freq_hz=6.0), gaussian), (Patch("p"),)).text().splitlines()[
        ::3
    ] == [
        "FORMAT = Name, Type, Patch, Ra, Dec, I, ReferenceFrequency='6.0', MajorAxis, MinorAxis, Orientation",
        f"'[b], c', GAUSSIAN, p, {format_ra(1.0, 8)}, {format_dec(0.5, 7, 2)}, 2.0, 5.0, 3.0, 0.0, 0.0",
    ]


def test_the_usual_reference_frequency_becomes_the_default() -> None:
    sources = [replace(A, name=f"s{n}", reference_freq_hz=freq) for n, freq in enumerate([5.0, 6.0, 6.0])]
    lines = SkyModel(tuple(sources)).text().splitlines()
    assert lines[0].endswith("ReferenceFrequency='6.0'")
    assert [line.rpartition(", ")[2] for line in lines[1:]] == ["5.0", "", ""]


def test_an_empty_model_is_written_and_read() -> None:
    assert parse_skymodel(SkyModel().text()) == SkyModel()
    assert SkyModel().in_one_patch() == SkyModel()


def test_real_model_of_3c295(real_data: Path) -> None:
    text = (real_data / "3C295.skymodel").read_text()
    model = parse_skymodel(text)
    assert len(model) == 2
    assert model.flux_at(150e6) == pytest.approx(97.763)
    assert model.flux_at(130.66e6) == pytest.approx(105.65, abs=0.01)
    assert model.text().split("\n", 1)[1] == text.split("\n\n", 1)[1].rstrip("\n") + "\n"
    assert parse_skymodel(model.text()) == model


def test_scaife_and_heald_spectrum() -> None:
    x = math.log10(60 / 150)
    expected = 83.084 * 10 ** (-0.699 * x - 0.110 * x**2)
    assert Source("3C196", 0, 0, 83.084, 150e6, (-0.699, -0.110)).flux_at(60e6) == pytest.approx(expected)


def test_linear_spectrum() -> None:
    source = Source("a", 0, 0, 10.0, 100e6, (3.0, -1.0), logarithmic_si=False)
    assert source.flux_at(150e6) == pytest.approx(10 + 3 * 0.5 - 1 * 0.25)
    assert source.flux_at(100e6) == 10.0


def test_flat_spectrum() -> None:
    assert A.flux_at(1.0) == A.flux_jy


@pytest.mark.parametrize("freq_hz", [0.0, -1.0, math.nan, 1e300])
def test_refuses_spectra_without_a_value(freq_hz: float) -> None:
    with pytest.raises(SkyModelError, match="no finite value"):
        Source("a", 0, 0, 1.0, 1e6, (900.0, 5.0)).flux_at(freq_hz)


def test_brightest() -> None:
    model = SkyModel(tuple(replace(A, name=f"s{n}", flux_jy=flux) for n, flux in enumerate([1.0, 3.0, 2.0])))
    assert [source.name for source in model.brightest(2).sources] == ["s1", "s2"]
    assert model.brightest(0).sources == ()
    assert len(model.brightest(9)) == 3


def test_selections_keep_comments_and_the_patches_in_use() -> None:
    sources = (replace(A, patch="p"), replace(A, name="b", patch="q", flux_jy=1.0))
    model = SkyModel(sources, (Patch("p"), Patch("q")), ("x: y",))
    assert model.brightest(1) == SkyModel(sources[:1], (Patch("p"),), ("x: y",))


def test_within_a_radius_across_the_zero_of_right_ascension() -> None:
    near = replace(A, name="near", ra_rad=math.radians(359.5), dec_rad=0.0)
    far = replace(A, name="far", ra_rad=math.radians(358.5), dec_rad=0.0)
    inside = SkyModel((near, far)).within(math.radians(0.4), 0.0, math.radians(1.0))
    assert [source.name for source in inside.sources] == ["near"]


@given(*[st.floats(-1.5, 1.5)] * 4)
def test_separation_is_that_of_astropy(ra1: float, dec1: float, ra2: float, dec2: float) -> None:
    expected = SkyCoord(ra1, dec1, unit="rad").separation(SkyCoord(ra2, dec2, unit="rad")).radian
    assert separation(ra1, dec1, ra2, dec2) == pytest.approx(expected, abs=1e-7)


def test_one_patch_at_the_flux_weighted_centre() -> None:
    east = replace(A, name="e", ra_rad=math.radians(1.0), dec_rad=0.0, flux_jy=0.3)
    west = replace(A, name="w", ra_rad=math.radians(359.0), dec_rad=0.0, flux_jy=0.1, patch="old")
    model = SkyModel((east, west), (Patch("old"),), ("x: y",)).in_one_patch("field")
    assert [source.patch for source in model.sources] == ["field", "field"]
    (patch,) = model.patches
    assert patch.name == "field"
    assert math.degrees(patch.ra_rad) == pytest.approx(0.5, abs=1e-4)
    assert model.header_comments == ("x: y",)
    assert parse_skymodel(model.text()).sources[1].patch == "field"


@pytest.mark.parametrize("fluxes", [(0.0, 0.0), (-1.0, -2.0), (1.0, 1.0)])
def test_one_patch_of_odd_models_has_a_position(fluxes: tuple[float, float]) -> None:
    pair = tuple(
        replace(A, name=f"s{n}", ra_rad=n * math.pi, dec_rad=0.0, flux_jy=flux)
        for n, flux in enumerate(fluxes)
    )
    assert SkyModel(pair).in_one_patch().patches == (Patch("field", 0.0, 0.0),)


def test_ten_thousand_sources_in_about_a_second() -> None:
    source = replace(A, reference_freq_hz=150e6, spectral_index=(-0.7, 0.1), major_arcsec=5.0, patch="p")
    model = SkyModel(tuple(replace(source, name=f"s{n}") for n in range(10_000)), (Patch("p"),))
    start = time.process_time()
    found = parse_skymodel(model.text())
    assert time.process_time() - start < 2
    assert len(found) == 10_000


def test_hostile_lines_do_not_take_long() -> None:
    start = time.process_time()
    for line in (
        "[" * 200_000,
        "'" + "a" * 200_000,
        "a," * 200_000 + "x",
        "a" * 200_000 + "[" * 10,
        "1" * 200_000 + "deg",
    ):
        with pytest.raises(SkyModelError):
            parse_skymodel(SHORT + line + "\n")
    assert time.process_time() - start < 2


names = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="'\"\u2028\u2029"),
    min_size=1,
    max_size=8,
)
names = names.filter(lambda name: name == name.strip())
finite = st.floats(-1e6, 1e6)
positions = {"ra_rad": st.floats(0, 6.283), "dec_rad": st.floats(-1.57, 1.57)}


@st.composite
def sources(draw: st.DrawFn, patches: list[str]) -> Source:
    spectrum = draw(st.lists(finite, max_size=3).map(tuple))
    minor = draw(st.floats(0, 100))
    shape: dict[str, Any] = {}
    if draw(st.booleans()):
        shape = {
            "major_arcsec": minor + 1.0,
            "minor_arcsec": minor,
            "orientation_deg": draw(st.floats(-180, 180)),
        }
    return Source(
        name=draw(names),
        flux_jy=draw(finite),
        reference_freq_hz=draw(st.floats(1, 1e9) if spectrum else st.one_of(st.just(0.0), st.floats(1, 1e9))),
        spectral_index=spectrum,
        logarithmic_si=draw(st.booleans()),
        patch=draw(st.sampled_from(["", *patches])),
        stokes_q_jy=draw(st.one_of(st.just(0.0), finite)),
        stokes_v_jy=draw(st.one_of(st.just(0.0), finite)),
        orientation_is_absolute=draw(st.booleans()),
        **shape,
        **{key: draw(value) for key, value in positions.items()},
    )


@st.composite
def models(draw: st.DrawFn) -> SkyModel:
    patch_names = draw(st.lists(names, max_size=3, unique=True))
    patches = tuple(Patch(name, *(draw(value) for value in positions.values())) for name in patch_names)
    found = draw(st.lists(sources(patch_names), max_size=5, unique_by=lambda source: source.name))
    return SkyModel(tuple(found), patches, tuple(draw(st.lists(names, max_size=3))))


@given(models())
def test_round_trip(model: SkyModel) -> None:
    text = model.text()
    found = parse_skymodel(text)
    assert found.text() == text
    assert found.header_comments == model.header_comments
    for mine, other in zip((*found.sources, *found.patches), (*model.sources, *model.patches), strict=True):
        assert mine.ra_rad == pytest.approx(other.ra_rad, abs=2e-12)
        assert mine.dec_rad == pytest.approx(other.dec_rad, abs=2e-12)
        assert replace(mine, ra_rad=other.ra_rad, dec_rad=other.dec_rad) == other
