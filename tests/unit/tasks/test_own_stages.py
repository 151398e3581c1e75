"""Stages of one's own: how their lines change the chain, and what is refused."""

import pytest
from documentation import DOCS
from luigi.task_register import Register

import sip_luigi.pipeline  # noqa: F401 - Luigi then knows all stages
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.pipeline import ImagingPipeline
from sip_luigi.tasks.base import other
from sip_luigi.tasks.chain import CHAIN, Need
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.graph import walk
from sip_luigi.tasks.own_stages import chain_with, extended

NAME = "SAP000_SB000"
MODEL = "FORMAT = Name, Type, Ra, Dec, I\nx, POINT, 12:00:00, 50.00.00, 1\n"
EXAMPLE = DOCS / "examples" / "flag_short.py"


@pytest.fixture
def opened(cluster, tmp_path):
    """Open a context with stages of one's own."""
    cluster.raw(f"data/L1_{NAME}_uv.MS")
    (tmp_path / "model.skymodel").write_text(MODEL)
    cluster.set("calibration", skymodel=str(tmp_path / "model.skymodel"))

    def opened(own_stages):
        cluster.set("pipeline", own_stages=str(own_stages))
        return open_context("L1", cluster.settings)

    return opened


def test_without_any_the_chain_is_as_it_is():
    assert chain_with("") is CHAIN


def test_the_example_stands_between_two_stages(opened):
    plain, own = opened(""), opened(EXAMPLE)
    before, after = (other(ctx, "Calibrate", subband=NAME, cycle=0) for ctx in (plain, own))
    inserted = after.dependencies["data"]
    assert inserted.name == f"flag_short.{NAME}"
    assert inserted.dependencies["data"].key == before.dependencies["data"].key, "what is before it stays"
    assert after.key != before.key
    assert set(after.dependencies) == set(before.dependencies)
    root = ImagingPipeline(obs_id="L1", context=own)
    assert "FlagShort" in {task.task_family for task in walk(root)}
    assert "FlagShort" not in {task.task_family for task in walk(ImagingPipeline(obs_id="L1", context=plain))}


def test_lines_are_laid_over_the_chain_role_by_role(tmp_path):
    lines = {"ImagingPipeline": {"extra": Need("FindSources", cycle="last")}}
    merged = extended(CHAIN, lines, tmp_path)
    assert merged["ImagingPipeline"] == {**CHAIN["ImagingPipeline"], **lines["ImagingPipeline"]}
    assert "extra" not in CHAIN["ImagingPipeline"]


def test_a_new_stage_comes_right_after_what_it_takes(configured):
    order = list(chain_with(str(EXAMPLE)))
    assert order.index("FlagShort") == order.index("Preprocess") + 1
    assert [name for name in order if name != "FlagShort"] == list(CHAIN)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ({"Calibrate": {"data": Need("Flagshort")}}, "Flagshort, and there is no such stage"),
        ({"Nobody": {"data": Need("Preprocess")}}, "Nobody, and there is no such stage"),
        ({"CopySubband": {"data": Need("Calibrate")}}, "circle"),
    ],
)
def test_a_chain_that_cannot_be(lines, said, tmp_path):
    with pytest.raises(ConfigurationError, match=said):
        extended(CHAIN, lines, tmp_path / "own.py")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("CHAIN = {", "SyntaxError"),
        ("import no_such_package", "ModuleNotFoundError.*correct the file"),
        ("x = 1", "expected a table CHAIN"),
        (
            "from sip_luigi.tasks.subband import SubbandNodeStage\nCHAIN = {}\n"
            "class Preprocess(SubbandNodeStage):\n    stage = 'mine'\n",
            "Preprocess is a stage of the pipeline",
        ),
    ],
)
def test_a_file_that_cannot_be_used(text, said, tmp_path, monkeypatch):
    # Luigi would keep a class of that name beside the pipeline's own.
    monkeypatch.setattr(Register, "_reg", Register._reg[:])
    path = tmp_path / "own.py"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=f"{path}.*{said}"):
        chain_with(str(path))


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="no such file"):
        chain_with(f"{tmp_path}/gone.py")
