"""Preprocessing with the real DP3: the A-team, weights, causes of flags and stations that fail for a time."""

import json
import os
import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from casacore.tables import table
from conftest import BIN

from sip_luigi.domain.ateam import DIVERGED, Pointing, decide_ateam
from sip_luigi.domain.ateam_model import ateam_model
from sip_luigi.domain.errors import BadData
from sip_luigi.domain.parset import Parset
from sip_luigi.domain.smearing import field_of
from sip_luigi.execution.local import LocalConnection
from sip_luigi.programs.dp3 import DataShape
from sip_luigi.programs.dp3_averaging import choose_averaging
from sip_luigi.programs.dp3_preprocess import Files, Preprocessing, flag_causes, preprocess_steps
from sip_luigi.programs.dp3_stations import station_flag_steps
from sip_luigi.programs.environment import casarc_text, strategy_file, tool_environment
from sip_luigi.simulation.options import SimulationOptions
from sip_luigi.simulation.simulate import simulate

pytestmark = pytest.mark.slow

YEAR = 2024.5
OPTIONS = SimulationOptions(
    obs_id="L900201",
    subbands=1,
    channels=8,
    stations=20,
    start_utc="2024-07-20T22:00:00",
    duration_s=120.0,
    interval_s=2.0,
    ra_deg=285.0,
    dec_deg=58.0,
    sources=5,
    flux_min_jy=0.5,
    flux_max_jy=2.0,
    rfi_narrow=0,
    rfi_broad=0,
    dead_stations=0,
)
"""A field 20° from Cygnus A, which is high above the horizon."""
SHAPE = DataShape(60, 8, 2.0, 195312.5 / 8)


@pytest.fixture(scope="session")
def dp3(tmp_path_factory):
    """Run DP3 as a job does."""
    casarc = tmp_path_factory.mktemp("environment") / "casarc"
    casarc.write_text(casarc_text())
    environment = {**os.environ, **tool_environment(str(casarc))}

    def run(folder, parset):
        folder.mkdir(exist_ok=True)
        (folder / "run.parset").write_text(Parset.from_mapping(parset).text())
        command = ("DP3.py", "run.parset")
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]

    return run


@pytest.fixture(scope="session")
def clean(tmp_path_factory):
    """The observation without an A-team."""
    return simulate(OPTIONS, tmp_path_factory.mktemp("clean")).measurement_sets[0]


@pytest.fixture(scope="session")
def with_ateam(clean, dp3, tmp_path_factory):
    """The same with Cygnus A and Cassiopeia A in the side lobes."""
    folder = tmp_path_factory.mktemp("ateam")
    path = folder / clean.name
    shutil.copytree(clean, path)
    (folder / "ateam.skymodel").write_text(ateam_model(["CygA", "CasA"], YEAR).text())
    predict = {"type": "predict", "sourcedb": "ateam.skymodel", "operation": "add", "usebeammodel": True}
    keys = {f"add.{key}": value for key, value in predict.items()}
    dp3(folder, {"msin": str(path), "msout": ".", "steps": ["add"], **keys})
    return path


def preprocess(dp3, raw, folder, mode, options=None, names=("CasA", "CygA"), within_deg=30.0):
    """Preprocess; the decision, the averaging, and the flag statistics of the node command."""
    options = options or Preprocessing()
    start_s = OPTIONS.start_mjd_s
    centre = np.radians(OPTIONS.phase_centre_deg)
    field = field_of(140e6, "HBA_DUAL_INNER", 0.65, 60e3, 8000.0)
    pointing = Pointing(*centre, start_s, start_s + OPTIONS.duration_s, True, field.radius_rad)
    decision = decide_ateam(pointing, ateam_model(names).patches, mode, within_deg)
    averaging = choose_averaging(options, SHAPE, field)
    folder.mkdir()
    files = Files(str(folder))
    (folder / "strategy.lua").write_text(strategy_file("lofar-default").read_text())
    for action in ("clip", "demix"):
        model = ateam_model(decision.named(action), YEAR)
        (folder / f"ateam.{action}.skymodel").write_text(model.text())
    parset = preprocess_steps(
        options,
        str(raw),
        str(folder / "out.MS"),
        SHAPE,
        averaging,
        ateam=decision,
        antenna_set="HBA_DUAL_INNER",
        files=files,
    )
    dp3(folder, parset)
    request = {
        "path": str(folder / "out.MS"),
        "output": str(folder / "statistics.json"),
        "interval_s": 60.0,
        "causes": flag_causes(parset),
        "demixed": bool(decision.named("demix")),
    }
    return LocalConnection("here").call("statistics", request)


def read(path):
    """Cross-correlations: visibilities, flags and weights."""
    with table(str(path), ack=False) as opened:
        cross = opened.getcol("ANTENNA1") != opened.getcol("ANTENNA2")
        return [opened.getcol(name)[cross] for name in ("DATA", "FLAG", "WEIGHT_SPECTRUM")]


def rms_jy(folder):
    """Of the unflagged XX and YY."""
    data, flags, _ = read(folder / "out.MS")
    used = data[..., [0, 3]][~flags[..., [0, 3]]]
    return float(np.sqrt(np.mean(np.abs(used) ** 2)))


def test_what_is_done_about_the_ateam_is_worth_it(dp3, clean, with_ateam, tmp_path):
    flagged, rms = {}, {}
    for name, raw, mode in (
        ("clean", clean, "none"),
        ("none", with_ateam, "none"),
        ("clip", with_ateam, "clip"),
        ("auto", with_ateam, "auto"),
    ):
        flagged[name] = preprocess(dp3, raw, tmp_path / name, mode)["flagged_fraction"]
        rms[name] = rms_jy(tmp_path / name)
    assert rms["none"] > 3 * rms["clean"], "there is something to be removed"
    # Near as Cygnus A is, the clip takes a good part of the data; demixing takes none.
    assert rms["clip"] < 0.5 * rms["none"]
    assert flagged["clip"] > flagged["none"] + 0.1
    assert rms["auto"] < 1.1 * rms["clean"] < rms["clip"]
    assert flagged["auto"] < flagged["none"] + 0.02


def test_demixing_what_cannot_be_solved_for_is_refused(dp3, clean, tmp_path):
    # Neither source is in these data.
    with pytest.raises(BadData, match=DIVERGED):
        preprocess(dp3, clean, tmp_path / "demix", "demix", within_deg=40.0)


def test_causes_add_up_to_what_is_flagged(dp3, with_ateam, tmp_path):
    options = replace(Preprocessing(), average_to_s=0.0, average_to_hz=0.0)
    answer = preprocess(dp3, with_ateam, tmp_path / "run", "clip", options)
    causes = answer["causes"]
    assert list(causes) == ["before", "autocorrelations", "elevation", "zeros", "aoflagger", "clip"]
    n = OPTIONS.n_stations
    # Each station has n baselines, one of them with itself.
    assert causes["autocorrelations"] == pytest.approx(1 / n, abs=1e-4)
    cross = sum(causes.values()) - causes["autocorrelations"]
    assert cross * n / (n - 1) == pytest.approx(answer["flagged_fraction"], abs=1e-3)
    assert causes["clip"] > 0.1
    assert not list((tmp_path / "run").glob("flags.*"))
    written = json.loads((tmp_path / "run" / "statistics.json").read_text())
    assert set(written["aoflagger"]) == {"amplitude", "difference", "rms"}


@pytest.mark.parametrize("dysco", [False, True])
def test_weights_are_kept(dp3, clean, tmp_path, dysco):
    raw = tmp_path / clean.name
    shutil.copytree(clean, raw)
    rng = np.random.default_rng(3)
    with table(str(raw), readonly=False, ack=False) as opened:
        before = opened.getcol("WEIGHT_SPECTRUM")
        # Of baselines and channels, as those of the correlator and its bandpass are.
        antennas = [opened.getcol(name) for name in ("ANTENNA1", "ANTENNA2")]
        station = rng.uniform(0.3, 1.0, OPTIONS.n_stations)
        weights = np.broadcast_to(
            (station[antennas[0]] * station[antennas[1]])[:, None, None]
            * rng.uniform(0.5, 1.0, SHAPE.n_channels)[:, None],
            before.shape,
        ).astype(np.float32)
        flags = rng.random(before.shape[:2]) < 0.2
        opened.putcol("WEIGHT_SPECTRUM", weights)
        opened.putcol("FLAG", np.repeat(flags[..., None], 4, axis=2))
        cross = antennas[0] != antennas[1]
    options = replace(Preprocessing(), aoflagger=False, min_elevation_deg=0.0, dysco=dysco)
    preprocess(dp3, raw, tmp_path / "run", "none", options)
    _, after_flags, after = read(tmp_path / "run" / "out.MS")
    kept = np.where(flags[..., None], 0.0, weights)[cross]
    # Two slots and two channels become one, whose weight is the sum of those that are not flagged.
    n_baselines = int(cross.sum()) // SHAPE.n_times
    cube = kept.reshape(SHAPE.n_times // 2, 2, n_baselines, SHAPE.n_channels // 2, 2, 4)
    expected = cube.sum(axis=(1, 4)).reshape(after.shape)
    used = ~after_flags
    assert (expected[used] > 0).all()
    # Dysco rounds to 12 bits of the largest weight of a row.
    tolerance = {"rtol": 2e-3, "atol": expected.max() / 2**12} if dysco else {"rtol": 1e-5}
    np.testing.assert_allclose(after[used], expected[used], **tolerance)


def test_stations_are_flagged_for_the_time_in_which_they_are_bad(dp3, clean, tmp_path):
    start_s = OPTIONS.start_mjd_s
    spans = [(start_s + 20, start_s + 40), (start_s + 100, start_s + 110)]
    with table(f"{clean}/ANTENNA", ack=False) as opened:
        names = list(opened.getcol("NAME"))
    steps = station_flag_steps([names[5]], {names[3]: spans, names[5]: [(0.0, 1.0)]})
    keys = {f"{step['name']}.{key}": value for step in steps for key, value in step.items() if key != "name"}
    out = tmp_path / "out.MS"
    parset = {
        "msin": str(clean),
        "msout": str(out),
        "steps": [step["name"] for step in steps],
        "checkparset": 1,
    }
    dp3(tmp_path / "run", parset | keys)
    with table(str(out), ack=False) as opened:
        first, second, times = (opened.getcol(name) for name in ("ANTENNA1", "ANTENNA2", "TIME"))
        flagged = opened.getcol("FLAG").all(axis=(1, 2))
    since = times - start_s
    bad_time = ((since > 20) & (since < 40)) | ((since > 100) & (since < 110))
    of = [(first == station) | (second == station) for station in (3, 5)]
    cross = first != second
    np.testing.assert_array_equal(flagged[cross], (of[1] | (of[0] & bad_time))[cross])


def test_demixing_that_diverges_is_replaced_by_the_clip_and_said_so(clean, observatory):
    made = observatory(OPTIONS.obs_id, dppp={"demix_within_deg": 40}, cluster={"retries": 0})
    shutil.copytree(clean, made.storage / clean.name)

    def plan():
        return subprocess.run(
            (str(BIN / "sip"), "plan", OPTIONS.obs_id),
            cwd=made.directory,
            env=made.environment(),
            capture_output=True,
            text=True,
            check=True,
        ).stdout

    assert made.run("--subband", "SAP000_SB000", task="DescribeSubband").returncode == 0
    planned = plan()
    assert "SAP000_SB000: A-team: CasA: demix, 33° away" in planned
    assert "SAP000_SB000: averaging: 2 time slots to 4 s" in planned
    done = made.run("--subband", "SAP000_SB000", task="Preprocess")
    assert done.returncode == 0, done.stderr[-3000:]
    manifest = json.loads((made.scratch / "SAP000_SB000" / "preprocess" / "sip-manifest.json").read_text())
    noted = manifest["measures"]["ateam"]
    assert noted["demix"] == []
    assert {"CasA", "CygA"} <= set(noted["clip"])
    assert f"CygA: clip, 20° away, nearer than 40°; {DIVERGED}" in noted["text"]
    log = (made.job / "logs" / "pipeline.log").read_text()
    assert DIVERGED in log
    assert "It is clipped instead" in log
    assert f"CygA: clip, 20° away, nearer than 40°; {DIVERGED}" in plan()
