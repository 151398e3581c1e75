"""The first process of a set of namespaces: builds what can be seen there, then stays so that they live.

A program of its own, started by its path with nothing but the standard library. Standard input is a JSON object:

``owner`` : number of an inherited pidfd; when that process ends, so does this one
``tmpfs`` : path → options; file systems in memory, mounted where they stand
``hostname`` : the host name of this node
``root`` : a directory for the new root file system, see :func:`build_root`

It writes ``ready`` to standard output. As it is the first of its PID namespace, the kernel ends everything else in
it when it ends.
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_UNBINDABLE = 0x1, 0x20, 0x1000, 0x4000, 0x20000
MNT_DETACH = 2
AT_FDCWD, AT_RECURSIVE, MOUNT_ATTR_RDONLY = -100, 0x8000, 1
SYS_MOUNT_SETATTR = 442
TREE = MS_BIND | MS_REC

libc = ctypes.CDLL(None, use_errno=True)


class MountAttributes(ctypes.Structure):
    """``struct mount_attr`` of mount_setattr(2)."""

    _fields_ = (
        ("set", ctypes.c_uint64),
        ("clear", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("user_namespace", ctypes.c_uint64),
    )


def checked(result: int, path: Path | str) -> None:
    """Raise the error of the last system call if it failed."""
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(path))


def mount(source: Path | str, target: Path | str, kind: str = "none", flags: int = 0, data: str = "") -> None:
    """mount(2)."""
    names = (os.fsencode(source), os.fsencode(target), kind.encode())
    checked(libc.mount(*names, ctypes.c_ulong(flags), data.encode()), target)


def read_only(path: Path) -> None:
    """Make a tree of mounts read-only; before Linux 5.12, which cannot do so in one step, it stays as it is."""
    attributes = MountAttributes(set=MOUNT_ATTR_RDONLY)
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    where = (ctypes.c_int(AT_FDCWD), os.fsencode(path), ctypes.c_uint(AT_RECURSIVE))
    result = libc.syscall(ctypes.c_long(SYS_MOUNT_SETATTR), *where, ctypes.byref(attributes), size)
    if result and ctypes.get_errno() != errno.ENOSYS:
        checked(result, path)


def build_root(spec: dict[str, Any]) -> None:
    """Put together what a node sees: the machine read-only, but its own data, configuration and volatile files.

    Parameters
    ----------
    spec : dict
        ``root`` an empty directory to work in, ``data`` and ``config`` the trees seen as ``/data`` and
        ``config_at``, ``private`` path → options of its own file systems in memory, ``hidden`` a directory of
        which nothing is seen, ``visible`` paths that are seen nevertheless, ``files`` path → what is seen there.
    """
    root = Path(spec["root"])
    mount("tmpfs", root, "tmpfs", data="mode=755")
    # Else a top-level directory that contains this one would be bound into itself.
    mount("none", root, flags=MS_UNBINDABLE)
    show_machine(root, apart={"/proc", *spec["private"]})
    read_only(root)
    mount("proc", root / "proc", "proc")
    mount("devpts", root / "dev/pts", "devpts", data="newinstance,mode=620,ptmxmode=666")
    for path, options in spec["private"].items():
        if within(root, path).is_dir():
            mount("tmpfs", within(root, path), "tmpfs", data=options)
    mount(spec["data"], root / "data", flags=MS_BIND)
    bind_directory(spec["config"], within(root, spec["config_at"]))
    (root / "run/sshd").mkdir(mode=0o755)
    hide(root, spec["hidden"], spec["visible"])
    for path, source in spec["files"].items():
        if within(root, path).exists():
            mount(source, within(root, path), flags=MS_BIND)
    enter_root(root)


def within(root: Path, path: str) -> Path:
    """An absolute path as it will be seen from the new root."""
    return root / path.lstrip("/")


def show_machine(root: Path, apart: set[str]) -> None:
    """Bind every directory of the machine's root, with what is mounted below, to the new one."""
    (root / "data").mkdir()
    for path in Path("/").iterdir():
        shown = root / path.name
        if shown.exists():
            continue
        if path.is_symlink():
            shown.symlink_to(path.readlink())
        elif path.is_dir():
            shown.mkdir()
            if str(path) not in apart:
                mount(path, shown, flags=TREE)


def hide(root: Path, hidden: str, visible: list[str]) -> None:
    """Put emptiness over a directory, then show what may lie in a place that is hidden now."""
    covered = within(root, hidden)
    there = covered.is_dir()
    if there:
        mount("tmpfs", covered, "tmpfs", data="size=1m,mode=755")
    # Parents first: a directory that is made for what lies in it would be taken for the thing itself.
    for path in sorted(visible, key=lambda path: path.count("/")):
        if not within(root, path).exists():
            bind_directory(path, within(root, path))
            read_only(within(root, path))
    if there:
        mount("none", covered, flags=MS_REMOUNT | MS_BIND | MS_RDONLY)


def bind_directory(source: str, target: Path) -> None:
    """Bind a tree to a directory, which is made."""
    target.mkdir(parents=True, exist_ok=True)
    mount(source, target, flags=TREE)


def enter_root(root: Path) -> None:
    """Make the new root the root and forget the old one."""
    os.chdir(root)
    # pivot_root(2): with "." twice the old root comes to lie over the new one.
    checked(libc.pivot_root(b".", b"."), root)
    checked(libc.umount2(b".", MNT_DETACH), root)
    os.chdir("/")


def stay(owner: int | None) -> None:
    """Wait for the end of the owner, or for ever; orphans are taken care of by the kernel."""
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)
    while owner is None:
        signal.pause()
    poll = select.poll()
    poll.register(owner, select.POLLIN)
    poll.poll()


def main() -> None:
    """Build and stay."""
    spec = json.load(sys.stdin)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for path, options in spec.get("tmpfs", {}).items():
        mount("tmpfs", path, "tmpfs", data=options)
    if "hostname" in spec:
        socket.sethostname(spec["hostname"])
    if "root" in spec:
        build_root(spec)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    stay(spec.get("owner"))


if __name__ == "__main__":
    main()
