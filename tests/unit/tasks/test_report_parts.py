"""What the report is told of stages, summaries and settings."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

import sip_luigi.pipeline  # noqa: F401 - Luigi then knows all stages
from sip_luigi.domain.errors import TransportError
from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.execution.local import LocalConnection
from sip_luigi.node.publish import measure, publish
from sip_luigi.settings import load_settings
from sip_luigi.tasks.base import other
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.quality_report import QualityReport
from sip_luigi.tasks.report_parts import read_summaries, settings_rows, spread, stage_runs

NAME = "SAP000_SB000"


@pytest.fixture
def report(cluster, tmp_path):
    for number in (0, 1):
        cluster.raw(f"data/L1_SAP000_SB00{number}_uv.MS")
    (tmp_path / "model.skymodel").write_text(
        "FORMAT = Name, Type, Ra, Dec, I\nx, POINT, 12:00:00, 50.00.00, 1\n"
    )
    cluster.set("calibration", skymodel=str(tmp_path / "model.skymodel"))
    return QualityReport(obs_id="L1", context=open_context("L1", cluster.settings))


def made(task, **content):
    product = task.product()
    part = Path(f"{product.path}.part")
    part.parent.mkdir(parents=True, exist_ok=True)
    part.mkdir()
    (part / "data").write_text("x")
    n_files, size = measure(part)
    times = {"made": "2026-11-25T10:00:30+00:00", "elapsed_s": 20.0}
    publish(
        product,
        part,
        Manifest(task.key, task.stage, task.version, n_files=n_files, size_bytes=size, **times, **content),
    )


def test_every_stage_is_told_of_with_what_became_of_it(report):
    ctx = report.ctx
    preprocess = other(ctx, "Preprocess", subband=NAME)
    calibrate = other(ctx, "Calibrate", subband=NAME, cycle=0)
    gather = other(ctx, "GatherSubband", subband=NAME, cycle=0)
    made(preprocess)
    lost = Manifest(calibrate.key, calibrate.stage, calibrate.version, loss=Loss("calibrate", "diverged"))
    ctx.losses.record(calibrate.name, lost)
    passed = Manifest(gather.key, gather.stage, gather.version, passed="nobody needs it")
    ctx.losses.record(gather.name, passed)
    ctx.layout.logs.mkdir(parents=True)
    (ctx.layout.logs / f"{preprocess.name}.log").write_text("")
    ctx.forget()

    runs = stage_runs(report)

    assert len(runs) == 2 * 5 + 7
    assert [run.stage for run in runs if run.subband == NAME] == [
        *("describe", "copy", "preprocess", "calibrate.cycle0", "gather.cycle0")
    ]
    found = {run.name: run for run in runs}
    run = found[preprocess.name]
    assert (run.state, run.elapsed_s, run.ended, run.node) == ("done", 20.0, "10:00:30", "lce001")
    assert run.links == {"log": f"../logs/preprocess.{NAME}.log"}
    assert (ctx.layout.results / run.links["log"]).exists() or not ctx.layout.results.exists()
    assert (found[calibrate.name].state, found[calibrate.name].reason) == ("lost", "calibrate: diverged")
    assert found[gather.name].state == "passed over"
    assert found["image_band.cycle0"].state == "not made"
    assert found["image_band.cycle0"].ended == ""


class Gone(LocalConnection):
    """A node that does not answer."""

    def call(self, command, request):
        raise TransportError("no route to host", node=self.name)


@pytest.fixture
def flags(report):
    """The tasks that leave a file for the report, on two nodes; what they left says whose it is."""
    tasks = {name: other(report.ctx, "Preprocess", subband=name) for name in (NAME, "SAP000_SB001")}
    for name, task in tasks.items():
        folder = Path(task.product().path)
        folder.mkdir(parents=True)
        (folder / "flags.json").write_text(json.dumps({"of": name}))
    assert {task.product().node for task in tasks.values()} == {"lce001", "lce002"}
    return tasks


def test_summaries_are_kept_for_when_their_products_were_cleared_away(report, flags):
    whole = {name: {"of": name} for name in flags}
    assert read_summaries(report.ctx, flags, "flags.json") == whole
    shutil.rmtree(flags[NAME].product().path)
    assert read_summaries(report.ctx, flags, "flags.json") == whole
    flags[NAME].key = "that of another product"
    assert list(read_summaries(report.ctx, flags, "flags.json")) == ["SAP000_SB001"]


def test_a_node_that_is_gone_costs_its_summaries_alone(report, flags, caplog):
    gone = flags[NAME].product().node
    ctx = replace(report.ctx, connections={**report.ctx.connections, gone: Gone(gone)})
    assert read_summaries(ctx, flags, "flags.json") == {"SAP000_SB001": {"of": "SAP000_SB001"}}
    assert gone in caplog.text


@pytest.mark.parametrize("content", ["", "[]", '{"SAP000_SB000": 1}'])
def test_what_was_kept_may_be_damaged(report, flags, content):
    kept = report.ctx.layout.directory / "summaries" / "flags.json"
    kept.parent.mkdir(parents=True)
    kept.write_text(content)
    assert len(read_summaries(report.ctx, flags, "flags.json")) == 2


def test_subbands_stand_for_the_band():
    names = [f"SB{number:03d}" for number in range(10)]
    assert spread(names, 3) == ["SB000", "SB004", "SB009"]
    assert spread(names, 1) == ["SB005"]
    assert spread(names[:2], 3) == names[:2]
    assert spread([], 3) == []


def test_settings_are_told_without_the_password(configured):
    loaded = load_settings()
    database = replace(loaded.database, url="postgresql://sip:secret@db/sky")
    rows = settings_rows(replace(loaded, database=database, imaging=replace(loaded.imaging, robust=0.7)))
    assert "secret" not in str(rows)
    changed = [(row["section"], row["key"], row["value"]) for row in rows if row["changed"]]
    assert changed == [("imaging", "robust", "0.7")]
    assert len(rows) > 50
