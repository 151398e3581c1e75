"""Records of what was not made."""

from sip_luigi.domain.product import Loss, Manifest
from sip_luigi.execution.losses import LossRecords

LOST = Manifest("k", "s", 1, loss=Loss("s", "no rows"))
PASSED = Manifest("k", "s", 1, passed="converged")


def test_losses_and_what_was_passed_over(tmp_path):
    records = LossRecords(tmp_path / "losses")
    assert records.all() == {}
    records.record("calibrate.SB000", LOST)
    records.record("image.cycle1", PASSED)
    assert records.all() == {"calibrate.SB000": LOST, "image.cycle1": PASSED}
    assert records.lost() == {"calibrate.SB000": LOST}


def test_what_another_process_wrote_is_seen_after_forgetting(tmp_path):
    mine, other = LossRecords(tmp_path), LossRecords(tmp_path)
    mine.record("a", LOST)
    assert other.all() == {"a": LOST}
    mine.record("a", PASSED)
    mine.record("b", LOST)
    other.forget()
    assert other.all() == {"a": PASSED, "b": LOST}
    mine.remove("a")
    other.forget()
    assert other.all() == {"b": LOST}
    mine.remove("never recorded")


def test_half_a_record_and_other_files_do_not_count(tmp_path):
    (tmp_path / "half.json").write_text('{"key": "k", ')
    (tmp_path / "notes.txt").write_text("x")
    (tmp_path / "a.json.tmp").write_text("{}")
    assert LossRecords(tmp_path).all() == {}
