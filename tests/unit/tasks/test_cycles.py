"""Cycles in the graph: who takes what from which, what is passed over, and what a decision changes."""

from pathlib import Path

import pytest

import sip_luigi.pipeline  # noqa: F401 - Luigi then knows all stages
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.node.publish import measure, publish
from sip_luigi.pipeline import ImagingPipeline, walk
from sip_luigi.tasks.base import other
from sip_luigi.tasks.calibrate import Calibrate
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.judge_cycle import JudgeCycle, solution_figures
from sip_luigi.tasks.quality_report import QualityReport

NAME = "SAP000_SB000"
MODEL = "FORMAT = Name, Type, Ra, Dec, I\nx, POINT, 12:00:00, 50.00.00, 1\n"


@pytest.fixture
def opened(cluster, tmp_path):
    """Open a context for so many cycles."""
    cluster.raw(f"data/L1_{NAME}_uv.MS")
    (tmp_path / "model.skymodel").write_text(MODEL)
    cluster.set("calibration", skymodel=str(tmp_path / "model.skymodel"))

    def opened(cycles, **limits):
        cluster.set("pipeline", cycles=cycles, **limits)
        return open_context("L1", cluster.settings)

    return opened


def image_measures(noise):
    return {"residual": {"rms_jy_beam": noise}, "bright_source": {"dynamic_range": 5.0 / noise}}


def make(task, **measures):
    """Publish a product as its stage would have made it."""
    inputs = {role: other.current_manifest() for role, other in task.dependencies.items()}
    product = task.product()
    part = Path(product.path + ".part")
    part.parent.mkdir(parents=True, exist_ok=True)
    if product.kind == "directory":
        part.mkdir()
        (part / "data").write_text("x")
    else:
        part.write_text(MODEL)
    n_files, size = measure(part)
    publish(
        product,
        part,
        Manifest(
            task.key,
            task.stage,
            task.version,
            inputs=task.made_of(inputs),
            n_files=n_files,
            size_bytes=size,
            measures=measures,
        ),
    )
    task.ctx.forget()


FIRST = (
    "DescribeSubband",
    "DescribeObservation",
    "CopySubband",
    "Preprocess",
    "FlagStations",
    "InitialSkyModel",
)
CYCLE = ("Calibrate", "GatherSubband", "ImageBand", "FindSources", "UpdateSkyModel", "JudgeCycle")


def chain(ctx, cycle):
    """Tasks of one cycle in their order, and what comes before them."""
    families = CYCLE if cycle else (*FIRST, *CYCLE)
    return [other(ctx, family, subband=NAME, cycle=cycle) for family in families]


def go_through(ctx, cycle, noise, n_sources=10):
    """A cycle of which the image has this noise; judged for real."""
    for task in chain(ctx, cycle):
        measures = {
            "ImageBand": image_measures(noise),
            "FindSources": {"find_sources": {"n_sources": n_sources}},
        }
        if task.task_family == "JudgeCycle":
            task.run()
        else:
            make(task, **measures.get(task.task_family, {}))
    return JudgeCycle(obs_id="L1", context=ctx, cycle=cycle).current_manifest()


def calibrate(ctx, cycle):
    return Calibrate(obs_id="L1", context=ctx, subband=NAME, cycle=cycle)


def test_results_are_taken_from_every_cycle_and_the_calibration_asks_for_the_decision(opened):
    ctx = opened(3)
    report = QualityReport(obs_id="L1", context=ctx)
    roles = set(report.dependencies)
    for cycle in range(3):
        assert {f"{name}.cycle{cycle}" for name in ("image", "sources", "skymodel", NAME)} <= roles
    assert report.dependencies["judgement"].cycle == 2
    assert "judgement" not in calibrate(ctx, 0).dependencies
    assert calibrate(ctx, 1).dependencies["judgement"].cycle == 0
    assert calibrate(ctx, 2).dependencies["skymodel"].cycle == 1


def test_one_more_cycle_changes_nothing_in_those_before(opened):
    few = {task.name: task.key for task in walk(JudgeCycle(obs_id="L1", context=opened(2), cycle=1))}
    many = {task.name: task.key for task in walk(JudgeCycle(obs_id="L1", context=opened(5), cycle=4))}
    assert few.items() <= many.items()


def test_what_follows_the_last_cycle_is_passed_over(opened):
    ctx = opened(4)
    assert go_through(ctx, 0, 0.010).content == "go on"
    assert not calibrate(ctx, 1).passes(
        {"judgement": JudgeCycle(obs_id="L1", context=ctx).current_manifest()}
    )
    assert go_through(ctx, 1, 0.00995).content == "stop, best cycle 1"
    for cycle in (2, 3):
        for task in chain(ctx, cycle):
            assert not task.complete()
            task.run()
            assert task.complete(), task.name
            assert task.current_manifest().passed or task.task_family == "JudgeCycle"
            assert not Path(task.product().path).exists() or task.task_family == "JudgeCycle"
    last = JudgeCycle(obs_id="L1", context=ctx, cycle=3).current_manifest()
    assert last.measures["judgement"]["best"] == 1
    assert [entry["state"] for entry in last.measures["cycles"]] == [
        "accepted",
        "converged",
        "not run",
        "not run",
    ]
    assert last.measures["cycles"][2]["rms_jy_beam"] is None
    report = QualityReport(obs_id="L1", context=ctx)
    inputs, _ = report._look()
    assert report.best("image", inputs) == "image.cycle1"
    assert not report.passes(inputs)
    assert ctx.losses.lost() == {}, "nothing was lost"
    assert len(ctx.losses.all()) == 2 * 5


def test_a_worse_cycle_is_rejected_and_said_so(opened, caplog):
    ctx = opened(2)
    go_through(ctx, 0, 0.010)
    rejected = go_through(ctx, 1, 0.020)
    assert rejected.content == "stop, best cycle 0"
    assert "more noise than in cycle 0: rejected" in caplog.text
    assert "the results come from cycle 0" in caplog.text


def test_a_cycle_that_was_lost_leaves_the_one_before(opened):
    ctx = opened(2)
    go_through(ctx, 0, 0.010)
    for task in chain(ctx, 1):
        if task.task_family == "ImageBand":
            lost = Manifest(
                task.key, task.stage, task.version, loss=Loss("image_band", "none of 1 subbands is left")
            )
            ctx.losses.record(task.name, lost)
            ctx.forget()
        elif task.task_family in ("FindSources", "UpdateSkyModel", "JudgeCycle"):
            task.run()
        else:
            make(task)
    judged = JudgeCycle(obs_id="L1", context=ctx, cycle=1).current_manifest()
    assert judged.content == "stop, best cycle 0"
    assert judged.measures["cycles"][1]["state"] == "lost"


def test_of_other_limits_the_decision_alone_counts(opened):
    ctx = opened(2, min_improvement=0.02)
    go_through(ctx, 0, 0.010)
    make(calibrate(ctx, 1))
    before = calibrate(ctx, 1).key

    strict = opened(2, min_improvement=0.5)
    assert calibrate(strict, 1).key == before
    assert not JudgeCycle(obs_id="L1", context=strict).complete(), "it is judged again"
    JudgeCycle(obs_id="L1", context=strict).run()
    assert calibrate(strict, 1).complete(), "the decision is the same: nothing is calibrated again"


def test_another_decision_makes_what_was_passed_over_and_passes_over_what_was_made(opened):
    lax = opened(3, max_worsening=1.0, min_improvement=0.0)
    go_through(lax, 0, 0.010)
    go_through(lax, 1, 0.0099)
    make(calibrate(lax, 2))

    strict = opened(3, max_worsening=0.0, min_improvement=0.5)
    for cycle in (0, 1):
        JudgeCycle(obs_id="L1", context=strict, cycle=cycle).run()
    assert not calibrate(strict, 2).complete()
    calibrate(strict, 2).run()
    assert calibrate(strict, 2).current_manifest().passed

    again = opened(3, max_worsening=1.0, min_improvement=0.0)
    for cycle in (0, 1):
        JudgeCycle(obs_id="L1", context=again, cycle=cycle).run()
    assert not calibrate(again, 2).complete(), "the record says stop, the decision says go on"


def test_cycles_and_strictness_on_the_command_line(opened, cluster, configured, tmp_path):
    opened(1)
    (tmp_path / "luigi.cfg").write_text(
        f"[DEFAULT]\nruntime_directory = {tmp_path}/runtime\n[cluster]\nclusterdesc = {tmp_path}/small.clusterdesc\n"
        f"[calibration]\nskymodel = {tmp_path}/model.skymodel\n[dppp]\nexecutable = true\n"
        "[imaging]\nexecutable = true\n[pipeline]\ncycles = 2\n"
    )
    configured(tmp_path / "luigi.cfg")
    plain, given = ImagingPipeline(obs_id="L1"), ImagingPipeline(obs_id="L1", cycles=4, strict=True)
    assert (plain.ctx.settings.pipeline.cycles, plain.ctx.settings.quality.strict) == (2, False)
    assert (given.ctx.settings.pipeline.cycles, given.ctx.settings.quality.strict) == (4, True)
    assert plain.task_id != given.task_id
    with pytest.raises(ConfigurationError, match=r"\[pipeline\] cycles = 0: expected at least 1"):
        ImagingPipeline(obs_id="L1", cycles=0)


def test_solution_figures_take_every_number_that_there_is():
    first = Manifest(
        "k", "s", 1, measures={"inspect_solutions": {"bad_fraction": 0.1, "ok": True, "x": {"a": 1}}}
    )
    second = Manifest(
        "k", "s", 1, measures={"inspect_solutions": {"bad_fraction": 0.3, "converged_fraction": 0.9}}
    )
    without = Manifest("k", "s", 1)
    found = solution_figures({"a": first, "b": second, "c": without})
    assert found == {"bad_fraction": pytest.approx(0.2), "converged_fraction": 0.9}
