"""No path and no link leads out of a job directory."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sip_luigi.scheduler.folders import NotShown, entries, opened, tail_offset


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "job"
    (folder / "logs").mkdir(parents=True)
    (folder / "logs" / "a.log").write_text("inside")
    (tmp_path / "secret").write_text("outside")
    (folder / "logs" / "file").symlink_to(tmp_path / "secret")
    (folder / "logs" / "up").symlink_to(tmp_path)
    os.mkfifo(folder / "logs" / "fifo")
    return folder


def test_a_file_is_opened(root):
    with opened(root, ["logs", "a.log"]) as descriptor:
        assert os.read(descriptor, 100) == b"inside"


@pytest.mark.parametrize(
    "names",
    [
        *(["logs", "file"], ["logs", "up", "secret"], ["logs", "fifo"], ["logs", "none"]),
        *(["..", "secret"], ["logs", "..", "..", "secret"], ["logs/../../secret"], ["", "secret"]),
        *(["logs", "a.log", "x"], ["logs", "a.log\0"], ["/etc/passwd"], ["x" * 5000]),
    ],
    ids=lambda names: "|".join(names)[:30],
)
def test_anything_else_is_not(root, names):
    with pytest.raises(NotShown), opened(root, names):
        pass


def test_a_job_directory_that_is_a_link(root, tmp_path):
    (tmp_path / "other").symlink_to(root)
    with pytest.raises(NotShown), opened(tmp_path / "other", ["logs"]):
        pass


def test_links_are_not_listed(root):
    with opened(root, ["logs"]) as descriptor:
        assert entries(descriptor) == [("a.log", False, 6)]


def test_no_descriptor_is_left(root):
    before = os.listdir("/proc/self/fd")
    for names in (["logs", "file"], ["logs", "a.log"], ["logs", "fifo"]):
        try:
            with opened(root, names):
                pass
        except NotShown:
            pass
    assert os.listdir("/proc/self/fd") == before


@given(
    lines=st.lists(st.binary(max_size=40_000).map(lambda text: text.replace(b"\n", b" ")), max_size=8),
    ended=st.booleans(),
    wanted=st.integers(1, 10),
)
def test_the_last_lines(tmp_path_factory, lines, ended, wanted):
    content = b"\n".join(lines) + (b"\n" if ended and lines else b"")
    path = tmp_path_factory.mktemp("tail") / "log"
    path.write_bytes(content)
    with path.open("rb") as stream:
        offset = tail_offset(stream, len(content), wanted)
    assert content[offset:] == b"".join(split_lines(content)[-wanted:])


def split_lines(content):
    parts = [part + b"\n" for part in content.split(b"\n")]
    parts[-1] = parts[-1][:-1]
    return [part for part in parts if part]
