"""Nodes that fail again and again."""

from sip_luigi.domain.product import Loss
from sip_luigi.nightly.quarantine import count, failed_nodes, to_quarantine

NODES = ["lce001", "lce002", "lce003", "lce004"]


def test_what_a_node_is_blamed_for():
    places = {"SB0": "lce001", "SB1": "lce002", "SB2": "lce003", "SB3": "lce004"}
    losses = {
        "SB0": Loss("calibrate", "crashed", "bug"),
        "SB1": Loss("preprocess", "all flagged", "data"),
        "SB2": Loss("describe", "cannot be read", "bug"),
        "image_band.cycle0": Loss("image_band", "crashed", "bug"),
    }
    assert failed_nodes(places, losses, {}) == {"lce001": "SB0 lost in calibrate: crashed"}
    assert failed_nodes(places, losses, {"lce004": "no answer"}).keys() == {"lce001", "lce004"}


def test_one_after_the_other():
    counts = {}
    for failed in ({"lce001"}, {"lce001", "lce002"}, {"lce001"}):
        counts = count(counts, NODES, failed)
    assert counts == {"lce001": 3}, "lce002 has worked since"
    assert count(counts, ["lce002"], []) == counts, "it has not been used"
    assert count(counts, ["lce001"], []) == {}


def test_where_all_fail_it_is_not_the_nodes():
    assert count({"lce001": 2}, NODES, NODES) == {"lce001": 2}
    assert count({}, [], ["lce001"]) == {}


def test_half_of_the_nodes_stay():
    counts = {"lce001": 3, "lce002": 5, "lce003": 2}
    assert to_quarantine(counts, 3, NODES, 4) == ["lce002", "lce001"]
    assert to_quarantine(counts, 3, NODES[:3], 4) == ["lce002"]
    assert to_quarantine(counts, 3, NODES[:2], 4) == []
    assert to_quarantine(counts, 0, NODES, 4) == []
    assert to_quarantine({"lce001": 9}, 3, ["lce001"], 1) == []
