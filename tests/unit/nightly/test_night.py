"""Nights in which nothing is processed: silence, clocks, locks, disks, and what keeps a night from running."""

import fcntl
import json
import os
import time

import pytest

from sip_luigi.domain.errors import AlreadyRunning
from sip_luigi.nightly.clock import Clock
from sip_luigi.nightly.night import Night

DAY_S = 86400.0


class SetClock(Clock):
    """A clock that somebody sets."""

    ahead_s = 0.0

    def now(self):
        return time.time() + self.ahead_s


def raw(tmp_path, obs_id, age_s=3600.0, subbands=1):
    for number in range(subbands):
        path = tmp_path / "storage" / f"{obs_id}_SAP000_SB{number:03d}_uv.MS"
        path.mkdir()
        (path / "table.dat").write_text("data")
        moment = time.time() - age_s
        os.utime(path / "table.dat", (moment, moment))


def result(tmp_path, obs_id, outcome="full"):
    folder = tmp_path / "runtime" / "jobs" / obs_id / "results"
    folder.mkdir(parents=True)
    (folder / "quality.json").write_text(json.dumps({"outcome": outcome}))


def test_a_night_that_finds_nothing_is_silent(site, mailbox):
    mail, messages = mailbox
    for _ in range(2):
        ending = Night(site(mail=mail)).run()
        assert (ending.status, ending.news, ending.unsent) == (0, False, [])
    assert not messages


def test_what_is_still_written_waits(site, tmp_path):
    raw(tmp_path, "L1", age_s=100)
    raw(tmp_path, "L2", age_s=2000)
    raw(tmp_path, "L3", age_s=2000, subbands=2)
    (tmp_path / "expected").write_text("L2 2\nL3 2\n")
    night = Night(site(nightly={"expected_file": tmp_path / "expected"}))
    plan = night.plan()
    assert plan["next"] == ["L3"]
    assert plan["waiting"] == {"L1": plan["waiting"]["L1"], "L2": "1 of 2 subbands are there"}
    assert plan["waiting"]["L1"].startswith("changed 10")


def test_what_is_written_between_two_looks_waits(site, tmp_path):
    raw(tmp_path, "L1", age_s=100)
    night = Night(site(nightly={"settle_s": 50, "look_pause_s": 0}))
    look = night.site.observations

    def look_and_write():
        found = look()
        (tmp_path / "storage" / "L1_SAP000_SB000_uv.MS" / "more").write_text("x")
        return found

    object.__setattr__(night.site, "observations", look_and_write)
    ending = night.run()
    assert (ending.status, ending.news) == (0, False)


def test_an_observation_that_never_becomes_complete_is_told_of_once(site, tmp_path):
    raw(tmp_path, "L1", age_s=2 * DAY_S)
    settings = site(nightly={"expected_subbands": 2})
    first = Night(settings).run()
    assert first.digest.waiting == {"L1": "1 of 2 subbands are there"}
    assert first.news
    assert not Night(settings).run().news


def test_what_was_processed_by_hand_is_done(site, tmp_path):
    raw(tmp_path, "L1")
    result(tmp_path, "L1")
    raw(tmp_path, "L2")
    result(tmp_path, "L2", "abandoned")
    night = Night(site())
    assert night.plan()["next"] == ["L2"]
    assert not (tmp_path / "runtime" / "nightly" / "state.json").exists(), "looking changes nothing"


def test_the_clock_was_set_back_since(site):
    settings = site()
    clock = SetClock()
    clock.ahead_s = DAY_S
    assert not Night(settings, clock).run().news
    ending = Night(settings).run()
    assert ending.news
    [warning] = ending.digest.warnings
    assert warning.startswith("the clock was set back: the last night ended at 20")
    assert not Night(settings).run().news, "it is told once"


@pytest.mark.parametrize(("then_s", "way"), [(-DAY_S, "back"), (DAY_S, "forward")])
def test_the_clock_was_set_in_the_night(site, then_s, way):
    clock = SetClock()
    night = Night(site(), clock)
    clock.ahead_s = then_s
    [warning] = night.run().digest.warnings
    assert f"was set {way} by 864" in warning


def test_files_from_the_future_wait_a_night(site, tmp_path):
    raw(tmp_path, "L1", age_s=-DAY_S)
    settings = site()
    ending = Night(settings).run()
    assert "L1: its files are 86" in ending.digest.warnings[0]
    assert Night(settings).plan()["next"] == ["L1"]


def test_one_at_a_time(site, tmp_path):
    settings = site()
    folder = tmp_path / "runtime" / "nightly"
    folder.mkdir(parents=True)
    with (folder / "nightly.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(AlreadyRunning, match="going on already"):
            Night(settings).run()
    # What a dead process left is no obstacle.
    (folder / "nightly.lock").write_text("process 1")
    assert Night(settings).run().status == 0


def test_a_storage_disk_that_is_not_mounted(site, tmp_path, mailbox):
    mail, messages = mailbox
    settings = site(mail=mail)
    (tmp_path / "storage").rmdir()
    ending = Night(settings).run()
    assert ending.status == 30
    assert "storage disk" in ending.digest.refused
    assert messages[0]["Subject"].endswith("the night could not run")
    assert Night(settings).run().news, "as long as it is so, every night"


def test_no_room_on_the_head_node(site, tmp_path):
    raw(tmp_path, "L1")
    ending = Night(site(nightly={"min_free_mb": 1e12, "look_pause_s": 0})).run()
    assert ending.status == 30
    assert "[nightly] min_free_mb" in ending.digest.refused


def test_a_foreign_scheduler_that_is_away(site, tmp_path):
    raw(tmp_path, "L1")
    core = {"default_scheduler_url": "http://127.0.0.1:9"}
    ending = Night(site(core=core, nightly={"look_pause_s": 0})).run()
    assert ending.status == 40
    assert "does not answer at http://127.0.0.1:9" in ending.digest.refused
    state = json.loads((tmp_path / "runtime" / "nightly" / "state.json").read_text())
    assert state["observations"] == {}, "nothing was begun, and no attempt is counted"


def test_a_disk_that_is_nearly_full_is_told_of_once(site):
    settings = site(nightly={"full_fraction": 0})
    first = Night(settings).run()
    assert len(first.digest.warnings) == 2
    assert first.digest.warnings[0].startswith("s1:")
    assert not Night(settings).run().news


@pytest.mark.parametrize("text", ["", "[]", '{"observations": {"L1": {}}}', "{"])
def test_a_state_that_cannot_be_read(site, tmp_path, text):
    folder = tmp_path / "runtime" / "nightly"
    folder.mkdir(parents=True)
    (folder / "state.json").write_text(text)
    ending = Night(site()).run()
    assert ending.status == 0
    assert "the state of earlier nights cannot be read" in ending.digest.warnings[0]
    assert [path.read_text() for path in folder.glob("state.json.unreadable-*")] == [text]
    assert not Night(site()).run().news


def test_a_pattern_without_the_id(site):
    ending = Night(site(layout={"raw_pattern": "*.MS"})).run()
    assert ending.status == 35
    assert "[layout] raw_pattern" in ending.digest.refused


def test_a_lock_directory_that_cannot_be_made(site, tmp_path, mailbox):
    mail, messages = mailbox
    (tmp_path / "file").write_text("")
    night = Night(site(mail=mail, nightly={"directory": tmp_path / "file" / "nightly"}))
    with pytest.raises(Exception, match=r"\[nightly\] directory") as found:
        night.run()
    ending = night.refused(found.value)
    assert ending.status == 35
    assert len(messages) == 1
