"""The verdict over all subbands: what it takes, what it says, and what is made again because of it."""

import json
from pathlib import Path

import pytest

import sip_luigi.pipeline  # noqa: F401 - Luigi then knows all stages
from sip_luigi.domain.errors import BadData
from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.node.publish import publish
from sip_luigi.tasks.calibrate import Calibrate
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.flag_stations import FlagStations
from sip_luigi.tasks.preprocess import STATISTICS, Preprocess
from sip_luigi.tasks.stations import bad_stations

SUBBANDS = [f"SAP000_SB{k:03d}" for k in range(4)]
STATIONS = [f"CS{k:03d}HBA0" for k in range(1, 7)]
SPANS = [[0.0, 300.0], [300.0, 600.0], [600.0, 900.0], [900.0, 1200.0]]
MEASURES = {
    "averaging": {"channel_width_hz": 48e3, "freq_step": 16},
    "verify_measurementset": {"bad_stations": []},
}


class Observation:
    """Subbands that are preprocessed as far as FlagStations can see."""

    def __init__(self, cluster):
        self.cluster = cluster
        for name in SUBBANDS:
            cluster.raw(f"data/L1_{name}_uv.MS")
        # Without one a model is looked for where the observation points, which all subbands tell.
        model = cluster.folder / "field.skymodel"
        model.write_text("FORMAT = Name, Type, Ra, Dec, I\nA, POINT, 10:00:00, +50.00.00, 1.0\n")
        cluster.set("calibration", skymodel=str(model))
        self.open()

    def open(self):
        self.ctx = open_context("L1", self.cluster.settings)

    def task(self, task_class, subband="", **more):
        given = {"subband": subband} if subband else {}
        return task_class(obs_id="L1", context=self.ctx, **given, **more)

    def preprocessed(self, subband, text=None, **dead):
        """Publish a subband; `dead` says in which intervals a station is dead."""
        amplitude = [
            [0.01 if row in dead.get(name, ()) else 2.0 + k / 50 for k, name in enumerate(STATIONS)]
            for row in range(len(SPANS))
        ]
        stations = {"names": STATIONS, "spans_mjd_s": SPANS, "amplitude": amplitude, "noise": amplitude}
        stage = self.task(Preprocess, subband)
        product = stage.product()
        part = Path(product.part_path("1"))
        part.mkdir(parents=True)
        document = json.dumps({"stations": stations, "aoflagger": {}}) if text is None else text
        (part / STATISTICS).write_text(document)
        manifest = Manifest(
            stage.key, "preprocess", 2, measures=MEASURES, n_files=1, size_bytes=len(document)
        )
        publish(product, part, manifest)
        self.ctx.losses.remove(stage.name)
        self.ctx.forget()

    def lost(self, subband):
        stage = self.task(Preprocess, subband)
        self.ctx.losses.record(
            stage.name, Manifest(stage.key, "preprocess", 2, loss=Loss("preprocess", "broken"))
        )
        self.ctx.forget()

    def judged(self):
        stage = self.task(FlagStations)
        stage.run()
        return stage.current_manifest()


@pytest.fixture
def observation(cluster):
    return Observation(cluster)


def verdict(manifest):
    return {name: entry["spans_mjd_s"] for name, entry in manifest.measures["stations"].items()}


def test_what_is_seen_in_most_subbands_is_flagged_and_written_down(observation):
    for subband in SUBBANDS:
        observation.preprocessed(subband, CS002HBA0=range(4), CS003HBA0=[1])
    found = observation.judged()
    assert verdict(found) == {"CS002HBA0": [], "CS003HBA0": [[300.0, 600.0]]}
    written = json.loads(observation.ctx.layout.stations.read_text())
    assert written == found.measures
    assert written["stations"]["CS002HBA0"]["subbands"] == SUBBANDS
    assert written["stations"]["CS002HBA0"]["figures"]["amplitude"] < 0.01
    assert written["stations"]["CS003HBA0"]["reason"].startswith("dead for 300 s in 4 of 4 subbands")


def test_lost_subbands_have_no_say(observation):
    observation.preprocessed(SUBBANDS[0], CS002HBA0=range(4))
    for subband in SUBBANDS[1:]:
        observation.lost(subband)
    found = observation.judged()
    assert list(verdict(found)) == ["CS002HBA0"]
    assert found.measures["n_subbands"] == 1
    assert [found.inputs[name] for name in SUBBANDS[1:]] == ["lost"] * 3


def test_nothing_left_to_judge_is_no_error(observation):
    for subband in SUBBANDS:
        observation.lost(subband)
    assert observation.judged().measures == {"stations": {}, "n_stations": 0, "n_subbands": 0, "refused": ""}


def test_a_repaired_subband_that_changes_nothing_redoes_nothing(observation):
    for subband in SUBBANDS[:3]:
        observation.preprocessed(subband, CS002HBA0=range(4))
    observation.lost(SUBBANDS[3])
    before = observation.judged()
    observation.preprocessed(SUBBANDS[3], CS002HBA0=range(4), CS005HBA0=range(4))
    after = observation.judged()
    assert after.made and after.inputs != before.inputs, "it was judged anew"
    assert after.measures["stations"]["CS002HBA0"]["n_subbands"] == 4
    assert after.fingerprint == before.fingerprint


def test_another_verdict_is_seen(observation):
    for subband in SUBBANDS:
        observation.preprocessed(subband)
    before = observation.judged()
    fingerprints = {before.fingerprint}
    for dead in ({"CS002HBA0": range(4)}, {"CS002HBA0": [2]}, {"CS003HBA0": [2]}):
        for subband in SUBBANDS:
            observation.preprocessed(subband, **dead)
        # Made of the same inputs by their keys: only looking anew shows it.
        observation.ctx.layout.stations.unlink()
        fingerprints.add(observation.judged().fingerprint)
    assert len(fingerprints) == 4


def test_other_raw_data_of_one_subband_leave_the_keys_of_the_others(observation):
    def keys():
        observation.open()
        return [observation.task(Calibrate, name).key for name in SUBBANDS]

    before, judging = keys(), observation.task(FlagStations).key
    (observation.cluster.folder / f"data/L1_{SUBBANDS[2]}_uv.MS" / "more").write_bytes(b"x")
    after = keys()
    assert [one == other for one, other in zip(before, after, strict=True)] == [True, True, False, True]
    assert observation.task(FlagStations).key != judging, "the verdict itself has to be found anew"


def test_its_limits_are_in_the_keys_of_what_depends_on_it(observation):
    before = observation.task(Calibrate, SUBBANDS[0]).key
    observation.cluster.set("stations", dead_below=0.4)
    observation.open()
    assert observation.task(Calibrate, SUBBANDS[0]).key != before


def test_switched_off_calibration_does_not_wait(observation):
    assert "stations" in observation.task(Calibrate, SUBBANDS[0]).dependencies
    observation.cluster.set("stations", enabled=False)
    observation.open()
    assert "stations" not in observation.task(Calibrate, SUBBANDS[0]).dependencies


def test_when_most_stations_look_bad_it_is_not_the_stations(observation):
    observation.cluster.set("stations", max_bad_station_fraction=0.3)
    observation.open()
    for subband in SUBBANDS:
        observation.preprocessed(subband, CS002HBA0=range(4), CS003HBA0=range(4))
    found = observation.judged()
    assert found.measures["stations"] == {}
    assert "2 of 6 stations look bad" in found.measures["refused"]


@pytest.mark.parametrize("text", ["", "[]", "{", '{"stations": {"names": 3}, "aoflagger": {}}'])
def test_statistics_that_are_none_are_named(observation, text):
    for subband in SUBBANDS:
        observation.preprocessed(subband, text=text if subband == SUBBANDS[1] else None)
    with pytest.raises(BadData, match=rf"{SUBBANDS[1]}/preprocess/statistics\.json: not the statistics"):
        observation.judged()


def test_what_calibration_leaves_out(observation):
    own = {"station": "CS004HBA0", "reason": "dead: amplitude 0.1 of the median"}
    here = Manifest("k", "preprocess", 2, measures={"verify_measurementset": {"bad_stations": [own]}})
    assert list(bad_stations({"data": here})) == ["CS004HBA0"]
    for subband in SUBBANDS:
        observation.preprocessed(subband, CS002HBA0=range(4), CS004HBA0=[1])
    everywhere = observation.judged()
    found = bad_stations({"data": here, "stations": everywhere})
    assert sorted(found) == ["CS002HBA0", "CS004HBA0"]
    assert found["CS004HBA0"].spans == (), "in this subband it is bad all the time"
    assert found["CS004HBA0"].reason.endswith("in this subband")
    good = Manifest("k", "preprocess", 2, measures=MEASURES)
    assert bad_stations({"data": good, "stations": everywhere})["CS004HBA0"].spans == ((300.0, 600.0),)
