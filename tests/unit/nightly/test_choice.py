"""Which observations are next, and which are tried again."""

import pytest

from sip_luigi.nightly.choice import Budget, choose
from sip_luigi.nightly.raw import RawObservation
from sip_luigi.nightly.state import DEGRADED, DONE, FAILED, RUNNING, Record

BUDGET = Budget(attempts=3, bug_attempts=2)


def observation(obs_id, began=0):
    return RawObservation(obs_id, {"SB0": (1, 1, began)})


def record(outcome, cause="", attempts=1, obs_id="L1", software="1"):
    return Record(observation(obs_id).fingerprint, outcome, attempts, cause, software=software)


@pytest.mark.parametrize(
    ("outcome", "cause", "attempts", "again"),
    [
        (DONE, "", 1, False),
        (RUNNING, "", 1, True),
        (RUNNING, "", 3, False),
        (FAILED, "transient", 2, True),
        (FAILED, "transient", 3, False),
        (FAILED, "resources", 1, True),
        (FAILED, "configuration", 2, True),
        (FAILED, "data", 1, False),
        (FAILED, "bug", 1, True),
        (FAILED, "bug", 2, False),
        (DEGRADED, "data", 1, False),
        (DEGRADED, "resources", 1, True),
        (DEGRADED, "resources", 3, False),
    ],
)
def test_by_cause(outcome, cause, attempts, again):
    made = record(outcome, cause, attempts)
    assert BUDGET.allows(made, "1") == again
    if outcome != DONE:
        assert ("again in the next night" in BUDGET.next_step(made, "1")) == again


def test_another_version_may_have_mended_a_bug():
    assert BUDGET.allows(record(FAILED, "bug", 2), "2")
    assert not BUDGET.allows(record(FAILED, "bug", 3), "2")
    assert not BUDGET.allows(record(FAILED, "data", 1), "2")


def test_the_order_of_a_night():
    names = ("new", "older", "broken", "done", "degraded", "failed", "interrupted")
    complete = [observation(name, began) for name, began in zip(names, (5, 4, 0, 0, 0, 0, 9), strict=True)]
    records = {
        "broken": record(FAILED, "data", obs_id="broken"),
        "done": record(DONE, obs_id="done"),
        "degraded": record(DEGRADED, "transient", obs_id="degraded"),
        "failed": record(FAILED, "resources", obs_id="failed"),
        "interrupted": Record(complete[-1].fingerprint, RUNNING, 1),
    }

    def chosen(limit):
        return [one.obs_id for one in choose(complete, records, BUDGET, "1", limit)]

    assert chosen(99) == ["interrupted", "older", "new", "failed", "degraded"]
    assert chosen(2) == ["interrupted", "older"]


def test_changed_data_are_new_data():
    for outcome, cause in ((DONE, ""), (FAILED, "data")):
        records = {"L1": record(outcome, cause, attempts=3)}
        assert not choose([observation("L1")], records, BUDGET, "1", 9)
        assert choose([observation("L1", began=1)], records, BUDGET, "1", 9)
