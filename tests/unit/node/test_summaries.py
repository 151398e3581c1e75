"""Small files that stages leave for the report: written while data are looked at, read with one command."""

import json

import numpy as np
import pytest
from casacore.tables import table

from sip_luigi.domain.summaries import amplitude_counts, baseline_matrix, covered_uv_m
from sip_luigi.execution.local import LocalConnection
from sip_luigi.node import visibilities as module
from sip_luigi.node.gains import write_gains
from sip_luigi.node.h5parm import SolutionTable
from sip_luigi.node.inspect import Reader
from sip_luigi.node.scan import scan
from sip_luigi.node.visibilities import Visibilities


@pytest.fixture
def columns(measurementset):
    with table(str(measurementset), ack=False) as opened:
        return {name: opened.getcol(name) for name in ("ANTENNA1", "ANTENNA2", "UVW", "DATA", "FLAG")}


def test_visibilities_are_counted_once_each(call, measurementset, change, columns, tmp_path):
    flags = np.random.default_rng(1).random(columns["FLAG"].shape[:2]) < 0.3
    change(measurementset, "FLAG", lambda old: np.broadcast_to(flags[..., None], old.shape))
    path = tmp_path / "visibilities.json"
    call("verify_measurementset", {"path": str(measurementset), "visibilities": str(path)})
    written = json.loads(path.read_text())
    cross = columns["ANTENNA1"] != columns["ANTENNA2"]
    assert amplitude_counts(written).sum() == (~flags[cross]).sum()
    longest = np.hypot(*columns["UVW"][:, :2].T).max()
    assert written["longest_m"] == pytest.approx(longest)
    covered = covered_uv_m(written)
    both = np.concatenate([covered, -covered])
    seen = columns["UVW"][cross & ~flags.all(axis=1), :2]
    for place in seen[::7]:
        assert np.hypot(*(both - place).T).min() <= np.sqrt(2) * longest / 256


def test_of_much_data_whole_time_slots_are_left_out(measurementset, monkeypatch):
    def counted():
        reader = Reader(str(measurementset))
        seen = Visibilities(reader)
        scan(reader, 7, see=seen.see)
        return seen.summary.counts.sum()

    whole = counted()
    monkeypatch.setattr(module, "MOST_VISIBILITIES", 500)
    assert 0 < counted() < whole
    assert whole % counted() == 0 or counted() > whole / 5


def test_flags_beside_the_statistics(call, measurementset, tmp_path):
    paths = {name: str(tmp_path / f"{name}.json") for name in ("output", "summary")}
    call("statistics", {"path": str(measurementset), "interval_s": 100.0, **paths})
    statistics, summary = (json.loads((tmp_path / f"{name}.json").read_text()) for name in paths)
    assert summary["stations"] == statistics["flagged"]["station_names"]
    assert baseline_matrix(summary["by_baseline"], 7).shape == (7, 7)
    assert len(summary["by_time"]["fraction"]) == 10


def solutions(kind, values, times=True):
    n_times, _, n_stations, _ = values.shape
    weights = np.ones(values.shape)
    weights[0, :, 1] = 0.0
    names = tuple(f"CS{number:03d}" for number in range(n_stations))
    return SolutionTable(kind, values, weights, names, 10.0 * np.arange(n_times * times), np.zeros(2))


def test_gains_are_averaged_over_channels(tmp_path):
    amplitude = np.ones((3, 2, 4, 2))
    amplitude[:, 1] = 3.0
    phase = np.full((3, 2, 4, 2), 3.1)
    phase[:, 1] = -3.1
    path = tmp_path / "gains.json"
    tables = [solutions("amplitude", amplitude), solutions("phase", phase), solutions("rotation", phase)]
    write_gains(str(path), {"gain": tables})
    found = json.loads(path.read_text())
    assert [entry["kind"] for entry in found] == ["amplitude", "phase"]
    assert {entry["solve"] for entry in found} == {"gain"}
    assert found[0]["values"][0][0] == [2.0, 2.0, 2.0]
    assert found[0]["values"][1][0] == [None, 2.0, 2.0], "weight 0"
    assert abs(found[1]["values"][0][0][0]) == pytest.approx(np.pi, abs=1e-3), "on the circle"
    assert found[0]["times_s"] == [0.0, 10.0, 20.0]


def test_many_solutions_stay_small(tmp_path):
    path = tmp_path / "gains.json"
    values = np.random.default_rng(1).normal(size=(5000, 1, 62, 2))
    write_gains(str(path), {"gain": [solutions("phase", values)]})
    assert path.stat().st_size < 250_000


def test_summaries_are_read_with_one_command(tmp_path):
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text('{"a": 1}')
    bad.write_text('{"a": ')
    paths = [str(path) for path in (good, bad, tmp_path / "none.json")]
    answer = LocalConnection("here").call("summaries", {"paths": paths})
    assert list(answer["summaries"].values()) == [{"a": 1}, None, None]
