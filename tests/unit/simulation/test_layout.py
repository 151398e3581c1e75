import json
from dataclasses import replace

import pytest

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.simulation.layout import check_vacant, clear, only_writer, plan_layout
from sip_luigi.simulation.options import SimulationOptions

OPTIONS = SimulationOptions(obs_id="L7", subbands=3, first_subband=80)


def finish(layout, options=OPTIONS, complete=True):
    """Leave behind what a simulation leaves."""
    layout.make_directories()
    for path in layout.measurement_sets.values():
        path.mkdir()
    entries = [{"subband": number, "path": str(path)} for number, path in layout.measurement_sets.items()]
    record = {"options_sha256": options.digest, "options": options.as_dict(), "complete": complete}
    layout.truth.json.write_text(json.dumps({**record, "subbands": entries}))
    layout.truth.fits.touch()
    layout.truth.skymodel.touch()
    return layout


def test_one_directory(tmp_path):
    layout = plan_layout(OPTIONS, str(tmp_path))
    names = [path.name for path in layout.measurement_sets.values()]
    assert names == ["L7_SAP000_SB080_uv.MS", "L7_SAP000_SB081_uv.MS", "L7_SAP000_SB082_uv.MS"]
    assert layout.truth.json == tmp_path / "L7.truth.json"


def test_round_robin(tmp_path):
    disks = [tmp_path / "a", tmp_path / "b"]
    layout = plan_layout(OPTIONS, disks)
    assert [path.parent for path in layout.measurement_sets.values()] == [disks[0], disks[1], disks[0]]
    assert layout.home == disks[0]


def test_disks_below_one_directory(tmp_path):
    layout = plan_layout(replace(OPTIONS, disks=2), tmp_path)
    assert [path.parent.name for path in layout.measurement_sets.values()] == ["data1", "data2", "data1"]
    assert layout.home == tmp_path


def test_directories_that_do_not_fit(tmp_path):
    for directories in ([], [tmp_path, tmp_path]):
        with pytest.raises(ConfigurationError, match="each once"):
            plan_layout(OPTIONS, directories)
    with pytest.raises(ConfigurationError, match="disks"):
        plan_layout(replace(OPTIONS, disks=3), [tmp_path / "a", tmp_path / "b"])


def test_file_in_place_of_a_directory(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="directory to write to"):
        plan_layout(OPTIONS, tmp_path / "file").make_directories()


def test_vacant(tmp_path):
    assert not check_vacant(plan_layout(OPTIONS, tmp_path), OPTIONS)


def test_same_options_are_left_alone(tmp_path):
    layout = finish(plan_layout(OPTIONS, tmp_path))
    assert check_vacant(layout, OPTIONS)
    layout.measurement_sets[81].rmdir()
    assert not check_vacant(layout, OPTIONS)
    assert layout.missing() == (81,)


def test_interrupted_simulation_is_continued(tmp_path):
    layout = finish(plan_layout(OPTIONS, tmp_path), complete=False)
    assert not check_vacant(layout, OPTIONS)
    assert layout.missing() == ()


def test_other_options_are_refused(tmp_path):
    layout = finish(plan_layout(OPTIONS, tmp_path))
    with pytest.raises(ConfigurationError, match=r"seed=1 \(now 2\); .*--force"):
        check_vacant(layout, replace(OPTIONS, seed=2))


def test_unknown_origin_is_refused(tmp_path):
    layout = finish(plan_layout(OPTIONS, tmp_path))
    layout.truth.json.unlink()
    with pytest.raises(ConfigurationError, match=r"SB080.*--force"):
        check_vacant(layout, OPTIONS)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"options": 1', "\x00"])
def test_damaged_record_is_refused_and_can_be_forced(tmp_path, text):
    layout = finish(plan_layout(OPTIONS, tmp_path))
    layout.truth.json.write_text(text)
    with pytest.raises(ConfigurationError, match="--force"):
        check_vacant(layout, OPTIONS)
    clear(layout, "L7")
    assert list(tmp_path.iterdir()) == []


def test_clear_removes_only_what_the_record_names(tmp_path):
    more = replace(OPTIONS, subbands=4)
    finish(plan_layout(more, tmp_path / "disk"), more)
    foreign = [tmp_path / "disk" / "L8_SAP000_SB080_uv.MS", tmp_path / "elsewhere" / "L7_SAP000_SB080_uv.MS"]
    precious = tmp_path / "disk" / "thesis"
    for path in (*foreign, precious):
        path.mkdir(parents=True)
    layout = plan_layout(OPTIONS, tmp_path / "disk")
    record = json.loads(layout.truth.json.read_text())
    record["subbands"] += [{"path": str(path)} for path in (*foreign, precious)] + [{}, 3]
    layout.truth.json.write_text(json.dumps(record))
    clear(layout, "L7")
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == [foreign[0].name, "thesis"]
    assert foreign[1].exists()


def test_one_writer_at_a_time(tmp_path):
    with (
        only_writer(tmp_path),
        pytest.raises(ConfigurationError, match="another simulation"),
        only_writer(tmp_path),
    ):
        pass
    with only_writer(tmp_path):
        pass
