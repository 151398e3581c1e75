"""Stations that are bad over the observation, end to end: what flagging them is worth, and what it makes again."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from casacore.tables import table
from conftest import BIN, SMALL

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("flag_stations")]

NOISY, FAILING = (4, 9, 13, 16), 7
"""Numbers of stations."""
MINUTES = slice(20, 35)
"""Time slots, a minute each, in which the last one is bad."""


def spoil(path):
    """Add noise to some stations, and to another one for a quarter of an hour; their names."""
    rng = np.random.default_rng(int(path.name.split("SB")[1][:3]))
    with table(str(path), readonly=False, ack=False) as opened:
        first, second, times = (opened.getcol(name) for name in ("ANTENNA1", "ANTENNA2", "TIME"))
        data = opened.getcol("DATA")
        slot = np.searchsorted(np.unique(times), times)
        noisy = np.isin(first, NOISY) | np.isin(second, NOISY)
        failing = (first == FAILING) | (second == FAILING)
        bad = noisy | (failing & (slot >= MINUTES.start) & (slot < MINUTES.stop))
        # 1.8 times the noise: within the limits for a single subband, which are wide.
        noise = rng.normal(size=(2, *data.shape)) * SMALL["noise_jy"] * np.sqrt(1.8**2 - 1)
        data[bad] += (noise[0] + 1j * noise[1])[bad]
        opened.putcol("DATA", data)
        with table(opened.getkeyword("ANTENNA"), ack=False) as stations:
            names = stations.getcol("NAME")
    return tuple(names[station] for station in NOISY), names[FAILING]


@pytest.fixture
def spoiled(small_observatory):
    """The small observation with bad stations, and their names."""
    raws = sorted(small_observatory.storage.glob("*.MS"))
    return small_observatory, next(iter({spoil(path) for path in raws}))


def test_it_is_worth_it_and_repairs_redo_nothing_else(spoiled):
    observatory, (noisy, failing) = spoiled
    raw = sorted(observatory.storage.glob("*.MS"))[3]
    aside = observatory.directory / raw.name
    shutil.move(raw, aside)
    shutil.copytree(aside, raw)
    (raw / "table.dat").write_bytes(b"")
    observatory.settings["pipeline"] = {"max_gap_fraction": 0.9}

    observatory.succeed()
    verdict = json.loads((observatory.job / "stations" / f"{observatory.obs_id}.stations.json").read_text())
    found = verdict["stations"]
    for name in noisy:
        assert found[name]["spans_mjd_s"] == []
        assert found[name]["reason"].startswith("noisy in 3 of 3 subbands; times the median: amplitude")
    ((start_s, end_s),) = found[failing]["spans_mjd_s"]
    assert 600 <= end_s - start_s <= 1200
    quality = observatory.quality
    assert quality["outcome"] == "degraded"
    assert {*noisy, failing} <= set(quality["bad_stations"])
    assert found[failing]["reason"] in set(quality["bad_stations"][failing].values())
    assert noisy[0] in (observatory.results / "report.html").read_text()

    shutil.rmtree(raw)
    shutil.move(aside, raw)
    retry = (str(BIN / "sip"), "retry", observatory.obs_id, "--lost")
    subprocess.run(retry, cwd=observatory.directory, env=observatory.environment(), check=True)
    before = observatory.made_stages()
    observatory.succeed()
    new = observatory.made_stages() - before
    assert observatory.quality["outcome"] == "full"
    # The verdict is the same: the other three stay as they are.
    assert (new["preprocess"], new["calibrate"], new["gather"]) == (1, 1, 1)
    verdict = json.loads((observatory.job / "stations" / f"{observatory.obs_id}.stations.json").read_text())
    assert verdict["n_subbands"] == 4

    flagged = observatory.quality["stokes_v_rms_jy_beam"]
    observatory.settings["stations"] = {"enabled": "false"}
    observatory.succeed()
    kept = observatory.quality
    assert not set(noisy) & set(kept["bad_stations"])
    assert flagged < 0.98 * kept["stokes_v_rms_jy_beam"]
