"""What all ways to a node share, and this machine as a node."""

import pytest

from sip_luigi.domain.errors import BadData, DiskFull, ProgramError
from sip_luigi.execution.connection import Completed, read_answer
from sip_luigi.execution.local import LocalConnection

NODE = LocalConnection("here")


@pytest.mark.parametrize("stdout", [b'{"a": 1}', b'{"a": 1}\n', b'Welcome!\n{"a": 1}'])
def test_an_answer(stdout):
    assert read_answer("here", "look", Completed(0, stdout, b"")) == {"a": 1}


@pytest.mark.parametrize(
    ("done", "error", "message"),
    [
        (Completed(65, b'{"error": "no rows"}', b""), BadData, "here: no rows"),
        (Completed(70, b'{"error": "oops"}', b""), ProgramError, "here: look: oops (exit status 70)"),
        (
            Completed(70, b'{"error": "OSError: [Errno 28] No space left on device"}', b""),
            DiskFull,
            "here: look: OSError: [Errno 28] No space",
        ),
        (
            Completed(1, b'{"error": "oops"}', b"a\nb\n"),
            ProgramError,
            "here: look: oops (exit status 1: a | b)",
        ),
        (Completed(1, b"", b"1\n2\n3\n4\n5\n6"), ProgramError, "no answer, exit status 1: 2 | 3 | 4 | 5 | 6"),
        (Completed(0, b"[]", b""), ProgramError, "no answer, exit status 0: nothing on standard error"),
        (Completed(-1, b'{"a"', b""), ProgramError, "no answer, ended by a signal"),
    ],
)
def test_no_answer(done, error, message):
    with pytest.raises(error) as caught:
        read_answer("here", "look", done)
    assert message in str(caught.value)


def test_files_are_copied_whole(tmp_path):
    (tmp_path / "a").write_text("new")
    (tmp_path / "b").write_text("old")
    NODE.fetch(str(tmp_path / "a"), tmp_path / "b")
    NODE.put(tmp_path / "b", str(tmp_path / "c"))
    assert (tmp_path / "c").read_text() == "new"
    for copy in (
        lambda: NODE.fetch(str(tmp_path / "none"), tmp_path / "b"),
        lambda: NODE.put(tmp_path / "none", str(tmp_path / "b")),
        lambda: NODE.put(tmp_path / "b", str(tmp_path / "none" / "c")),
    ):
        with pytest.raises(ProgramError, match=r"here: cannot copy .* to .*No such file"):
            copy()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c"]
    assert (tmp_path / "b").read_text() == "new"
