"""Where subbands go, and that they stay there."""

from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain.observation import Subband
from sip_luigi.domain.placement import ComputeNode, Place, lost_locality, place_subbands

GB = 10**9


def subbands(number, node="lse001", size=GB):
    return [Subband(f"SAP000_SB{n:03d}", node, f"/data/SB{n}", size_bytes=size) for n in range(number)]


def nodes(*cores, free=10**12):
    return [ComputeNode(f"lce{n:03d}", count, free) for n, count in enumerate(cores, start=1)]


def per_node(places):
    counts = {}
    for place in places.values():
        counts[place.node] = counts.get(place.node, 0) + 1
    return counts


def test_data_on_a_compute_node_are_processed_there():
    places = place_subbands(subbands(4, node="lce002"), nodes(8, 1), {})
    assert per_node(places) == {"lce002": 4}
    assert "lie there" in places["SAP000_SB000"].reason


def test_others_are_balanced_by_cores():
    assert per_node(place_subbands(subbands(12), nodes(4, 4, 4), {})) == {
        "lce001": 4,
        "lce002": 4,
        "lce003": 4,
    }
    assert per_node(place_subbands(subbands(12), nodes(8, 4), {})) == {"lce001": 8, "lce002": 4}


def test_a_node_without_room_is_left_out_and_said_so():
    small = [ComputeNode("lce001", 8, 3 * GB), ComputeNode("lce002", 2, 10**12)]
    places = place_subbands(subbands(6), small, {})
    assert per_node(places) == {"lce001": 1, "lce002": 5}
    assert "1 nodes have no room" in places["SAP000_SB005"].reason
    full = place_subbands(subbands(2), nodes(4, 4, free=GB), {})
    assert all("no node has 2.50 GB free" in place.reason for place in full.values())
    nearly = [ComputeNode("lce001", 8, GB), ComputeNode("lce002", 1, 2 * GB)]
    assert per_node(place_subbands(subbands(1), nearly, {})) == {"lce002": 1}, "most room"


def test_what_has_a_place_keeps_it():
    kept = {"SAP000_SB001": Place("lce003", "as before")}
    places = place_subbands(subbands(3), nodes(1, 1, 1), kept)
    assert places["SAP000_SB001"] == kept["SAP000_SB001"]
    assert per_node(places) == {"lce001": 1, "lce002": 1, "lce003": 1}


def test_lost_locality_is_told():
    places = {"SAP000_SB000": Place("lce001", ""), "SAP000_SB001": Place("lce002", "")}
    found = [*subbands(1, node="lce002"), Subband("SAP000_SB001", "lse001", "/x")]
    assert lost_locality(places, found, ["lce001", "lce002"]) == ["SAP000_SB000"]


@given(
    st.integers(1, 40),
    st.lists(st.integers(1, 64), min_size=1, max_size=6),
    st.integers(0, 39),
)
def test_the_same_every_time_and_every_subband_once(number, cores, kept):
    found = subbands(number)
    places = place_subbands(found, nodes(*cores), {})
    assert set(places) == {subband.name for subband in found}
    # Whatever part of it is known already, the rest comes out the same.
    part = dict(list(places.items())[: kept % number])
    assert place_subbands(found, nodes(*cores), part) == places
    loads = per_node(places)
    shares = [loads.get(node.name, 0) / node.cores for node in nodes(*cores)]
    assert max(shares) - min(shares) <= 1.0 / min(cores) + 1e-9


def test_a_mounted_disk_comes_before_a_free_core():
    far, near = ComputeNode("lce001", 64, 10**12), ComputeNode("lce002", 1, 6 * GB, frozenset({"lse001"}))
    places = place_subbands(subbands(3), [far, near], {})
    assert per_node(places) == {"lce002": 2, "lce001": 1}, "as long as there is room"
    assert places["SAP000_SB000"].reason.startswith("the disk of lse001 is mounted there; least loaded: 0 ")
    assert "mounted" not in places["SAP000_SB002"].reason
    assert per_node(place_subbands(subbands(3, node="lse002"), [far, near], {})) == {"lce001": 3}


NAMES = [f"lce{number:03d}" for number in range(1, 5)]
SUBBANDS = st.lists(st.sampled_from([*NAMES, "lse001", "lse002"]), min_size=1, max_size=20).map(
    lambda where: [Subband(f"SAP000_SB{n:03d}", node, "/data", size_bytes=GB) for n, node in enumerate(where)]
)
KEPT = st.dictionaries(
    st.integers(0, 19).map("SAP000_SB{:03d}".format),
    st.sampled_from([*NAMES, "lce999"]).map(lambda name: Place(name, "as before")),
)
NODES = st.lists(
    st.builds(
        ComputeNode,
        st.sampled_from(NAMES),
        st.integers(1, 64),
        st.integers(0, 30 * GB),
        st.frozensets(st.sampled_from(["lse001", "lse002"])),
    ),
    min_size=1,
    unique_by=lambda node: node.name,
)


@given(SUBBANDS, NODES, KEPT)
def test_what_holds_of_every_placement(found, takers, kept):
    places = place_subbands(found, takers, kept)
    assert set(places) == {subband.name for subband in found}
    assert place_subbands(found, takers, kept) == places, "the same every time"
    assert place_subbands(found, takers, places) == places, "and on every later run"
    names = {node.name for node in takers}
    for subband in found:
        if subband.name in kept:
            assert places[subband.name] is kept[subband.name], "nothing is moved"
        elif subband.node in names:
            assert places[subband.name].node == subband.node, "locality comes first"
        else:
            assert places[subband.name].node in names


@given(SUBBANDS, NODES, KEPT)
def test_no_disk_is_filled_while_another_has_room(found, takers, kept):
    places = place_subbands(found, takers, kept)
    room = {node.name: float(node.free_bytes) for node in takers}
    for subband in found:
        if subband.name not in kept:
            node, need = places[subband.name].node, 2.5 * subband.size_bytes
            fits = {name for name in room if room[name] >= need}
            most = max(room, key=room.__getitem__)
            assert node == subband.node or (node in fits if fits else room[node] == room[most])
            room[node] -= need


@given(st.lists(st.sampled_from(["lce001", "lce002"]), max_size=20), st.integers(1, 20))
def test_new_ones_make_up_for_what_nodes_have_already(given, number):
    kept = {f"SAP000_SB{n:03d}": Place(node, "") for n, node in enumerate(given)}
    loads = per_node(place_subbands(subbands(len(kept) + number), nodes(4, 4), kept))
    before = per_node(kept)
    skew = abs(before.get("lce001", 0) - before.get("lce002", 0))
    after = abs(loads.get("lce001", 0) - loads.get("lce002", 0))
    assert after <= max(1, skew - number)
