"""What Preprocess decides, does and notes, without the programs."""

import logging
import math

import pytest

import sip_luigi.pipeline  # noqa: F401 - Luigi then knows all stages
from sip_luigi.domain.ateam_model import ateam_model
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.product import Manifest
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.preprocess import Preprocess, carried
from sip_luigi.tasks.preprocess_report import flagged_by_cause, grouped

NAME = "SAP000_SB000"
# 20° from Cygnus A, when it is high.
FOUND = {
    "field_ra_rad": math.radians(285.0),
    "field_dec_rad": math.radians(58.0),
    "start_time_mjd_s": 60511 * 86400.0 + 22 * 3600,
    "end_time_mjd_s": 60511 * 86400.0 + 23 * 3600,
    "has_beam_tables": True,
    "antenna_set": "HBA_DUAL_INNER",
    "frequency_hz": 140e6,
    "max_baseline_m": 60e3,
    "n_times": 3600,
    "n_channels": 64,
    "step_s": 1.0,
    "channel_width_hz": 195312.5 / 64,
}


@pytest.fixture
def stage(cluster):
    cluster.raw(f"data/L1_{NAME}_uv.MS")

    def stage(**dppp):
        cluster.set("dppp", **dppp)
        return Preprocess(obs_id="L1", context=open_context("L1", cluster.settings), subband=NAME)

    return stage


def steps(stage, **change):
    """The steps by what they are, and the notes."""
    made = stage.steps({"vds": Manifest("k", "describe", 1, measures=FOUND | change)}, "/part")
    notes = {step["name"]: step["note"] for step in made if "note" in step}
    written = {step["write"]: step["text"] for step in made if "write" in step}
    calls = {step["call"]: step["request"] for step in made if "call" in step}
    return notes, written, calls


def test_the_decision_is_carried_out_and_noted(stage):
    notes, written, calls = steps(stage())
    assert (notes["ateam"]["demix"], notes["ateam"]["clip"]) == (["CygA"], ["CasA", "VirA"])
    assert "20° away, nearer than 30°" in notes["ateam"]["text"]
    assert "CygA" in written["/part/ateam.demix.skymodel"]
    assert "CygA" not in written["/part/ateam.clip.skymodel"]
    parset = written["/part/preprocess.parset"]
    assert "demix.subtractsources" in parset
    assert "clip.usebeammodel" in parset
    assert calls["statistics"]["demixed"] is True
    assert calls["verify_measurementset"]["reference"] == {"n_times": 900, "n_channels": 4}
    assert notes["averaging"]["time_step"] == 4


def test_without_beam_tables_nothing_is_clipped_and_a_warning_says_so(stage, caplog):
    with caplog.at_level(logging.WARNING, "sip_luigi"):
        notes, written, _ = steps(stage(), has_beam_tables=False)
    assert notes["ateam"]["clip"] == []
    assert "clip.type" not in written["/part/preprocess.parset"]
    assert "no LOFAR beam tables in the MeasurementSet: CasA, VirA NOT clipped" in caplog.text


def test_smearing_is_warned_about(stage, caplog):
    with caplog.at_level(logging.WARNING, "sip_luigi"):
        notes, _, _ = steps(stage(time_step=60))
    assert notes["averaging"]["warning"] in caplog.text
    assert "more than max_smearing" in caplog.text


def test_switched_off_no_model_is_written(stage):
    notes, written, calls = steps(stage(ateam="none"))
    assert notes["ateam"]["sources"] == []
    assert not [path for path in written if "ateam" in path]
    assert calls["statistics"]["demixed"] is False


def test_cassiopeia_is_as_bright_as_on_the_day(stage):
    at = {
        year: stage().ateam_model(FOUND | {"start_time_mjd_s": (year - 1858.87) * 365.25 * 86400})
        for year in (2016, 2026)
    }
    ratio = at[2026].of_patches(["CasA"]).flux_at(150e6) / at[2016].of_patches(["CasA"]).flux_at(150e6)
    assert ratio == pytest.approx(0.933, abs=0.002)


def test_a_model_of_ones_own(stage, tmp_path):
    path = tmp_path / "own.skymodel"
    path.write_text(ateam_model(["CygA", "TauA"]).text())
    own = stage(ateam_skymodel=str(path), ateam_sources="CygA")
    notes, _, _ = steps(own)
    assert [source["name"] for source in notes["ateam"]["sources"]] == ["CygA"]
    key = own.key
    path.write_text(ateam_model(["CygA"]).text())
    assert stage().key != key, "by what is in it"
    with pytest.raises(ConfigurationError, match="no patch PerA of ateam_sources in it; it has CygA"):
        stage(ateam_sources="CygA PerA")


def test_every_setting_that_decides_is_in_the_key(stage):
    keys = {stage().key}
    for change in (
        {"ateam": "clip"},
        {"demix_within_deg": 40.0},
        {"clip_hba_jy": 4.0},
        {"max_smearing": 0.01},
        {"statistics_interval_s": 60.0},
    ):
        keys.add(stage(**change).key)
    assert len(keys) == 6


def test_what_was_noted_goes_on():
    measures = {"ateam": {"text": "a"}, "averaging": {"reason": "b"}, "statistics": {"causes": {}}, "else": 1}
    notes = carried(Manifest("k", "preprocess", 2, measures=measures))
    assert {step["name"]: step["note"] for step in notes} == {
        k: v for k, v in measures.items() if k != "else"
    }


def test_subbands_with_the_same_decision_stand_together():
    measures = {
        name: {"ateam": {"text": text}, "averaging": {"reason": "r"}}
        for name, text in (("a", "clip"), ("b", "none"), ("c", "clip"))
    }
    assert [group["subbands"] for group in grouped(measures)] == [["a", "c"], ["b"]]
    assert grouped({}) == []


def test_causes_are_averaged_over_the_subbands_that_have_them():
    causes = [{"zeros": 0.1, "clip": 0.3}, {"zeros": 0.3}]
    noted = [{"statistics": {"causes": entry}} for entry in causes]
    assert flagged_by_cause(noted) == pytest.approx({"zeros": 0.2, "clip": 0.3})
    assert flagged_by_cause([]) == {}
