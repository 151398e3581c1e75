"""Which sky model an observation begins with, and what that means for its key."""

from dataclasses import replace

import numpy as np
import pytest
from databases import detections, image, update

from sip_luigi.database.access import required_database
from sip_luigi.database.versions import rollback
from sip_luigi.domain.errors import ConfigurationError, DatabaseUnavailable
from sip_luigi.domain.product import Manifest
from sip_luigi.tasks.context import open_context
from sip_luigi.tasks.initial_sky_model import InitialSkyModel
from sip_luigi.tasks.sky_choice import Choice, choice_path, choose, refresh

CENTRE = (np.radians(40.0), np.radians(30.0))


@pytest.fixture
def night(cluster):
    """Teach the database one night more."""
    cluster.raw("data/L1_SAP000_SB000_uv.MS")
    numbers = iter(range(100))

    def night(flux_jy=1.0):
        number = next(numbers)
        dec = CENTRE[1] + np.arange(5) * 2e-3
        found = detections(np.full(5, CENTRE[0]), dec, flux_jy)
        where = {"ra_rad": CENTRE[0], "dec_rad": CENTRE[1]}
        return update(
            required_database(cluster.settings),
            f"u{number}",
            image(f"N{number}", 6e4 + number, **where),
            found,
        )

    return night


@pytest.fixture
def initial(cluster):
    """The stage, as a run of the pipeline would have it afresh."""

    def initial():
        ctx = open_context("L1", cluster.settings)
        return InitialSkyModel(obs_id="L1", context=ctx)

    return initial


def written(stage, pointing=CENTRE):
    """What the stage writes for a pointing, and what it says of it."""
    part = stage.ctx.layout.directory / "part"
    part.parent.mkdir(parents=True, exist_ok=True)
    gvds = Manifest("k", "gvds", 1, measures={"pointing_rad": list(pointing)})
    return stage.write({"gvds": gvds}, part), part.read_text()


def test_without_a_database_all_is_as_it_was(cluster, initial, night):
    key = initial().key
    assert initial().science() == {"skymodel": ""}
    night()
    assert initial().key == key, "it was chosen before the database knew anything"
    cluster.set("database", url="none")
    assert initial().key == key


def test_the_newest_version_is_chosen_and_kept(cluster, initial, night):
    night(1.0)
    first = initial()
    assert first.choice.version == 1
    said, text = written(first)
    assert (said["from"], said["database_version"], said["n_sources"]) == ("database", 1, 5)
    assert "# version: 1" in text
    night(2.0)
    again = initial()
    assert again.key == first.key, "what the database learns later makes nothing again"
    assert written(again)[1] == text, "and a model that was lost is made again as it was"
    rollback(required_database(cluster.settings), 1, "")
    assert written(initial())[1] == text


def test_another_choice_is_another_key(cluster, initial, night):
    night()
    first = initial()
    skymodels = first.ctx.layout.skymodels
    key = first.key
    night(2.0)
    before, after = refresh(cluster.settings, skymodels, "L1")
    assert (before.version, after.version) == (1, 2)
    assert initial().key != key
    cluster.set("database", model_radius_deg=3.0)
    wider = initial().key
    cluster.set("database", model_radius_deg=3.5)
    assert initial().key != wider


def test_the_settings_of_the_database_are_in_no_key_of_a_model_that_is_given(
    cluster, initial, night, tmp_path
):
    path = tmp_path / "m.skymodel"
    path.write_text("FORMAT = Name, Type, Ra, Dec, I\na, POINT, 02:00:00, +30.00.00, 3\n")
    cluster.set("calibration", skymodel=str(path))
    cluster.set("database", url="postgresql://127.0.0.1:1/nothing", wait_s=1.0)
    key = initial().key
    cluster.set("database", model_radius_deg=3.0)
    assert initial().key == key, "and the database is not asked"


def test_a_field_that_nobody_knows(initial, night):
    night()
    calibrator = (np.radians(212.835), np.radians(52.203))
    said, text = written(initial(), calibrator)
    assert (said["from"], said["database_version"]) == ("3C295", None)
    assert "3C295" in text
    with pytest.raises(ConfigurationError, match=r"sip sky import"):
        written(initial(), (0.0, -1.0))


def test_a_database_that_is_another(cluster, initial, night):
    night()
    stage = initial()
    assert stage.choice.version == 1
    (cluster.folder / "runtime" / "sip.sqlite").unlink()
    night()
    with pytest.raises(ConfigurationError, match="sip sky refresh L1"):
        written(initial())


def test_a_database_that_cannot_be_asked_is_no_empty_one(cluster, initial):
    cluster.raw("data/L1_SAP000_SB000_uv.MS")
    cluster.set("database", url="postgresql://127.0.0.1:1/nothing", wait_s=1.0)
    with pytest.raises(DatabaseUnavailable):
        initial()
    settings = cluster.settings
    skymodels = settings.runtime_directory / "jobs" / "L1" / "skymodels"
    assert not choice_path(skymodels, "L1").exists()


def test_an_observation_from_before_there_was_a_database(cluster, initial, night):
    night()
    skymodels = cluster.settings.runtime_directory / "jobs" / "L1" / "skymodels"
    skymodels.mkdir(parents=True)
    (skymodels / "L1.initial.skymodel").write_text("FORMAT = Name\n")
    assert choose(cluster.settings, skymodels, "L1") == Choice()
    assert initial().science() == {"skymodel": ""}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"database": "x", "version": "y"}', "\x00"])
def test_a_choice_that_cannot_be_read(cluster, content):
    settings = replace(cluster.settings)
    skymodels = settings.runtime_directory / "skymodels"
    skymodels.mkdir(parents=True)
    choice_path(skymodels, "L1").write_text(content)
    with pytest.raises(ConfigurationError, match=r"choice\.json: not the choice"):
        choose(settings, skymodels, "L1")
