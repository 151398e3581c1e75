from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.errors import BadData, VdsError
from sip_luigi.domain.gvds import combine, odd_ones
from sip_luigi.domain.vds import (
    MAX_PARTS,
    Gvds,
    Vds,
    format_time,
    parse_gvds,
    parse_time,
    parse_vds,
)

# TIME, EXPOSURE, CHAN_FREQ, CHAN_WIDTH and PHASE_DIR of the real L102085_SAP000_SB080_uv.MS.
FIRST_S, LAST_S, EXPOSURE_S = 4869321961.00139, 4869321963.00417, 2.00278016
FREQ_HZ, WIDTH_HZ = 130662536.62109375, 195312.5
RA_RAD, DEC_RAD = -2.568505154317658, 0.9111102151613202

REAL = Vds(
    name="/data1/L102085/L102085_SAP000_SB080_uv.MS",
    file_sys="lse007:/data1",
    start_time_s=FIRST_S - EXPOSURE_S / 2,
    end_time_s=LAST_S + EXPOSURE_S / 2,
    step_time_s=EXPOSURE_S,
    n_chan=(1,),
    start_freqs_hz=(FREQ_HZ - WIDTH_HZ / 2,),
    end_freqs_hz=(FREQ_HZ + WIDTH_HZ / 2,),
    corr_names=("XX", "XY", "YX", "YY"),
    field_ra_rad=(RA_RAD,),
    field_dec_rad=(DEC_RAD,),
    field_type=("J2000",),
    station_names=("CS001HBA0", "CS001HBA1"),
    data_file_name="table.f5_TSM0",
    data_file_is_regular=True,
    data_tile_shape=(4, 1, 1891),
    data_cube_shape=(4, 1, 3782),
    extra={"HasBeamTables": "true"},
)

TALK = """\
Name       = /data1/L2000_SB0.MS
FileName   = /data1/L2000_SB0.MS
FileSys    = lse007:/data1
ClusterDesc= /opt/sub3.clusterdesc
StartTime  = 2000/08/03/13:22:30.000
EndTime    = 2000/08/04/01:22:30.500
StepTime   = 30
StartTimesDiff=[0,0.5]
EndTimesDiff=[0,-0.5]
NChan      = [2]
StartFreqs = [110000000,110100000]
EndFreqs   = [110100000,110200000]
Extra.CorrNames=[XX,YY]
Extra.FieldDirectionDec=[+062.34.44.313607]
Extra.FieldDirectionRa=[16:38:28.205274]
Extra.FieldDirectionType=J2000
Extra.StationNames=[CS001..2, RS106]
Extra.DataFileName=/data1/L2000_SB0.MS/table.f0_TSM1
Extra.DataFileIsRegular=0
Extra.DataTileShape=[2,2,100]
Extra.DataCubeShape=[2,2,1000]
Extra.Project='a = b'
"""


def part(number: int, **changes: Any) -> Vds:
    """A subband of 1 MHz from (100 + number) MHz."""
    start = 1e8 + number * 1e6
    own = {"name": f"/data1/SB{number:03d}.MS", "start_freqs_hz": (start,), "end_freqs_hz": (start + 1e6,)}
    return replace(REAL, **own | changes)


def test_reads_what_the_observatory_writes() -> None:
    vds = parse_vds(TALK, "sb0.vds")
    assert vds == Vds(
        name="/data1/L2000_SB0.MS",
        file_name="/data1/L2000_SB0.MS",
        file_sys="lse007:/data1",
        cluster_desc="/opt/sub3.clusterdesc",
        start_time_s=51759 * 86400 + 13 * 3600 + 22 * 60 + 30,
        end_time_s=51760 * 86400 + 3600 + 22 * 60 + 30.5,
        step_time_s=30.0,
        start_times_diff_s=(0.0, 0.5),
        end_times_diff_s=(0.0, -0.5),
        n_chan=(2,),
        start_freqs_hz=(110e6, 110.1e6),
        end_freqs_hz=(110.1e6, 110.2e6),
        corr_names=("XX", "YY"),
        field_ra_rad=(math.radians(15 * (16 + 38 / 60 + 28.205274 / 3600)),),
        field_dec_rad=(math.radians(62 + 34 / 60 + 44.313607 / 3600),),
        field_type=("J2000",),
        station_names=("CS001", "CS002", "RS106"),
        data_file_name="/data1/L2000_SB0.MS/table.f0_TSM1",
        data_file_is_regular=False,
        data_tile_shape=(2, 2, 100),
        data_cube_shape=(2, 2, 1000),
        extra={"Project": "a = b"},
    )


def test_renders_times_and_angles_as_the_observatory_does() -> None:
    text = parse_vds(TALK).text()
    assert "StartTime = 2000/08/03/13:22:30.000\n" in text
    assert "EndTime = 2000/08/04/01:22:30.500\n" in text
    assert "Extra.FieldDirectionRa = [16:38:28.205274]\n" in text
    assert "Extra.FieldDirectionDec = [+062.34.44.313607]\n" in text
    assert "Extra.DataFileIsRegular = 0\n" in text


def test_describes_the_real_subband() -> None:
    text = REAL.text()
    assert "StartTime = 2013/03/06/21:26:00.000\n" in text
    assert "Extra.FieldDirectionRa = [14:11:20." in text
    assert "Extra.FieldDirectionDec = [+052.12." in text
    again = parse_vds(text)
    assert again.start_time_s == pytest.approx(REAL.start_time_s, abs=5.1e-4)
    assert again.start_freqs_hz == REAL.start_freqs_hz
    assert again.field_dec_rad[0] == pytest.approx(DEC_RAD, abs=1e-11)
    assert again.field_ra_rad[0] == pytest.approx(RA_RAD % math.tau, abs=1e-10)
    assert again.text() == text


def test_what_is_not_known_is_not_written() -> None:
    text = replace(REAL, file_sys="", data_file_is_regular=None, station_names=(), extra={}).text()
    assert not any(
        word in text for word in ("FileSys", "\nFileName", "IsRegular", "StationNames", "ClusterDesc")
    )
    vds = parse_vds(text)
    assert (vds.file_sys, vds.data_file_is_regular, vds.station_names, vds.extra) == ("", None, (), {})


@pytest.mark.parametrize(
    ("text", "time_s"),
    [
        ("1858/11/17/00:00:00.000", 0.0),
        ("2000/01/01/12:00:00.000", 51544.5 * 86400),
        ("2000/02/29/23:59:59.999", 51603 * 86400 + 86399.999),
        ("1858/11/16/23:59:59.500", -0.5),
    ],
)
def test_times(text: str, time_s: float) -> None:
    assert parse_time(text) == pytest.approx(time_s, abs=1e-6)
    assert format_time(time_s) == text


def test_fractions_of_a_second_may_be_missing_or_long() -> None:
    assert parse_time("1858/11/17/00:00:30") == 30.0
    assert parse_time("1858/11/17/00:00:30.123456") == pytest.approx(30.123456, abs=1e-9)


def test_times_are_rounded_into_the_next_day() -> None:
    assert format_time(51603 * 86400 + 86399.9996) == "2000/03/01/00:00:00.000"


@pytest.mark.parametrize(
    "text", ["", "2000/02/30/00:00:00", "2000/13/01/00:00:00", "2000-01-01T00:00:00", "51544.5"]
)
def test_refuses_what_is_no_time(text: str) -> None:
    with pytest.raises(ValueError, match=r"time|day|month"):
        parse_time(text)


@pytest.mark.parametrize("time_s", [math.nan, math.inf, 1e30])
def test_refuses_times_outside_the_calendar(time_s: float) -> None:
    with pytest.raises(VdsError, match="calendar"):
        format_time(time_s)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("Name       = /data1/L2000_SB0.MS\n", "", "s.vds: Name: this key is missing"),
        ("StepTime   = 30\n", "", "s.vds: StepTime: this key is missing"),
        ("EndFreqs   = [110100000,110200000]\n", "", "EndFreqs: this key is missing"),
        ("StepTime   = 30", "StepTime = 0", "StepTime above 0"),
        ("StepTime   = 30", "StepTime = soon", "s.vds:7: StepTime: could not convert"),
        ("StepTime   = 30", "StepTime = nan", "StepTime above 0"),
        ("13:22:30.000", "13:62:30.000", "s.vds:5: StartTime: minute must be in"),
        ("2000/08/03/", "2001/08/03/", "StartTime that is not after EndTime"),
        ("NChan      = [2]", "NChan = [3]", "StartFreqs and EndFreqs of 3 channels or 1 bands"),
        ("NChan      = [2]", "NChan = []", "NChan above 0"),
        ("NChan      = [2]", "NChan = [2,0]", "NChan above 0"),
        ("NChan      = [2]", "NChan = [3,-1]", "NChan above 0"),
        ("NChan      = [2]", "NChan = [2.5]", "s.vds:10: NChan: invalid literal"),
        ("NChan      = [2]", "NChan = [1..99999999]", "s.vds:10: NChan: more than"),
        ("[0,-0.5]", "[0]", "of one length"),
        ("110100000]", "inf]", "finite frequencies"),
        ("[+062.34.44.313607]", "[+062.34.44.313607,+062.34.44.3]", "as many FieldDirectionDec"),
        ("[+062.34.44.313607]", "[+092.34.44.313607]", "declinations up to 90"),
        ("[+062.34.44.313607]", "[62]", "s.vds:14: Extra.FieldDirectionDec: expected an angle"),
        ("IsRegular=0", "IsRegular=perhaps", "s.vds:19: Extra.DataFileIsRegular: expected 0 or 1"),
        ("FileSys ", "FileSis ", "s.vds:3: FileSis: unknown key; is 'FileSys' meant"),
        ("FileSys ", "NParts ", "it is a GVDS"),
        ("FileSys ", "Part0.Name ", "it is a GVDS"),
        ("Extra.Project='a = b'", "Extra.Project='a = b", "s.vds:22: unbalanced quote"),
    ],
)
def test_refuses(old: str, new: str, why: str) -> None:
    assert old in TALK
    with pytest.raises(VdsError) as caught:
        parse_vds(TALK.replace(old, new), "s.vds")
    assert why in str(caught.value)
    assert "s.vds" in str(caught.value)
    assert isinstance(caught.value, BadData)


@pytest.mark.parametrize("changes", [{"name": "a\nb"}, {"extra": {"a b": "c"}}, {"station_names": ("a'\"",)}])
def test_refuses_to_write_what_would_be_read_otherwise(changes: dict[str, Any]) -> None:
    with pytest.raises(VdsError):
        replace(REAL, **changes).text()


def test_extra_may_not_hide_a_key_of_its_own_place() -> None:
    with pytest.raises(VdsError, match=r"Extra\.CorrNames"):
        replace(REAL, extra={"CorrNames": "[XX]"})


def test_every_truncation_is_refused_or_keeps_the_mandatory_keys() -> None:
    mandatory = TALK.index("Extra.CorrNames")
    for length in range(len(TALK)):
        try:
            vds = parse_vds(TALK[:length])
        except VdsError:
            continue
        assert length >= mandatory - 2
        assert vds.start_freqs_hz == (110e6, 110.1e6)


def test_combines_in_order_of_frequency_then_name() -> None:
    early = replace(part(2), start_time_s=REAL.start_time_s - 10)
    late = replace(part(0), end_time_s=REAL.end_time_s + 20)
    twin = replace(part(2), name="/data1/A.MS", file_name="/data1/A.MS")
    gvds = combine([early, late, twin], "L102085", cluster_desc="/opt/c")
    assert [p.name for p in gvds.parts] == ["/data1/SB000.MS", "/data1/A.MS", "/data1/SB002.MS"]
    assert (gvds.name, gvds.cluster_desc) == ("L102085", "/opt/c")
    assert (gvds.start_time_s, gvds.end_time_s) == (early.start_time_s, late.end_time_s)
    assert (gvds.field_ra_rad, gvds.field_dec_rad, gvds.field_type) == ((RA_RAD,), (DEC_RAD,), ("J2000",))
    assert gvds.n_chan == (1, 1, 1)
    assert gvds.start_freqs_hz == (1e8, 1.02e8, 1.02e8)
    assert gvds.end_freqs_hz == (1.01e8, 1.03e8, 1.03e8)
    assert gvds.file_sys == ""
    assert gvds.parts[0].file_name == gvds.parts[0].name


def test_combined_bands_go_from_first_to_last_channel() -> None:
    channels = part(0, n_chan=(2, 3), start_freqs_hz=(1.0, 2, 3, 4, 5), end_freqs_hz=(2.0, 3, 4, 5, 6))
    bands = part(1, n_chan=(2, 3), start_freqs_hz=(10.0, 20), end_freqs_hz=(12.0, 23))
    gvds = combine([bands, channels], "x")
    assert gvds.n_chan == (2, 3, 2, 3)
    assert gvds.start_freqs_hz == (1, 3, 10, 20)
    assert gvds.end_freqs_hz == (3, 6, 12, 23)


def test_cluster_description_is_that_of_part_0() -> None:
    parts = [replace(part(1), cluster_desc="/one"), replace(part(0), cluster_desc="/zero")]
    assert combine(parts, "x").cluster_desc == "/zero"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"field_dec_rad": (DEC_RAD + 1e-6,)},
            r"/data1/SB001\.MS: its FieldDirection is .*that of /data1/SB000\.MS",
        ),
        ({"field_ra_rad": (RA_RAD + 1e-6,)}, "its FieldDirection"),
        ({"field_type": ("B1950",)}, "its FieldDirection"),
        ({"field_ra_rad": (), "field_dec_rad": ()}, "its FieldDirection"),
        (
            {"step_time_s": 4.0},
            r"/data1/SB001\.MS: its StepTime is 4\.0, that of /data1/SB000\.MS is 2\.00278016",
        ),
        ({"corr_names": ("XX", "YY")}, "its CorrNames"),
        ({"name": "/data1/SB000.MS"}, r"/data1/SB000\.MS 2 times"),
    ],
)
def test_refuses_to_combine(changes: dict[str, Any], why: str) -> None:
    with pytest.raises(VdsError, match=why):
        combine([part(1, **changes), part(0)], "L102085")


def test_rounding_of_the_text_is_no_difference() -> None:
    read = parse_vds(part(1).text())
    assert len(combine([part(0), read], "x").parts) == 2
    assert len(combine([part(0), part(1, field_ra_rad=(RA_RAD + math.tau,))], "x").parts) == 2


def test_the_odd_ones_are_those_that_differ_from_most() -> None:
    parts = [part(0, step_time_s=4.0), part(1), part(2), part(3, corr_names=("XX", "YY"))]
    odd = odd_ones(parts)
    assert set(odd) == {"/data1/SB000.MS", "/data1/SB003.MS"}
    assert (
        "its StepTime is 4.0, that of /data1/SB001.MS is 2.00278016, as 2 of 4 subbands have it"
        in odd[parts[0].name]
    )
    assert "its CorrNames" in odd[parts[3].name]
    assert odd_ones(parts[1:3]) == odd_ones([]) == {}
    # Of two equal groups the first one is kept.
    assert set(odd_ones(parts[:2])) == {"/data1/SB001.MS"}


def test_refuses_to_combine_nothing() -> None:
    with pytest.raises(VdsError, match="at least one part"):
        combine([], "L102085")


def test_gvds_round_trip() -> None:
    gvds = combine([parse_vds(part(number).text()) for number in range(12)], "/jobs/L102085.gvds")
    text = gvds.text()
    assert "\nNParts = 12\n" in text
    assert "\nPart11.Name = /data1/SB011.MS\n" in text
    assert parse_gvds(text, "x.gvds") == gvds
    assert isinstance(parse_gvds(text), Gvds)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("NParts = 2\n", "", "g.gvds: NParts: this key is missing"),
        ("NParts = 2", "NParts = 3", "Part2.Name: this key is missing"),
        ("NParts = 2", "NParts = 1", "Part1.Name: is beyond the 1 parts"),
        ("NParts = 2", "NParts = -1", "expected a number of parts"),
        ("NParts = 2", f"NParts = {MAX_PARTS + 1}", "expected a number of parts"),
        ("NParts = 2", "NParts = two", "NParts: invalid literal"),
        ("NParts = 2", "NParts = 2\nPartX.Name = a", "PartX.Name: unknown key"),
        ("Part1.Name = ", "Part1.Nome = ", "Part1.Name: this key is missing"),
        ("Part1.EndFreqs = [", "Part1.EndFreqs = [1,", "expected StartFreqs and EndFreqs of 1 channels"),
        ("Part1.FileSys", "Part1.FileSis", "Part1.FileSis: unknown key"),
    ],
)
def test_gvds_refuses(old: str, new: str, why: str) -> None:
    text = combine([part(0), part(1)], "g").text()
    assert old in text
    with pytest.raises(VdsError) as caught:
        parse_gvds(text.replace(old, new), "g.gvds")
    assert why in str(caught.value)


def test_a_whole_observation_is_read_quickly() -> None:
    gvds = combine([part(number, station_names=("CS001",) * 60) for number in range(488)], "g")
    assert len(parse_gvds(gvds.text()).parts) == 488


words = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="'\u2028\u2029"), min_size=1, max_size=8
)
finite = st.floats(allow_nan=False, allow_infinity=False)
milliseconds = st.integers(-(10**12), 10**14).map(lambda ms: ms / 1000)


@st.composite
def descriptions(draw: st.DrawFn) -> Vds:
    n_chan = tuple(draw(st.lists(st.integers(1, 4), min_size=1, max_size=3)))
    n_edges = draw(st.sampled_from([len(n_chan), sum(n_chan)]))
    n_diff, n_field = draw(st.integers(0, 3)), draw(st.integers(0, 2))
    start, end = sorted([draw(milliseconds), draw(milliseconds)])

    def reals(size: int) -> tuple[float, ...]:
        return tuple(draw(st.lists(finite, min_size=size, max_size=size)))

    def texts() -> tuple[str, ...]:
        return tuple(draw(st.lists(words, max_size=3)))

    return Vds(
        name=draw(words),
        file_name=draw(st.one_of(st.just(""), words)),
        start_time_s=start,
        end_time_s=end,
        step_time_s=draw(st.floats(1e-3, 1e3)),
        start_times_diff_s=reals(n_diff),
        end_times_diff_s=reals(n_diff),
        n_chan=n_chan,
        start_freqs_hz=reals(n_edges),
        end_freqs_hz=reals(n_edges),
        corr_names=texts(),
        field_ra_rad=tuple(draw(st.floats(0, 6.28)) for _ in range(n_field)),
        field_dec_rad=tuple(draw(st.floats(-1.57, 1.57)) for _ in range(n_field)),
        station_names=texts(),
        data_file_is_regular=draw(st.sampled_from([None, True, False])),
        data_cube_shape=tuple(draw(st.lists(st.integers(0, 10**9), max_size=3))),
        extra=draw(st.dictionaries(st.sampled_from(["A", "Beam.B", "c"]), words, max_size=3)),
    )


def assert_same(found: Vds, expected: Vds) -> None:
    """Equal but for the rounding of the text: 1 ms of time, 15 µas of angle."""
    assert found.start_time_s == pytest.approx(expected.start_time_s, abs=1e-4)
    assert found.end_time_s == pytest.approx(expected.end_time_s, abs=1e-4)
    for name in ("field_ra_rad", "field_dec_rad"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), abs=1e-10)
    rounded = ("start_time_s", "end_time_s", "field_ra_rad", "field_dec_rad")
    assert replace(found, **{name: getattr(expected, name) for name in rounded}) == expected


@given(descriptions())
def test_round_trip(vds: Vds) -> None:
    text = vds.text()
    found = parse_vds(text)
    assert_same(found, vds)
    assert found.text() == text
