"""A MeasurementSet comes to its place, and is the one that was described."""

import pytest

from sip_luigi.domain.errors import BadData, ProgramError
from sip_luigi.node.copy import copy


@pytest.fixture
def transferred(tmp_path):
    """Two files of five bytes where a copy was written to, and what copies of other versions left."""
    folder = tmp_path / ".transfer" / "copy"
    (folder / "new" / "sub").mkdir(parents=True)
    (folder / "new" / "table.dat").write_text("abc")
    (folder / "new" / "sub" / "f0").write_text("de")
    (folder / "old").mkdir()
    return folder / "new"


@pytest.fixture
def take_over(tmp_path, transferred):
    def take_over(**known):
        request = {
            "transfer": str(transferred),
            "destination": str(tmp_path / "x.MS"),
            "origin": "lse001:/x.MS",
        }
        return copy(request | known)

    return take_over


def test_what_was_transferred_is_taken_over(take_over, transferred, tmp_path):
    assert take_over(n_files=2, size_bytes=5) == {"mode": "copy", "n_files": 2, "size_bytes": 5}
    assert (tmp_path / "x.MS" / "sub" / "f0").read_text() == "de"
    assert not transferred.parent.exists(), "with what other versions left"


def test_without_anything_known_of_it(take_over):
    assert take_over()["n_files"] == 2


@pytest.mark.parametrize("known", [{"n_files": 3}, {"size_bytes": 4}, {"n_files": 2, "size_bytes": 6}])
def test_other_data_than_were_described(take_over, known):
    quantity, expected = list(known.items())[-1]
    with pytest.raises(BadData, match=rf"^lse001:/x\.MS: {quantity} is \d, expected {expected}: .*changed"):
        take_over(**known)


def test_a_transfer_that_is_gone_is_made_again(take_over, transferred):
    transferred.rename(transferred.with_name("elsewhere"))
    with pytest.raises(ProgramError, match="it is copied again") as caught:
        take_over()
    assert caught.value.retryable
    assert transferred.with_name("elsewhere").exists(), "nothing is removed before there is a copy"


def test_a_link_leaves_the_data_where_they_are(tmp_path):
    source, destination = tmp_path / "raw.MS", tmp_path / "x.MS"
    source.mkdir()
    (source / "table.dat").write_text("abc")
    request = {"source": str(source), "destination": str(destination), "origin": "lse001:/x.MS"}
    assert copy(request) == {"mode": "link", "n_files": 1, "size_bytes": 3}
    assert destination.is_symlink()
    assert destination.resolve() == source
