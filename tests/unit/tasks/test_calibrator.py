"""The stages of a calibrator's observation, in the graph of its targets."""

from dataclasses import replace
from pathlib import Path

import pytest

import sip_luigi.pipeline
from sip_luigi.domain.errors import ConfigurationError, TransportError, UnknownObservation
from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.pipeline import ImagingPipeline
from sip_luigi.tasks.base import other
from sip_luigi.tasks.calibrate import Calibrate
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.provenance import records_of
from sip_luigi.tasks.solve_calibrator import calibrator_of

TARGETS = ("L1", "L2")


@pytest.fixture
def night(cluster):
    """Two targets and a calibrator; opens the context of a target."""
    for obs_id in (*TARGETS, "L9", "L8"):
        for number in range(2):
            cluster.raw(f"data/{obs_id}_SAP000_SB{number:03d}_uv.MS")
    skymodel = cluster.folder / "m.skymodel"
    skymodel.write_text("FORMAT = Name, Type, Ra, Dec, I\na, POINT, 1:00:00, 10.00.00, 1.0\n")
    cluster.set("calibration", skymodel=str(skymodel))

    def open_night(obs_id="L1", calibrator="L9"):
        settings = cluster.settings
        named = calibrator or settings.calibration.calibrator_obs_id
        calibration = replace(settings.calibration, calibrator_obs_id=named)
        return open_context(obs_id, replace(settings, calibration=calibration))

    return open_night


def graph(ctx):
    root = other(ctx, "ImagingPipeline")
    return {(task.obs_id, task.name): task for task in sip_luigi.pipeline.walk(root)}


def test_two_targets_share_the_work_on_their_calibrator(night):
    first, second = graph(night("L1")), graph(night("L2"))
    of_calibrator = {name: task.task_id for name, task in first.items() if name[0] == "L9"}
    assert {name for _, name in of_calibrator} == {
        "combine_calibrator",
        "flag_stations",
        *(
            f"{stage}.SAP000_SB{n:03d}"
            for stage in ("describe", "copy", "preprocess", "solve_calibrator")
            for n in (0, 1)
        ),
    }
    assert of_calibrator == {name: task.task_id for name, task in second.items() if name[0] == "L9"}


def test_a_calibrator_enters_the_keys_of_what_depends_on_it_and_nothing_else(night):
    none, one, another = graph(night(calibrator="")), graph(night()), graph(night(calibrator="L8"))
    stages = {name: task for name, task in none.items() if name[0] == "L1"}
    same = {name for name in stages if none[name].key == one[name].key}
    assert {name.partition(".")[0] for _, name in same} == {
        *("describe", "gvds", "copy", "preprocess", "flag_stations", "initial_sky_model")
    }
    for name in stages:
        assert (one[name].key == another[name].key) == (name in same)


PASSES = {
    "solve": {"steps": ["gain", "nothing"], "gain.solint": 1},
    "calibrate": {"steps": ["applygain", "beam"], "msout": "out.MS"},
}


@pytest.fixture
def patched(night, cluster):
    """Lays keys of a user over both passes of a calibration."""

    def patched(text):
        own = cluster.folder / "own.parset"
        own.write_text(text)
        cluster.set("calibration", skymodel=str(cluster.folder / "m.skymodel"), parset=str(own))
        task = graph(night())["L1", "calibrate.SAP000_SB000.cycle0"]
        return {name: task.patched(parset, *PASSES.values()) for name, parset in PASSES.items()}

    return patched


def test_each_pass_is_given_the_keys_of_its_own_steps(patched):
    found = patched("gain.maxiter = 7\nbeam.updateweights = true\nmsout.overwrite = true\n")
    assert ("gain.maxiter = 7" in found["solve"], "gain.maxiter" in found["calibrate"]) == (True, False)
    for key in ("beam.updateweights = true", "msout.overwrite = true"):
        assert (key in found["solve"], key in found["calibrate"]) == (False, True)


@pytest.mark.parametrize(
    "key", ["steps = [gain]", "checkparset = 0", "gain.caltype = fulljones", "gain.parmdb = x.h5"]
)
def test_keys_that_two_passes_would_have_to_share_are_refused(patched, key):
    with pytest.raises(ConfigurationError, match=rf"own.parset: {key.split()[0]}: .* 2 passes"):
        patched(f"gain.maxiter = 7\n{key}\n")


def test_what_was_lost_of_the_calibrator_is_told_of_under_its_own_observation(night):
    ctx = night()
    tasks = graph(ctx)
    for obs_id in ("L1", "L9"):
        task = tasks[obs_id, "describe.SAP000_SB000"]
        lost = Manifest(
            key=task.key, stage=task.stage, version=task.version, made="2026", loss=Loss("x", obs_id)
        )
        task.ctx.losses.record(task.name, lost)
    records = records_of(other(ctx, "ImagingPipeline"))
    assert sorted(record.obs_id for record in records) == ["L1", "L9"]
    found = {record.obs_id: record for record in records}
    for obs_id, record in found.items():
        assert [made.manifest.loss.reason for made in record.made] == [obs_id]
        assert [Path(row["raw_path"]).name[:2] for row in record.subbands] == [obs_id] * 2


def test_the_command_line_wins(night, cluster, configured):
    config, folder = cluster.folder / "luigi.cfg", cluster.folder
    night()
    config.write_text(
        f"[DEFAULT]\nruntime_directory = {folder}/runtime\n[cluster]\nclusterdesc = {folder}/small.clusterdesc\n"
        f"[calibration]\nskymodel = {folder}/m.skymodel\ncalibrator_obs_id = L8\n[dppp]\nexecutable = true\n"
        "[imaging]\nexecutable = true\n"
    )
    configured(config)
    plain, named = ImagingPipeline(obs_id="L1"), ImagingPipeline(obs_id="L1", calibrator_obs_id="L9")
    assert plain.ctx.calibrator.layout.obs_id == "L8"
    assert named.ctx.calibrator.layout.obs_id == "L9"
    config.write_text(config.read_text().replace("L8", "L9"))
    configured(config)
    assert ImagingPipeline(obs_id="L1").task_id == named.task_id, "it matters not where it is named"


def test_the_settings_of_transfer_leave_the_solutions_alone(night, cluster):
    before = graph(night())
    cluster.set("calibrator", smooth_hz=1e6)
    after = graph(night())
    changed = {name for (_, name), task in before.items() if after[task.obs_id, name].key != task.key}
    assert "combine_calibrator" in changed
    assert "calibrate.SAP000_SB000.cycle0" in changed
    assert not [name for name in changed if name.startswith(("solve_calibrator", "preprocess"))]


def test_one_look_for_both_observations(night):
    ctx = night()
    assert ctx.calibrator.index is ctx.index
    assert ctx.calibrator.connections is ctx.connections
    assert ctx.calibrator.layout.directory != ctx.layout.directory
    assert ctx.calibrator.settings.calibration.calibrator_obs_id == ""
    assert ctx.give_up(TransportError("gone", node="lce001"))
    for one in (ctx, ctx.calibrator):
        assert {place.node for place in one.places.values()} == {"lce002"}


def test_calibrators_that_are_refused(night):
    with pytest.raises(ConfigurationError, match="expected another observation than the target's"):
        night(calibrator="L1")
    with pytest.raises(UnknownObservation, match="observation L7"):
        night(calibrator="L7")
    with pytest.raises(ConfigurationError, match="observation id"):
        night(calibrator="../L9")
    ctx = night(calibrator="")
    assert "calibrator" not in Calibrate(obs_id="L1", subband="SAP000_SB000", context=ctx).dependencies


def test_a_field_that_is_no_calibrator():
    assert calibrator_of("L9", 2.1537, 0.8415).name == "3C196"
    with pytest.raises(
        ConfigurationError, match=r"L9: none of the calibrators 3C48, .*\(57\.296, -57\.296\)"
    ):
        calibrator_of("L9", 1.0, -1.0)
