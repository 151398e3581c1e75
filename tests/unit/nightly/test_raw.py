"""Whether raw data are complete."""

import pytest

from sip_luigi.nightly.raw import gather, read_expected, why_not_yet

NOW_S = 1_000_000


def answer(*entries):
    """What a node says: (obs_id, number of subband, age in s)."""
    found = {}
    for obs_id, number, age_s in entries:
        path = f"/data/{obs_id}_SAP000_SB{number:03d}_uv.MS"
        entry = {"path": path, "n_files": 3, "size_bytes": 10, "newest_ns": int((NOW_S - age_s) * 1e9)}
        found.setdefault(obs_id, []).append(entry)
    return {"observations": found, "now_ns": int(NOW_S * 1e9)}


def one(*ages_s):
    return gather({"lse001": answer(*(("L1", number, age) for number, age in enumerate(ages_s)))})["L1"]


def test_nodes_are_put_together():
    found = gather(
        {
            "lse001": answer(("L1", 0, 50), ("L2", 0, 10)),
            "lse002": answer(("L1", 1, 20), ("L1", 0, 30), ("X", 0, 1)),
        },
        "L1 L2*",
    )
    assert set(found) == {"L1", "L2"}
    assert found["L1"].nodes == {"lse001", "lse002"}
    assert len(found["L1"].subbands) == 2
    assert found["L1"].age_s == 20
    assert found["L1"].began_ns < found["L2"].began_ns


def test_the_fingerprint_is_that_of_the_data():
    assert one(5, 6).fingerprint == one(5, 6).fingerprint
    assert len({one(5, 6).fingerprint, one(5, 7).fingerprint, one(5).fingerprint}) == 3
    here, there = (gather({node: answer(("L1", 0, 5))})["L1"] for node in ("lse001", "lse002"))
    assert here.fingerprint == there.fingerprint


@pytest.mark.parametrize(
    ("ages_s", "expected", "reason"),
    [
        ((100, 100), 0, ""),
        ((100, 100), 2, ""),
        ((100, 100, 100), 2, ""),
        ((100, 59), 0, "changed 59 s ago"),
        ((100, 60), 0, ""),
        ((100, 100), 3, "2 of 3 subbands are there"),
        ((100, -3), 0, "changed 0 s ago"),
        ((100, -3600), 0, "its files are 3600 s newer than the clock of lse001"),
    ],
)
def test_what_it_waits_for(ages_s, expected, reason):
    assert why_not_yet(one(*ages_s), expected, settle_s=60, seen_before=None) == reason


def test_where_no_clock_can_be_believed_a_night_without_change_has_to_do():
    observation = one(100, -3600)
    assert why_not_yet(observation, 0, 60, seen_before=observation.fingerprint) == ""
    assert why_not_yet(observation, 0, 60, seen_before=one(100, -3599).fingerprint)


def test_an_empty_measurementset():
    said = answer(("L1", 0, 100))
    said["observations"]["L1"][0]["n_files"] = 0
    assert "empty" in why_not_yet(gather({"lse001": said})["L1"], 0, 60, None)


def test_numbers_of_subbands():
    assert read_expected(["# ours", "L1 244", " L2\t488  # both beams", ""]) == {"L1": 244, "L2": 488}
    for line in ("L1", "L1 many", "L1 2 3"):
        with pytest.raises(ValueError, match=line):
            read_expected([line])
