"""Lines in a log, bars in a terminal, and nothing that can harm a run."""

import logging
import os
import pty
import subprocess
import sys
import threading

import pytest

from sip_luigi import rundisplay
from sip_luigi.domain.standing import Standing
from sip_luigi.rundisplay import RunDisplay, displayed

STANDINGS = [
    Standing("copy.SB0", "copy", "", "", "done"),
    Standing("copy.SB1", "copy", "", "", "lost"),
    Standing("calibrate.SB0", "calibrate", "", "", "running", 0.25),
    Standing("image", "image", "", "", "pending"),
]
IN_A_TERMINAL = """
import logging, sys, time
from sip_luigi.domain.standing import Standing
from sip_luigi.rundisplay import RunDisplay, displayed
handler = logging.StreamHandler()
logging.getLogger("sip_luigi").addHandler(handler)
luigi = logging.getLogger("luigi-interface")
luigi.setLevel(logging.DEBUG)
luigi.addHandler(logging.StreamHandler())
display = RunDisplay(lambda: [Standing("calibrate.SB0", "calibrate", "", "", "running", 0.25)], {})
with displayed(lambda: display):
    time.sleep(0.3)
    logging.getLogger("sip_luigi").warning("something to know")
    luigi.debug("chatter")
    time.sleep(0.3)
assert handler.stream is sys.__stderr__
"""


def test_a_line():
    display = RunDisplay(lambda: STANDINGS, {})
    assert display.line() == "1 of 4 done, 1 running (25%), 1 lost; running: calibrate.SB0 25%"


def test_what_takes_longer_counts_for_more():
    display = RunDisplay(lambda: STANDINGS, {"copy": 1.0, "calibrate": 8.0, "image": 6.0})
    assert display.fraction(STANDINGS) == pytest.approx((2 + 0.25 * 8) / 16)


def test_lines_in_a_log(monkeypatch, caplog):
    monkeypatch.setattr(rundisplay, "LINE_S", 0.02)
    caplog.set_level(logging.INFO, "sip_luigi")
    seen = threading.Event()

    def look():
        if len(caplog.records) >= 1:
            seen.set()
        return STANDINGS

    with displayed(lambda: RunDisplay(look, {})):
        assert seen.wait(10)
        threading.Event().wait(0.2)
    assert len(caplog.records) == 1, "a line is not said twice"


@pytest.mark.parametrize("where", ["when it is made", "when it looks"])
def test_a_mistake_harms_nothing(monkeypatch, where):
    monkeypatch.setattr(rundisplay, "LINE_S", 0.01)

    def fail():
        raise ZeroDivisionError

    make = fail if where == "when it is made" else lambda: RunDisplay(fail, {})
    with displayed(make):
        threading.Event().wait(0.1)


def test_bars_in_a_terminal():
    leader, follower = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    done = subprocess.Popen(
        (sys.executable, "-c", IN_A_TERMINAL), stderr=follower, stdout=follower, env=environment
    )
    os.close(follower)
    said = b""
    with os.fdopen(leader, "rb", buffering=0) as stream:
        try:
            while chunk := stream.read(4096):
                said += chunk
        except OSError:
            pass  # the other end is closed
    assert done.wait(10) == 0, said.decode()
    text = said.decode()
    assert "━" in text
    assert "running: calibrate.SB0 25%" in text
    assert "something to know" in text
    assert "chatter" not in text
