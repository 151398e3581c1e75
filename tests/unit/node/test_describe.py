"""What is read from a raw MeasurementSet, and every reason to refuse one."""

import shutil

import numpy as np
import pytest
from casacore.tables import table

from sip_luigi.domain.errors import BadData


def describe(call, path):
    return call("describe", {"path": str(path), "file_system": "lse001:/data1"})["summary"]


def test_summary_says_what_was_simulated(call, observed, measurementset):
    summary, truth = describe(call, measurementset), observed.truth
    assert summary["n_times"] == 10
    assert summary["step_s"] == 30.0
    assert summary["end_time_mjd_s"] - summary["start_time_mjd_s"] == pytest.approx(300.0)
    assert summary["n_channels"] == len(summary["start_freqs_hz"]) == 4
    assert summary["end_freqs_hz"][-1] - summary["start_freqs_hz"][0] == pytest.approx(195312.5)
    assert summary["channel_width_hz"] == pytest.approx(195312.5 / 4)
    assert np.degrees(summary["field_ra_rad"]) == pytest.approx(truth["phase_centre_deg"][0])
    assert np.degrees(summary["field_dec_rad"]) == pytest.approx(truth["phase_centre_deg"][1])
    assert summary["field_direction_type"] == "J2000"
    assert len(summary["station_names"]) == 7
    assert summary["corr_names"] == ["XX", "XY", "YX", "YY"]
    assert summary["n_baselines"] == 7 * 8 / 2
    assert summary["n_rows"] == 280
    assert summary["flagged_fraction"] == 0.0
    assert summary["has_beam_tables"] is True
    assert summary["antenna_set"] == "HBA_DUAL_INNER"
    assert summary["file_system"] == "lse001:/data1"
    assert summary["bytes"] == sum(f.stat().st_size for f in measurementset.rglob("*") if f.is_file())
    assert summary["data_cube_shape"][:2] == [4, 4]


def test_longest_baseline(call, measurementset):
    with table(str(measurementset), ack=False) as opened:
        longest = np.linalg.norm(opened.getcol("UVW"), axis=1).max()
    # UVW foreshorten: the baseline itself is at least as long.
    assert longest - 1e-3 <= describe(call, measurementset)["max_baseline_m"] < 3 * longest


def test_beam_needs_its_tables(call, measurementset):
    with table(str(measurementset), readonly=False, ack=False) as opened:
        opened.removekeyword("LOFAR_ANTENNA_FIELD")
    assert describe(call, measurementset)["has_beam_tables"] is False


def no_such(path):
    shutil.rmtree(path)


def not_a_table(path):
    (path / "table.dat").unlink()


def wrong_table(path):
    antenna = path / "ANTENNA"
    kept = path.with_name("antenna")
    shutil.move(antenna, kept)
    shutil.rmtree(path)
    shutil.move(kept, path)


def empty(path):
    with table(str(path), ack=False) as opened:
        none = opened.query("ANTENNA1 < 0").copy(str(path) + ".empty", deep=True)
        none.close()
    shutil.rmtree(path)
    shutil.move(str(path) + ".empty", path)


def truncated_data(path):
    largest = max(path.glob("table.f*"), key=lambda file: file.stat().st_size)
    with largest.open("r+b") as file:
        file.truncate(largest.stat().st_size // 3)


def truncated_header(path):
    with (path / "table.dat").open("r+b") as file:
        file.truncate(100)


def no_antennas(path):
    shutil.rmtree(path / "ANTENNA")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (no_such, "no such MeasurementSet; check the path"),
        (not_a_table, "no table.dat in it; copy the data again"),
        (wrong_table, "not a MeasurementSet that can be used: no column TIME"),
        (empty, "it has no rows; copy the data again"),
        (truncated_data, "damaged or truncated"),
        (truncated_header, "cannot open: .*damaged or truncated: copy the data again"),
        (no_antennas, "cannot read the sub-table ANTENNA"),
    ],
)
def test_damaged(call, measurementset, damage, message):
    damage(measurementset)
    with pytest.raises(BadData, match=rf"L900100_SAP000_SB000_uv\.MS: .*{message}"):
        describe(call, measurementset)


@pytest.mark.parametrize("part", range(3))
def test_every_truncated_file_is_bad_data_or_does_not_matter(call, measurementset, part):
    # casacore crashes on some of them; the answer has to be a message all the same.
    for file in sorted(measurementset.glob("table.f?"))[part::3]:
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        try:
            describe(call, measurementset)
        except BadData as error:
            assert "damaged or truncated" in str(error)
        file.write_bytes(whole)


def flag_all(path, change):
    change(path, "FLAG", np.ones_like)


def all_zero(path, change):
    change(path, "DATA", np.zeros_like)


def not_finite(path, change):
    change(path, "DATA", lambda data: data * np.nan)


def flag_rows(path, change):
    change(path, "FLAG_ROW", np.ones_like)


def circular(path, change):
    change(path, "CORR_TYPE", lambda _: np.array([[5, 6, 7, 8]], dtype=np.int32), "POLARIZATION")


def two_windows(path, change):
    with table(str(path / "DATA_DESCRIPTION"), readonly=False, ack=False) as opened:
        opened.addrows(1)
    change(path, "DATA_DESC_ID", lambda ids: np.arange(len(ids), dtype=np.int32) % 2)


def two_fields(path, change):
    change(path, "FIELD_ID", lambda ids: np.arange(len(ids), dtype=np.int32) % 2)


def disordered(path, change):
    change(path, "TIME", lambda times: times[::-1])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (flag_all, "no usable visibility in DATA: 100% flagged; leave this subband out"),
        (flag_rows, "no usable visibility in DATA: 100% flagged"),
        (all_zero, "no usable visibility in DATA: 100% zero"),
        (not_finite, "no usable visibility in DATA: 100% not finite"),
        (circular, "expected the correlations XX, XY, YX, YY, found type 5, type 6, type 7, type 8"),
        (two_windows, r"expected one spectral window, found 2 \(DATA_DESC_ID 0, 1\)"),
        (two_fields, r"expected one field, found 2 \(FIELD_ID 0, 1\)"),
        (disordered, "its rows are not in order of time"),
    ],
)
def test_unusable(call, measurementset, change, spoil, message):
    spoil(measurementset, change)
    with pytest.raises(BadData, match=rf"L900100_SAP000_SB000_uv\.MS: {message}"):
        describe(call, measurementset)


def test_one_polarisation(call, measurementset, change):
    with table(str(measurementset / "POLARIZATION"), readonly=False, ack=False) as opened:
        opened.putcell("CORR_TYPE", 0, np.array([9], dtype=np.int32))
    with pytest.raises(BadData, match="expected the correlations XX, XY, YX, YY, found XX; all four"):
        describe(call, measurementset)


def test_some_bad_values_are_for_the_flagger(call, measurementset, change):
    def spoil(data):
        data[: len(data) // 2] = np.nan
        return data

    change(measurementset, "DATA", spoil)
    assert describe(call, measurementset)["n_times"] == 10
