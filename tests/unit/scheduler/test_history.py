"""The task history in a real SQLite file, also when that is away or locked."""

import sqlite3
import time
from contextlib import closing

import pytest
from scheduler_calls import add, take
from tornado.web import HTTPError

from sip_luigi.scheduler import history
from sip_luigi.scheduler.central import CentralScheduler
from sip_luigi.scheduler.history import HistoryKeeper


@pytest.fixture
def keeping(configured, tmp_path, monkeypatch):
    monkeypatch.setattr(history, "PAUSE_S", 0.05)
    monkeypatch.setattr(history, "LONGEST_PAUSE_S", 0.1)
    made = []

    def start(path):
        keeper = HistoryKeeper(f"sqlite:///{path}?timeout=0.1")
        made.append(keeper)
        return CentralScheduler(
            resources={}, state_path=str(tmp_path / "state"), task_history_impl=keeper, retry_delay=0
        )

    yield start
    for keeper in made:
        keeper.close()
        if keeper._tables:
            keeper._tables.engine.dispose()


def events(path):
    with closing(sqlite3.connect(path)) as database:
        query = "SELECT name, event_name FROM tasks JOIN task_events ON tasks.id = task_events.task_id"
        return database.execute(f"{query} ORDER BY task_events.id").fetchall()


def await_true(condition):
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def live(scheduler, task_id="a"):
    add(scheduler, task_id)
    assert take(scheduler) == task_id
    add(scheduler, task_id, status="DONE")


LIFE = [("F", "PENDING"), ("F", "RUNNING"), ("F", "DONE")]


def test_a_life_is_kept(keeping, tmp_path):
    scheduler = keeping(tmp_path / "history.db")
    live(scheduler)
    scheduler.close()
    assert events(tmp_path / "history.db") == LIFE
    with closing(sqlite3.connect(tmp_path / "history.db")) as database:
        assert database.execute("SELECT name, value FROM task_parameters").fetchall() == [("n", "a")]
        assert database.execute("SELECT host FROM tasks").fetchall() == [("here",)]
    names = [task.name for task in scheduler.task_history.find_all_runs()]
    assert names == ["F"]


def test_a_locked_database_holds_nobody_up(keeping, tmp_path, caplog):
    path = tmp_path / "history.db"
    scheduler = keeping(path)
    await_true(lambda: scheduler.task_history._tables)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        live(scheduler)
        assert time.monotonic() - started < 0.1, "less than the database is waited for"
        await_true(lambda: "the database is not available" in caplog.text)
        with pytest.raises(HTTPError, match="503"):
            scheduler.task_history.find_all_runs()
        other.execute("ROLLBACK")
    await_true(lambda: events(path) == LIFE)


def test_a_database_that_is_away_at_the_start(keeping, tmp_path, caplog):
    path = tmp_path / "later" / "history.db"
    scheduler = keeping(path)
    live(scheduler)
    await_true(lambda: "the database is not available" in caplog.text)
    path.parent.mkdir()
    await_true(lambda: path.exists() and scheduler.task_history._tables)
    scheduler.close()
    assert events(path) == LIFE


def test_a_file_that_is_no_database(keeping, tmp_path, caplog):
    path = tmp_path / "history.db"
    path.write_text("no database" * 1000)
    scheduler = keeping(path)
    live(scheduler)
    await_true(lambda: "not kept: ('DONE', 'a')" in caplog.text)
    assert path.read_text() == "no database" * 1000
