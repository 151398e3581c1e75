"""An outage is outlived, a node that is gone is named."""

import logging
import time

import pytest

from sip_luigi.domain.errors import ProgramError, TransportError
from sip_luigi.execution import patience
from sip_luigi.execution.patience import PatientConnection


class Flaky:
    name = "lce001"

    def __init__(self, failures, error=None):
        self.failures, self.calls = failures, 0
        self.error = error or TransportError("lce001: no route to host")

    def call(self, command, request):
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error
        return {"command": command, **request}

    def fetch(self, path, local):
        self.call("fetch", {})

    def put(self, local, path):
        self.call("put", {})


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(patience, "PAUSE_S", 0.01)


def test_asks_until_there_is_an_answer():
    flaky = Flaky(3)
    assert PatientConnection(flaky, 5.0).call("look", {"a": 1}) == {"command": "look", "a": 1}
    assert flaky.calls == 4
    for action in ("fetch", "put"):
        flaky = Flaky(2)
        getattr(PatientConnection(flaky, 5.0), action)("a", "b")
        assert flaky.calls == 3


def test_a_node_that_is_gone_is_named():
    with pytest.raises(TransportError, match=r"no answer for .* s .*outage_s.*no route") as caught:
        PatientConnection(Flaky(10**6), 0.05).call("look", {})
    assert caught.value.node == "lce001"


def test_other_errors_are_not_repeated():
    flaky = Flaky(1, ProgramError("it failed"))
    with pytest.raises(ProgramError):
        PatientConnection(flaky, 5.0).call("look", {})
    assert flaky.calls == 1


def test_an_outage_is_told_once_and_its_end_too(caplog):
    with caplog.at_level(logging.WARNING, logger="sip_luigi"):
        PatientConnection(Flaky(0), 5.0).call("look", {})
        assert not caplog.messages
        PatientConnection(Flaky(3), 5.0).call("look", {})
    assert caplog.messages == [
        "lce001: no route to host, asking again for up to 5 s",
        "lce001 answers again after 0 s",
    ]


def test_without_patience_it_is_asked_once():
    flaky = Flaky(1)
    with pytest.raises(TransportError, match="no answer for 0 s"):
        PatientConnection(flaky, 0.0).call("look", {})
    assert flaky.calls == 1


def test_a_pause_is_no_longer_than_the_outage(monkeypatch):
    monkeypatch.setattr(patience, "PAUSE_S", 60.0)
    began = time.monotonic()
    with pytest.raises(TransportError):
        PatientConnection(Flaky(10**6), 0.05).call("look", {})
    assert time.monotonic() - began < 5
