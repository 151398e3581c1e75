"""What is found on the disks of a node."""

import os
import time

import pytest

from sip_luigi.node.observations import find_observations, name_pattern

PATTERN = "{obs_id}_SAP*_SB*_uv.MS"


def raw(folder, name, content="data", age_s=0.0):
    path = folder / name
    path.mkdir(parents=True)
    (path / "table.dat").write_text(content)
    moment = time.time() - age_s
    os.utime(path / "table.dat", (moment, moment))
    return path


def test_side_by_side_and_in_directories_of_their_own(tmp_path):
    raw(tmp_path / "d1", "L1_SAP000_SB000_uv.MS", "12345")
    raw(tmp_path / "d1" / "L2", "L2_SAP000_SB001_uv.MS")
    raw(
        tmp_path / "d1" / "L2", "L3_SAP000_SB001_uv.MS"
    )  # in the directory of another one: the pipeline finds it nowhere
    raw(tmp_path / "d2", "L1_SAP000_SB002_uv.MS")
    raw(tmp_path / "d1", "notes")
    (tmp_path / "d1" / "a file").write_text("")
    disks = [str(tmp_path / name) for name in ("d1", "d2", "missing")]
    answer = find_observations({"directories": disks, "pattern": PATTERN})
    found = {
        obs_id: [entry["path"].removeprefix(f"{tmp_path}/") for entry in entries]
        for obs_id, entries in answer["observations"].items()
    }
    assert found == {
        "L1": ["d1/L1_SAP000_SB000_uv.MS", "d2/L1_SAP000_SB002_uv.MS"],
        "L2": ["d1/L2/L2_SAP000_SB001_uv.MS"],
    }
    first = answer["observations"]["L1"][0]
    assert (first["n_files"], first["size_bytes"]) == (1, 5)
    assert answer["now_ns"] >= first["newest_ns"]
    assert {disk: state["there"] for disk, state in answer["disks"].items()} == dict(
        zip(disks, (True, True, False), strict=True)
    )


@pytest.mark.parametrize(
    ("name", "obs_id"),
    [
        ("L102085_SAP000_SB080_uv.MS", "L102085"),
        ("a_SAP1_SAP000_SB080_uv.MS", "a"),
        ("_SAP000_SB080_uv.MS", None),
        ("-x_SAP000_SB080_uv.MS", None),
        ("L1 2_SAP000_SB080_uv.MS", None),
        ("L1_SAP000_SB080_uv.MS.tar", None),
    ],
)
def test_ids_of_names(name, obs_id):
    match = name_pattern(PATTERN).fullmatch(name)
    assert (match and match["obs_id"]) == obs_id


def test_the_id_twice():
    matches = name_pattern("{obs_id}/x_{obs_id}_SB*.MS").fullmatch
    assert matches("L1/x_L1_SB0.MS")["obs_id"] == "L1"
    assert not matches("L1/x_L2_SB0.MS")
