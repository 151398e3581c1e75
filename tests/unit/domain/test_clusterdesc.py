from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.domain import clusterdesc
from sip_luigi.domain.clusterdesc import (
    ClusterDesc,
    Mount,
    Node,
    NodeType,
    canonical_filesystem,
    match_filesystem,
    parse,
    read_clusterdesc,
)
from sip_luigi.domain.errors import ParsetError

SUB3 = """\
ClusterName = sub3
Storage.Nodes = [ lse007..9 ]
Storage.LocalDisks = [ /data1..4 ]
Compute.Nodes = [ lce019..20 ]
Compute.RemoteDisks = [ /net/sub1/lse007..9/data1..4 ]
Compute.RemoteFileSys = [ /lse007..9:/data1..4 ]
Compute.LocalDisks = [ /data ]
Head.Nodes = [ lfe001..2 ]
"""


def files(**texts: str) -> Callable[[Path], str]:
    """Read from memory: ``sub1="…"`` is ``/c/sub1.clusterdesc``."""

    def read(path: Path) -> str:
        try:
            return texts[path.name.removesuffix(".clusterdesc")]
        except KeyError:
            raise FileNotFoundError(f"no such file: {path}") from None

    return read


def names(nodes: tuple[Node, ...]) -> str:
    return " ".join(node.name for node in nodes)


def test_sections() -> None:
    desc = parse(SUB3, "sub3.clusterdesc")
    assert desc.name == "sub3"
    assert desc.path == Path("sub3.clusterdesc")
    assert names(desc.storage) == "lse007 lse008 lse009"
    assert names(desc.compute) == "lce019 lce020"
    assert names(desc.head) == "lfe001 lfe002"
    assert desc.storage[0] == Node("lse007", "Storage", ("/data1", "/data2", "/data3", "/data4"))
    assert desc.node("lce019").local_disks == ("/data",)
    assert desc.node("lce019").remote_disks[4] == "/net/sub1/lse008/data1"
    assert desc.node("lce019").remote_filesystems[4] == "/lse008:/data1"


def test_bare_nodes_count_for_every_role() -> None:
    desc = parse("ClusterName = c\nNodes = [n1..2]\nLocalDisks = [/data]\n", "c")
    assert (
        desc.storage
        == desc.compute
        == desc.head
        == (Node("n1", "Any", ("/data",)), Node("n2", "Any", ("/data",)))
    )


def test_bare_nodes_and_sections_may_stand_together() -> None:
    desc = parse("ClusterName = c\nNodes = [n1]\nHead.Nodes = [h]\n", "c")
    assert names(desc.head) == "h n1"
    assert names(desc.compute) == "n1"


def test_a_list_of_one_needs_no_brackets() -> None:
    assert parse("ClusterName = c\nNodes = n1\nLocalDisks = /data\n", "c").nodes == (
        Node("n1", "Any", ("/data",)),
    )


def test_numbered_nodes() -> None:
    desc = parse(
        """
        ClusterName = c
        NNodes = 3
        Node0.NodeName = lse007
        Node0.NodeType = storage
        Node0.NodeMountPoints = [/data1..2]
        Node0.NodeFileSys = [lse007:/data1..2]
        Node1.NodeName = lce019
        Node1.NodeType = Compute
        Node1.NodeMountPoints = [/data, /net/lse007/data1]
        Node1.NodeFileSys = [lce019:/data, /lse007:/data1]
        Node2.NodeName = lfe001
        Node2.NodeType = Head
        """,
        "c",
    )
    assert desc.storage == (Node("lse007", "Storage", ("/data1", "/data2")),)
    assert desc.compute == (
        Node("lce019", "Compute", ("/data",), ("/net/lse007/data1",), ("/lse007:/data1",)),
    )
    assert desc.head == (Node("lfe001", "Head"),)


def test_a_numbered_node_without_type_plays_every_role() -> None:
    desc = parse(
        "ClusterName=c\nNode0.NodeName=localhost\nNode0.NodeFileSys=/any\nNode0.NodeMountPoints=/", "c"
    )
    assert desc.nodes == (Node("localhost", "Any", ("/",)),)
    assert desc.head == desc.storage == desc.compute == desc.nodes


def test_one_machine_plays_three_roles_with_disks_of_its_own() -> None:
    desc = parse(
        "ClusterName = one\n"
        "Head.Nodes = [localhost]\nStorage.Nodes = [localhost]\nCompute.Nodes = [localhost]\n"
        "Storage.LocalDisks = [/raw]\nCompute.LocalDisks = [/work]\n"
        "Compute.RemoteDisks = [/raw]\nCompute.RemoteFileSys = [/localhost:/raw]\n",
        "one",
    )
    assert desc.head == (Node("localhost", "Head"),)
    assert desc.storage == (Node("localhost", "Storage", ("/raw",)),)
    assert desc.compute == (Node("localhost", "Compute", ("/work",), ("/raw",), ("/localhost:/raw",)),)
    assert desc.names == ("localhost",)
    assert desc.node("localhost") == Node(
        "localhost", "Any", ("/raw", "/work"), ("/raw",), ("/localhost:/raw",)
    )


def test_one_node_has_its_own_disks() -> None:
    desc = parse(
        SUB3 + "Storage.LocalDisks.lse008 = [/big]\n"
        "Compute.RemoteDisks.lce020 = [/mnt/a]\nCompute.RemoteFileSys.lce020 = [/lse007:/data1]\n"
        "Compute.RemoteDisks.lce019 = [/mnt/b]\n",
        "c",
    )
    assert [node.local_disks for node in desc.storage][1:] == [
        ("/big",),
        ("/data1", "/data2", "/data3", "/data4"),
    ]
    assert desc.node("lce020").remote_filesystems == ("/lse007:/data1",)
    assert (desc.node("lce019").remote_disks, desc.node("lce019").remote_filesystems) == (
        ("/mnt/b",),
        ("/mnt/b",),
    )


def test_own_disks_of_a_bare_node_with_a_dotted_name() -> None:
    desc = parse("ClusterName=c\nNodes=[a.b.nl,c]\nLocalDisks=[/x]\nLocalDisks.a.b.nl=[/y]", "c")
    assert [node.local_disks for node in desc.nodes] == [("/y",), ("/x",)]


def test_remote_disks_name_their_file_systems_when_none_are_given() -> None:
    desc = parse("ClusterName=c\nNodes=[a]\nRemoteDisks=[/net/x1..2]\nRemoteFileSys=[]", "c")
    assert desc.nodes[0].remote_filesystems == ("/net/x1", "/net/x2")


def test_subclusters_come_from_the_folder_of_the_parent() -> None:
    seen: list[Path] = []

    def read(path: Path) -> str:
        seen.append(path)
        return f"ClusterName = {path.stem}\nStorage.Nodes = [{path.stem}]\nStorage.LocalDisks=[/d]"

    desc = parse(
        "ClusterName = all\nSubClusters = [sub1..2.clusterdesc, /abs/x.clusterdesc, ../y.z]", "/c/d/all", read
    )
    assert [str(path) for path in seen] == [
        "/c/d/sub1.clusterdesc",
        "/c/d/sub2.clusterdesc",
        "/abs/x.clusterdesc",
        "/c/y.z",
    ]
    assert names(desc.nodes) == "sub1 sub2 x y"


def test_first_definition_of_a_node_counts_with_all_its_roles() -> None:
    one = "ClusterName=a\nHead.Nodes=[h]\nHead.LocalDisks=[/one]\nStorage.Nodes=[h]\nStorage.LocalDisks=[/s]"
    two = "ClusterName=b\nHead.Nodes=[h,g]\nHead.LocalDisks=[/two]\nCompute.Nodes=[h]"
    desc = parse(
        "ClusterName=c\nSubClusters=[one.clusterdesc,two.clusterdesc]", "/c/c", files(one=one, two=two)
    )
    assert desc.nodes == (
        Node("h", "Head", ("/one",)),
        Node("g", "Head", ("/two",)),
        Node("h", "Storage", ("/s",)),
    )


def test_a_subcluster_may_be_reached_twice() -> None:
    texts = files(
        b="ClusterName=b\nSubClusters=[d.clusterdesc]",
        c="ClusterName=c\nSubClusters=[./d.clusterdesc]",
        d="ClusterName=d\nNodes=[n]",
    )
    desc = parse("ClusterName=a\nSubClusters=[b.clusterdesc,c.clusterdesc]", "/c/a.clusterdesc", texts)
    assert desc.nodes == (Node("n"),)


def test_cycle_is_refused() -> None:
    texts = files(b="ClusterName=b\nSubClusters=[a.clusterdesc]")
    with pytest.raises(
        ParsetError, match=r"/c/b\.clusterdesc:2: SubClusters: /c/a\.clusterdesc contains itself"
    ):
        parse("ClusterName=a\nSubClusters=[b.clusterdesc]", "/c/a.clusterdesc", texts)


def test_endless_nesting_through_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to(".")
    (tmp_path / "a").write_text("ClusterName = a\nSubClusters = [self/a, self/self/a]\n")
    with pytest.raises(ParsetError, match="nested too deeply"):
        read_clusterdesc(tmp_path / "a")


@pytest.mark.parametrize("reader", [files(), None])
def test_missing_subcluster_is_named_with_its_parent(reader: Callable[[Path], str] | None) -> None:
    with pytest.raises(ParsetError, match=r"/c/a:2: SubClusters: .*cannot"):
        parse("ClusterName=a\nSubClusters=[b.clusterdesc]", "/c/a", reader)


def test_fault_in_a_subcluster_names_that_file() -> None:
    with pytest.raises(ParsetError, match=r"/c/b\.clusterdesc:2: Nodes: a\.\.b"):
        parse("ClusterName=a\nSubClusters=[b.clusterdesc]", "/c/a", files(b="ClusterName=b\nNodes=[a..b]"))


@pytest.mark.parametrize(
    ("text", "line", "key", "why"),
    [
        ("Nodes = [a]", None, "ClusterName", "missing"),
        ("ClusterName =\nNodes = [a]", 1, "ClusterName", "expected the name"),
        ("ClusterName = c", None, None, "expected nodes"),
        ("ClusterName = c\nNodes = []", None, None, "expected nodes"),
        ("ClusterName = c\nSubClusters = []", None, None, "expected nodes"),
        ("ClusterName = c\nNodes = a1..3", 2, "Nodes", "outside brackets"),
        ("ClusterName = c\nNodes = [lse007..lfe009]", 2, "Nodes", "looks like a range"),
        ("ClusterName = c\nNodes = [a, b", 2, "Nodes", "is missing"),
        (
            "ClusterName = c\nNodes = [a]\nLocaldisks = [/d]",
            3,
            "Localdisks",
            "unknown key; is 'LocalDisks' meant",
        ),
        ("ClusterNam = c\nNodes = [a]", 1, "ClusterNam", "is 'ClusterName' meant"),
        ("ClusterName = c\nStorage.Node = [a]", 2, "Storage.Node", "is 'Storage.Nodes' meant"),
        ("ClusterName = c\nAny.Nodes = [a]", 2, "Any.Nodes", "unknown key"),
        ("ClusterName = c\nNodes = [a]\nNodes.a = [b]", 3, "Nodes.a", "unknown key"),
        ("ClusterName = c\nNode0.Name = a", 2, "Node0.Name", "is 'Node0.NodeName' meant"),
        (
            "ClusterName = c\nStorage.LocalDisks = [/d]",
            2,
            "Storage.LocalDisks",
            "expected a list Storage.Nodes",
        ),
        ("ClusterName = c\nHead.Nodes = [a]\nLocalDisks = [/d]", 3, "LocalDisks", "expected a list Nodes"),
        ("ClusterName = c\nNodes = [lse1]\nLocalDisks.lse2 = /d", 3, "LocalDisks.lse2", "is 'lse1' meant"),
        ("ClusterName = c\nNodes = [a]\nLocalDisks = [data]", 3, "LocalDisks", "absolute"),
        ("ClusterName = c\nNodes = [a]\nLocalDisks = ['']", 3, "LocalDisks", "absolute"),
        ("ClusterName = c\nNodes = [a]\nLocalDisks = [/d/../etc]", 3, "LocalDisks", "absolute"),
        ("ClusterName = c\nNodes = [a]\nLocalDisks = [/d\x07]", 3, "LocalDisks", "absolute"),
        ("ClusterName = c\nNodes = [a]\nRemoteDisks = [d]", 3, "RemoteDisks", "absolute"),
        ("ClusterName = c\nNodes = [a]\nLocalDisks = [/d,/d/]", 3, "LocalDisks", "twice"),
        (
            "ClusterName = c\nNodes = [a]\nRemoteDisks = [/d]\nRemoteFileSys = [/a:/d,/b:/d]",
            4,
            "RemoteFileSys",
            "1; found 2",
        ),
        ("ClusterName = c\nNodes = [a]\nRemoteFileSys = [/a:/d]", 3, "RemoteFileSys", "to go with it"),
        (
            "ClusterName = c\nNodes = [a]\nRemoteDisks=[/d]\nRemoteFileSys.a = [/a:/d]",
            4,
            "RemoteFileSys.a",
            "to go with",
        ),
        (
            "ClusterName = c\nNodes = [a]\nRemoteDisks.a=[/d]\nRemoteFileSys.a = [/a:/d,/x]",
            4,
            "RemoteFileSys.a",
            "1; found 2",
        ),
        ("ClusterName = c\nNodes = [a,a]", 2, "Nodes", "role twice"),
        ("ClusterName = c\nStorage.Nodes = [a,b,a]", 2, "Storage.Nodes", "role twice: Storage, Storage"),
        ("ClusterName = c\nHead.Nodes = [a]\nNodes = [a]", 3, "Nodes", "role twice: Head, Any"),
        ("ClusterName = c\nSubClusters = [x]\nHead.Nodes = [a]", 3, "Head.Nodes", "one form"),
        ("ClusterName = c\nNodes = [a]\nNode0.NodeName = a", 3, "Node0.NodeName", "one form"),
        ("ClusterName = c\nNNodes = 2\nNodes = [a]", 2, "NNodes", "expected the number of nodes, 1"),
        ("ClusterName = c\nNode0.NodeName = a\nNode2.NodeName = b", 3, "Node2.NodeName", "Node1 is missing"),
        ("ClusterName = c\nNode1.NodeName = b", 2, "Node1.NodeName", "Node0 is missing"),
        ("ClusterName = c\nNode0.NodeType = Any", None, "Node0.NodeName", "missing"),
        (
            "ClusterName = c\nNode0.NodeName = a\nNode0.NodeType = disk",
            3,
            "Node0.NodeType",
            "expected one of Head",
        ),
        (
            "ClusterName = c\nNode0.NodeName = a\nNode0.NodeMountPoints=[/a,/b]\nNode0.NodeFileSys=/x",
            4,
            "Node0.NodeFileSys",
            "2; found 1",
        ),
        ("ClusterName = c\nNode0.NodeName = a\nNode1.NodeName = a", None, None, "role twice"),
    ],
)
def test_refuses(text: str, line: int | None, key: str | None, why: str) -> None:
    with pytest.raises(ParsetError) as caught:
        parse(text, "f.clusterdesc", files())
    assert why in str(caught.value)
    assert (caught.value.line, caught.value.key) == (line, key)
    assert str(caught.value.path) == "f.clusterdesc"


@pytest.mark.parametrize(
    "name",
    [
        *(
            "-oProxyCommand=x",
            "-a",
            "a-",
            "a b",
            "a;b",
            "$(reboot)",
            "a|b",
            "a\tb",
            "../a",
            "a/b",
            "a:b",
            "user@a",
        ),
        *("a..b", ".a", "a.", "", "ä", "a" * 64, "a." * 130 + "a", "*", "~", "_a"),
    ],
)
def test_refuses_names_that_are_no_host(name: str) -> None:
    for key, text in {
        "Nodes": f"Nodes = [ok,'{name}']",
        "Node0.NodeName": f"Node0.NodeName = '{name}'",
    }.items():
        with pytest.raises(ParsetError) as caught:
            parse(f"ClusterName = c\n{text}", "f")
        assert (caught.value.line, caught.value.key) == (2, key)
        assert "is no host name" in str(caught.value)


@pytest.mark.parametrize(
    "name", ["localhost", "lse007", "a", "10.0.0.1", "node-1.cluster.nl", "gpu_2", "A" * 63, "3c295"]
)
def test_accepts_host_names(name: str) -> None:
    assert parse(f"ClusterName = c\nNodes = [{name}]", "f").names == (name,)


def test_unknown_node_is_refused_with_the_nearest() -> None:
    with pytest.raises(ParsetError, match="no node 'lse07'; is 'lse007' meant"):
        parse(SUB3, "f").node("lse07")


@pytest.mark.parametrize("filesys", ["lse008:/data1", "/lse008:/data1", "/lse008:/data1/"])
def test_both_spellings_of_a_file_system_match(filesys: str) -> None:
    desc = parse(SUB3, "f")
    disk = "/net/sub1/lse008/data1"
    assert match_filesystem(filesys, desc) == (
        Mount(desc.node("lse008"), "/data1", local=True),
        Mount(desc.node("lce019"), disk, local=False),
        Mount(desc.node("lce020"), disk, local=False),
    )


@pytest.mark.parametrize(
    "filesys", ["lse001:/data1", "lse008:/data9", "/data1", "", "unknown", "lse008:data1"]
)
def test_file_systems_that_nobody_sees_match_nothing(filesys: str) -> None:
    assert match_filesystem(filesys, parse(SUB3, "f")) == ()


def test_spelling_of_remote_file_systems_does_not_matter_either() -> None:
    desc = parse(
        "ClusterName=c\nCompute.Nodes=[a]\nCompute.RemoteDisks=[/n]\nCompute.RemoteFileSys=[s1:/d]", "f"
    )
    assert match_filesystem("/s1:/d", desc) == (Mount(desc.nodes[0], "/n", local=False),)
    assert canonical_filesystem("/s1:/d//x/") == "s1:/d/x"


def test_reads_the_observatorys_files(real_data: Path) -> None:
    full = read_clusterdesc(real_data / "clusterdesc" / "full.clusterdesc")
    assert (len(full.storage), len(full.compute), len(full.head)) == (24, 72, 2)
    assert full.storage[-1] == Node("lse024", "Storage", ("/data1", "/data2", "/data3", "/data4"))
    assert full.compute[-1].name == "lce072"
    assert len(match_filesystem("lse007:/data1", full)) == 1 + 9
    imaging = read_clusterdesc(str(real_data / "clusterdesc" / "imaging.clusterdesc"))
    assert names(imaging.compute) == " ".join(f"lce{number:03d}" for number in range(19, 28))
    local = read_clusterdesc(real_data / "clusterdesc" / "local.clusterdesc")
    assert local.nodes == (Node("localhost", "Any", ("/",)),)


def test_unreadable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ParsetError, match="cannot read this clusterdesc"):
        read_clusterdesc(tmp_path / "missing")
    with pytest.raises(ParsetError, match="cannot read this clusterdesc"):
        read_clusterdesc(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ParsetError, match="cannot read this clusterdesc"):
        read_clusterdesc(tmp_path / "binary")
    (tmp_path / "long").write_text("#" * (clusterdesc.MAX_BYTES + 1))
    with pytest.raises(ParsetError, match="longer than"):
        read_clusterdesc(tmp_path / "long")


def test_every_truncation_is_refused_or_gives_fewer_nodes() -> None:
    whole = {(node.type, node.name) for node in parse(SUB3, "f").nodes}
    for length in range(len(SUB3)):
        try:
            nodes = parse(SUB3[:length], "f").nodes
        except ParsetError:
            continue
        assert {(node.type, node.name) for node in nodes} <= whole


disks = st.lists(st.from_regex(r"/[a-z0-9 .,=#]{1,6}[a-z]", fullmatch=True), max_size=3, unique=True).map(
    tuple
)
hosts = st.from_regex(r"[a-z][a-z0-9-]{0,4}[a-z0-9](\.[a-z]{1,3})?", fullmatch=True)


@st.composite
def role(draw: st.DrawFn, kind: NodeType) -> list[Node]:
    nodes = []
    for name in draw(st.lists(hosts, max_size=3, unique=True)):
        remote = draw(disks)
        nodes.append(
            Node(name, kind, draw(disks), remote, tuple(f"/x{n}:{disk}" for n, disk in enumerate(remote)))
        )
    return nodes


clusters = st.builds(
    lambda *roles: ClusterDesc("c", tuple(node for nodes in roles for node in nodes)),
    role("Head"),
    role("Storage"),
    role("Compute"),
).filter(lambda desc: desc.nodes)


@given(clusters)
def test_round_trip(desc: ClusterDesc) -> None:
    assert parse(desc.text(), "c") == desc


@given(role("Any").filter(bool))
def test_round_trip_of_bare_nodes(nodes: list[Node]) -> None:
    desc = ClusterDesc("a b", tuple(nodes))
    assert parse(desc.text(), "c") == desc
