"""Flags and stations of a MeasurementSet as JSON, counted once more by hand."""

import json

import numpy as np
import pytest
from casacore.tables import table

from sip_luigi.domain.errors import BadData
from sip_luigi.node import statistics as module
from sip_luigi.node.inspect import Reader

N_STATIONS, N_TIMES, N_CHANNELS = 7, 10, 4


@pytest.fixture
def measure(call, measurementset, tmp_path):
    """Run the command; what it answered and what it wrote."""

    def measure(interval_s=100.0, **more):
        output = tmp_path / "statistics.json"
        request = {"path": str(measurementset), "output": str(output), "interval_s": interval_s, **more}
        answer = call("statistics", request)
        return answer, json.loads(output.read_text())

    return measure


@pytest.fixture
def rows(measurementset):
    with table(str(measurementset), ack=False) as opened:
        return {name: opened.getcol(name) for name in ("TIME", "ANTENNA1", "ANTENNA2", "DATA")}


def test_flags_by_station_baseline_channel_and_time(measure, measurementset, change, rows):
    rng = np.random.default_rng(1)
    flags = rng.random(rows["DATA"].shape) < rng.random(rows["DATA"].shape[0])[:, None, None]
    change(measurementset, "FLAG", lambda _: flags)
    answer, written = measure()
    cross = rows["ANTENNA1"] != rows["ANTENNA2"]
    found = written["flagged"]
    assert answer["flagged_fraction"] == pytest.approx(flags[cross].mean())
    assert found["by_channel"]["fraction"] == pytest.approx(flags[cross].mean(axis=(0, 2)), rel=1e-3)
    for station in range(N_STATIONS):
        own = cross & ((rows["ANTENNA1"] == station) | (rows["ANTENNA2"] == station))
        assert found["by_station"][station] == pytest.approx(flags[own].mean(), rel=1e-3)
    times = np.unique(rows["TIME"])
    by_time = [flags[cross & (rows["TIME"] == time)].mean() for time in times]
    assert found["by_time"]["fraction"] == pytest.approx(by_time, rel=1e-3)
    assert found["by_time"]["offset_s"] == pytest.approx(times - times[0])
    baselines = found["by_baseline"]
    assert len(baselines["fraction"]) == N_STATIONS * (N_STATIONS - 1) // 2
    for first, second, fraction in zip(
        *(baselines[key] for key in ("first", "second", "fraction")), strict=True
    ):
        own = (rows["ANTENNA1"] == first) & (rows["ANTENNA2"] == second)
        assert fraction == pytest.approx(flags[own].mean(), rel=1e-3)


def test_it_is_the_same_in_small_pieces(measure, measurementset, change, rows, monkeypatch):
    flags = np.random.default_rng(2).random(rows["DATA"].shape) < 0.3
    change(measurementset, "FLAG", lambda _: flags)
    _, whole = measure()
    monkeypatch.setattr(module, "rows_per_chunk", lambda _: 5)
    output = measurementset.parent / "pieces.json"
    module.statistics({"path": str(measurementset), "output": str(output), "interval_s": 100.0})
    assert json.loads(output.read_text()) == whole


def test_stations_interval_by_interval(measure, measurementset, change, rows):
    own = (rows["ANTENNA1"] == 3) | (rows["ANTENNA2"] == 3)
    late = rows["TIME"] > np.median(rows["TIME"])
    change(measurementset, "DATA", lambda data: np.where((own & late)[:, None, None], data * 1e-3, data))
    _, written = measure(interval_s=30.0)
    stations = written["stations"]
    amplitude = np.array(stations["amplitude"])
    assert amplitude.shape == (len(stations["spans_mjd_s"]), N_STATIONS)
    middle = np.median(rows["TIME"])
    for (start, end), row in zip(stations["spans_mjd_s"], amplitude, strict=True):
        assert start % 30 == 0, "at the same times in every subband"
        assert end - start == 30
        weak = row[3] / np.median(row)
        assert weak < 0.01 if start >= middle else weak > 0.5
    noise = np.array(stations["noise"])
    assert (noise[:, 3] / np.median(noise, axis=1) < 0.01).any()


def test_slots_belong_to_the_interval_of_their_centre(measurementset, rows):
    reader = Reader(str(measurementset))
    spans = list(module.blocks(reader, 70.0))
    assert sum(count for _, _, runs in spans for _, count in runs) == len(rows["TIME"])
    for start, end, runs in spans:
        chosen = np.concatenate([rows["TIME"][first : first + count] for first, count in runs])
        assert ((start <= chosen) & (chosen < end)).all()


def test_a_station_without_data_is_unknown_and_not_zero(measure, measurementset, change, rows):
    own = (rows["ANTENNA1"] == 3) | (rows["ANTENNA2"] == 3)
    change(measurementset, "FLAG", lambda flags: flags | own[:, None, None])
    _, written = measure()
    assert {row[3] for row in written["stations"]["amplitude"]} == {None}
    assert written["flagged"]["by_station"][3] == 1.0
    assert written["aoflagger"] == {}, "AOFlagger has not been here"


def counts(folder, **fractions):
    paths = {}
    for cause, fraction in fractions.items():
        paths[cause] = str(folder / f"{cause}.json")
        by_station = {"CS001": fraction, "CS002": fraction}
        (folder / f"{cause}.json").write_text(json.dumps({"flagged_fraction_dict": str(by_station)}))
    return paths


def test_causes_are_what_each_step_added(measure, tmp_path):
    answer, written = measure(causes=counts(tmp_path, before=0.1, elevation=0.1, aoflagger=0.35))
    assert answer["causes"] == {"before": 0.1, "elevation": 0.0, "aoflagger": 0.25}
    assert written["causes"] == answer["causes"]
    assert not list(tmp_path.glob("*before*")), "what they say is in one file"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"flagged_fraction_dict": "{"}',
        '{"flagged_fraction_dict": "__import__(\'os\')"}',
        '{"flagged_fraction_dict": "{}"}',
        '{"flagged_fraction_dict": "[1]"}',
    ],
)
def test_counts_that_are_none(measure, tmp_path, text):
    (tmp_path / "zeros.json").write_text(text)
    with pytest.raises(BadData, match=r"zeros\.json: expected DP3's flag counts"):
        measure(causes={"zeros": str(tmp_path / "zeros.json")})


def test_a_truncated_measurementset_is_an_error(measure, measurementset):
    for path in measurementset.glob("table.f*"):
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(BadData):
        measure()
