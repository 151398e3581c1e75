"""Cluster descriptions: which nodes there are, what they do and which disks they see.

A clusterdesc is a LOFAR parset in one of three forms, or a list of others::

    Storage.Nodes = [ lse007..9 ]         sections Head, Storage, Compute, with LocalDisks, RemoteDisks,
    Storage.LocalDisks = [ /data1..4 ]    RemoteFileSys and, for one node, LocalDisks.lse008 and so on
    Nodes = [ n1..4 ]                     the same without a section: nodes for every role
    Node0.NodeName = localhost            node by node: NodeType, NodeMountPoints, NodeFileSys
    SubClusters = [ sub1..8.clusterdesc ] relative to the folder of this file

Everything that cannot be meant is refused with file, line and key; the observatory's parser passes over it.
"""

from __future__ import annotations

import difflib
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias, get_args

from sip_luigi.domain.errors import ParsetError
from sip_luigi.domain.parset import Parset

NodeType: TypeAlias = Literal["Head", "Storage", "Compute", "Any"]
NODE_TYPES: tuple[NodeType, ...] = get_args(NodeType)
MAX_BYTES = 1_000_000
"""No clusterdesc is longer; what is, was not meant as one."""
MAX_DEPTH, MAX_FILES = 16, 1000
"""Bounds on subclusters, which symbolic links can nest without end."""

_HOSTNAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9]([\w-]{0,61}\w)?(\.[A-Za-z0-9]([\w-]{0,61}\w)?)*", re.ASCII)
_FILESYSTEM = re.compile(r"/?([^/:]+):(/.*)")
_NODE_KEY = re.compile(r"Node(0|[1-9][0-9]{0,5})\.(\w+)", re.ASCII)
_HEAD_KEYS = ("ClusterName", "SubClusters", "NNodes")
_SECTION_KEYS = ("Nodes", "LocalDisks", "RemoteDisks", "RemoteFileSys")
_NODE_KEYS = ("NodeName", "NodeType", "NodeMountPoints", "NodeFileSys")


@dataclass(frozen=True)
class Node:
    """A node in one of its roles.

    Attributes
    ----------
    name : str
        Host name.
    type : {"Head", "Storage", "Compute", "Any"}
        Its role; ``Any`` stands for all.
    local_disks : tuple of str
        Absolute paths of its own disks.
    remote_disks : tuple of str
        Absolute paths where it sees disks of other nodes.
    remote_filesystems : tuple of str
        The file system behind each remote disk, such as ``/lse007:/data1``.
    """

    name: str
    type: NodeType = "Any"
    local_disks: tuple[str, ...] = ()
    remote_disks: tuple[str, ...] = ()
    remote_filesystems: tuple[str, ...] = ()


class Mount(NamedTuple):
    """A disk as one node sees it."""

    node: Node
    disk: str
    local: bool


@dataclass(frozen=True)
class ClusterDesc:
    """A cluster.

    Attributes
    ----------
    name : str
        ``ClusterName``.
    nodes : tuple of Node
        One entry for each role of each node: head, storage, compute nodes, then those of type ``Any``.
    path : Path or None
        Where it was read.
    """

    name: str
    nodes: tuple[Node, ...]
    path: Path | None = field(default=None, compare=False)

    @property
    def head(self) -> tuple[Node, ...]:
        """Nodes on which the pipeline itself runs."""
        return self._of_type("Head")

    @property
    def storage(self) -> tuple[Node, ...]:
        """Nodes that hold raw data on their local disks."""
        return self._of_type("Storage")

    @property
    def compute(self) -> tuple[Node, ...]:
        """Nodes on which programs run."""
        return self._of_type("Compute")

    @property
    def names(self) -> tuple[str, ...]:
        """Every node's name once."""
        return tuple(dict.fromkeys(node.name for node in self.nodes))

    def node(self, name: str) -> Node:
        """Find a node by name.

        A node of several roles is returned as one of type ``Any`` with the disks of all its roles.

        Raises
        ------
        ParsetError
            There is no node of this name.
        """
        roles = [node for node in self.nodes if node.name == name]
        if not roles:
            raise ParsetError(f"there is no node {name!r}{_nearest(name, self.names)}", path=self.path)
        return roles[0] if len(roles) == 1 else _merged(roles)

    def text(self) -> str:
        """Write the cluster as one clusterdesc without subclusters."""
        values: dict[str, str | list[str]] = {"ClusterName": self.name}
        for kind in NODE_TYPES:
            section = "" if kind == "Any" else f"{kind}."
            nodes = [node for node in self.nodes if node.type == kind]
            if nodes:
                values[f"{section}Nodes"] = [node.name for node in nodes]
            for node in nodes:
                disks = (node.local_disks, node.remote_disks, node.remote_filesystems)
                for key, value in zip(_SECTION_KEYS[1:], disks, strict=True):
                    if value:
                        values[f"{section}{key}.{node.name}"] = list(value)
        return Parset.from_mapping(values).text()

    def _of_type(self, kind: NodeType) -> tuple[Node, ...]:
        return tuple(node for node in self.nodes if node.type in (kind, "Any"))


def read_clusterdesc(path: Path | str) -> ClusterDesc:
    """Read a clusterdesc file and its subclusters; raises ParsetError, also when a file cannot be read."""
    path = Path(path).absolute()
    try:
        text = _read(path)
    except (OSError, ValueError) as error:
        raise ParsetError(f"cannot read this clusterdesc: {error}", path=path) from error
    return parse(text, path, _read)


def parse(text: str, path: Path | str, read: Callable[[Path], str] | None = None) -> ClusterDesc:
    """Understand the text of a clusterdesc.

    Parameters
    ----------
    text : str
        What the file holds.
    path : Path or str
        The file, for messages and as the place from which subclusters are found.
    read : callable, optional
        Gives the text of a subcluster's file; may raise OSError or ValueError.

    Returns
    -------
    ClusterDesc
        Of a node that several subclusters define, only the first definition, with all roles it has there.

    Raises
    ------
    ParsetError
        The text is no clusterdesc, or a subcluster cannot be read or contains itself.
    """
    return _Loader(read).load(text, Path(path), ())


def match_filesystem(filesys: str, desc: ClusterDesc) -> tuple[Mount, ...]:
    """Find where a file system is mounted, on its own node first.

    ``lse007:/data1`` and ``/lse007:/data1`` are the same file system.

    Parameters
    ----------
    filesys : str
        As in ``FileSys`` of a VDS or ``RemoteFileSys`` of a clusterdesc.
    desc : ClusterDesc
        The cluster.

    Returns
    -------
    tuple of Mount
        Empty when no node sees it: whoever wanted to work near the data must say so.
    """
    wanted = canonical_filesystem(filesys)
    local, remote = [], []
    for node in desc.nodes:
        own = [disk for disk in node.local_disks if canonical_filesystem(f"{node.name}:{disk}") == wanted]
        local += [Mount(node, disk, local=True) for disk in own]
        others = zip(node.remote_disks, node.remote_filesystems, strict=True)
        seen = [disk for disk, name in others if canonical_filesystem(name) == wanted]
        remote += [Mount(node, disk, local=False) for disk in seen]
    return (*local, *remote)


def canonical_filesystem(filesys: str) -> str:
    """Spell a file system ``lse007:/data1``, whichever way it was spelt; others stay as they are."""
    match = _FILESYSTEM.fullmatch(filesys)
    return f"{match[1]}:{posixpath.normpath(match[2])}" if match else filesys


def _read(path: Path) -> str:
    with path.open(encoding="utf-8") as stream:
        text = stream.read(MAX_BYTES + 1)
    if len(text) > MAX_BYTES:
        raise OSError(f"longer than {MAX_BYTES} characters")
    return text


class _Loader:
    """Reads a clusterdesc and its subclusters, each file once."""

    def __init__(self, read: Callable[[Path], str] | None) -> None:
        self.read = read
        self.loaded: dict[str, ClusterDesc] = {}

    def load(self, text: str, path: Path, chain: tuple[str, ...]) -> ClusterDesc:
        """Understand one file; `chain` are the files that led to it."""
        here = posixpath.normpath(path)
        parset = Parset.parse(text, path)
        form = _form_of(parset)
        name = parset["ClusterName"]
        if not name:
            raise parset.error("expected the name of the cluster", "ClusterName")
        if form == "SubClusters":
            nodes = self._subclusters(parset, path.parent, (*chain, here))
        elif form == "Node":
            nodes = _numbered_nodes(parset)
        else:
            nodes = [node for kind in NODE_TYPES for node in _section(parset, kind)]
        _check_nodes(parset, nodes)
        return ClusterDesc(name, tuple(sorted(nodes, key=lambda node: NODE_TYPES.index(node.type))), path)

    def _subclusters(self, parset: Parset, folder: Path, chain: tuple[str, ...]) -> list[Node]:
        nodes: list[Node] = []
        for name in parset.vector("SubClusters"):
            file = Path(posixpath.normpath(folder / name))
            if str(file) in chain:
                raise parset.error(f"{file} contains itself as a subcluster", "SubClusters")
            if len(chain) > MAX_DEPTH or len(self.loaded) > MAX_FILES:
                raise parset.error("too many subclusters, or nested too deeply", "SubClusters")
            if str(file) not in self.loaded:
                self.loaded[str(file)] = self.load(self._text(parset, file), file, chain)
            known = {node.name for node in nodes}
            nodes += [node for node in self.loaded[str(file)].nodes if node.name not in known]
        return nodes

    def _text(self, parset: Parset, file: Path) -> str:
        if self.read is None:
            raise parset.error("subclusters cannot be read from here", "SubClusters")
        try:
            return self.read(file)
        except (OSError, ValueError) as error:
            raise parset.error(f"cannot read the subcluster {file}: {error}", "SubClusters") from error


def _form_of(parset: Parset) -> str:
    """Refuse unknown keys and a mixture of forms; returns the form, as one of its words."""
    forms = {key: _form(key) for key in parset}
    for key, form in forms.items():
        if form is None:
            sections = [f"{kind}.{name}" for kind in NODE_TYPES[:3] for name in _SECTION_KEYS]
            known = (*_HEAD_KEYS, *_SECTION_KEYS, *sections, *(f"Node0.{name}" for name in _NODE_KEYS))
            raise parset.error(f"unknown key{_nearest(key, known)}", key)
    used = sorted({form for form in forms.values() if form})
    if len(used) > 1:
        key = next(key for key, form in forms.items() if form == used[0])
        raise parset.error(
            f"a clusterdesc has one form, but here are {' and '.join(used)} keys: split it", key
        )
    return used[0] if used else ""


def _form(key: str) -> str | None:
    """Say to which form a key belongs: empty for every form, None for an unknown key."""
    node_key = _NODE_KEY.fullmatch(key)
    if node_key:
        return "Node" if node_key[2] in _NODE_KEYS else None
    if key in _HEAD_KEYS:
        return "SubClusters" if key == "SubClusters" else ""
    section, dot, rest = key.partition(".")
    name, _, node = (rest if dot and section in NODE_TYPES[:3] else key).partition(".")
    return "Section" if name in _SECTION_KEYS and not (node and name == "Nodes") else None


def _section(parset: Parset, kind: NodeType) -> Iterator[Node]:
    """Make the nodes of one section; the bare keys are the section of type Any."""
    prefix = "" if kind == "Any" else f"{kind}."
    keys = parset.subset(prefix) if prefix else parset
    used = [key for key in keys if key.partition(".")[0] in _SECTION_KEYS]
    if not used:
        return
    if "Nodes" not in keys:
        raise keys.error(f"expected a list {prefix}Nodes to go with it", used[0])
    names = keys.vector("Nodes")
    for owner, key in ((key.partition(".")[2], key) for key in used):
        if owner and owner not in names:
            raise keys.error(f"{owner!r} is not in {prefix}Nodes{_nearest(owner, names)}", key)
    # Thousands of nodes may share thousands of disks: they share the tuple too.
    local, remote = cache(partial(_disks, keys)), cache(partial(_remote, keys))
    for name in names:
        _check_hostname(keys, "Nodes", name)
        own = f".{name}"
        local_key = f"LocalDisks{own}" if f"LocalDisks{own}" in keys else "LocalDisks"
        has_own = f"RemoteDisks{own}" in keys or f"RemoteFileSys{own}" in keys
        yield Node(name, kind, local(local_key), *remote(own if has_own else ""))


def _remote(keys: Parset, own: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Disks and file systems that nodes see; `own` is the suffix of one node's keys, empty for all."""
    disks_key, key = f"RemoteDisks{own}", f"RemoteFileSys{own}"
    if key in keys and disks_key not in keys:
        raise keys.error(f"expected {disks_key} to go with it", key)
    return _paired(keys, disks_key, key)


def _paired(keys: Parset, disks_key: str, key: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Disks, and a file system for each: the disks themselves when none are given."""
    disks = _disks(keys, disks_key)
    filesystems = keys.vector(key) if key in keys else ()
    if filesystems and len(filesystems) != len(disks):
        message = f"expected none or as many as {disks_key} has disks, {len(disks)}; found {len(filesystems)}"
        raise keys.error(message, key)
    return disks, filesystems or disks


def _disks(keys: Parset, key: str) -> tuple[str, ...]:
    disks = keys.vector(key) if key in keys else ()
    for disk in disks:
        if not disk.startswith("/") or ".." in disk.split("/") or not disk.isprintable():
            raise keys.error(f"expected absolute paths without '..', found {disk!r}", key)
    paths = tuple(posixpath.normpath("/" + disk.lstrip("/")) for disk in disks)
    if len(set(paths)) < len(paths):
        raise keys.error("a disk is named twice", key)
    return paths


def _numbered_nodes(parset: Parset) -> list[Node]:
    numbers = {int(match[1]) for match in map(_NODE_KEY.fullmatch, parset) if match}
    gap = next(number for number in range(len(numbers) + 1) if number not in numbers)
    beyond = sorted(number for number in numbers if number > gap)
    if beyond:
        key = next(key for key in parset if key.startswith(f"Node{beyond[0]}."))
        raise parset.error(f"Node{gap} is missing before it: number the nodes from 0 without a gap", key)
    return [_numbered_node(parset, f"Node{number}.") for number in range(gap)]


def _numbered_node(parset: Parset, prefix: str) -> Node:
    name = parset[f"{prefix}NodeName"]
    _check_hostname(parset, f"{prefix}NodeName", name)
    kinds = {kind.lower(): kind for kind in NODE_TYPES}
    given = parset.get(f"{prefix}NodeType") or "Any"
    if given.lower() not in kinds:
        raise parset.error(f"expected one of {', '.join(NODE_TYPES)}, found {given!r}", f"{prefix}NodeType")
    disks, filesystems = _paired(parset, f"{prefix}NodeMountPoints", f"{prefix}NodeFileSys")
    pairs = list(zip(disks, filesystems, strict=True))
    local = tuple(disk for disk, filesys in pairs if not _elsewhere(filesys, name))
    remote = [(disk, filesys) for disk, filesys in pairs if _elsewhere(filesys, name)]
    return Node(name, kinds[given.lower()], local, tuple(d for d, _ in remote), tuple(f for _, f in remote))


def _elsewhere(filesys: str, name: str) -> bool:
    match = _FILESYSTEM.fullmatch(filesys)
    return match is not None and match[1] != name


def _check_nodes(parset: Parset, nodes: list[Node]) -> None:
    """Check what holds in every form: there are nodes, as many as announced, none in the same role twice."""
    if not nodes:
        raise parset.error(
            "expected nodes (Nodes, Storage.Nodes, Node0.NodeName, …) or SubClusters, found none"
        )
    roles: dict[str, list[NodeType]] = {}
    for node in nodes:
        held = roles.setdefault(node.name, [])
        held.append(node.type)
        if len(held) > 1 and ("Any" in held or node.type in held[:-1]):
            key = "Nodes" if node.type == "Any" else f"{node.type}.Nodes"
            raise parset.error(
                f"node {node.name} has a role twice: {', '.join(held)}", key if key in parset else None
            )
    announced = parset.get("NNodes")
    if announced is not None and announced not in (str(len(roles)), str(len(nodes))):
        raise parset.error(f"expected the number of nodes, {len(roles)}, found {announced!r}", "NNodes")


def _check_hostname(keys: Parset, key: str, name: str) -> None:
    if not _HOSTNAME.fullmatch(name):
        message = f"{name!r} is no host name: expected letters, digits, '-', '_' and '.', as in lse007"
        raise keys.error(message, key)


def _merged(roles: list[Node]) -> Node:
    local = dict.fromkeys(disk for node in roles for disk in node.local_disks)
    remote: dict[str, str] = {}
    for node in roles:
        remote.update(zip(node.remote_disks, node.remote_filesystems, strict=True))
    return Node(roles[0].name, "Any", tuple(local), tuple(remote), tuple(remote.values()))


def _nearest(word: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(known), 1)
    return f"; is {near[0]!r} meant?" if near else ""
