"""How a run goes on: bars in a terminal, a line now and then in a log. Best effort, no reason for a run to fail."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sip_luigi.domain.standing import Standing, Tally, left_by_rate, tallied

logger = logging.getLogger("sip_luigi")

LINE_S = 60.0
"""Between two lines in a log."""
REFRESH_S = 1.0
MOST_RUNNING = 8
"""Running tasks that are named."""
LOGGERS = ("", "luigi", "luigi-interface", "luigi.scheduler", "sip_luigi")

Look = Callable[[], Sequence[Standing]]


class RunDisplay:
    """Shows how the tasks of a run stand.

    Parameters
    ----------
    look : callable
        How they stand now.
    weights_s : mapping
        How long a task of each stage takes, by its label; 1 s where it is not known. What takes longer counts for more.
    """

    def __init__(self, look: Look, weights_s: Mapping[str, float]) -> None:
        self.look, self.weights_s = look, weights_s
        self.began = time.monotonic()
        self.first: float | None = None

    def fraction(self, standings: Sequence[Standing]) -> float:
        """Part of the work that is done."""
        weights = [self.weights_s.get(standing.stage.partition(".")[0], 1.0) for standing in standings]
        over = sum(weight * _part(standing) for weight, standing in zip(weights, standings, strict=True))
        return over / sum(weights) if standings else 1.0

    def left_s(self, standings: Sequence[Standing]) -> float | None:
        """Time that is left, by the rate so far."""
        now = self.fraction(standings)
        if self.first is None:
            self.first = now
        return left_by_rate(self.first, now, time.monotonic() - self.began)

    def line(self) -> str:
        """All in one line."""
        standings = self.look()
        whole = tallied((standing._replace(node="") for standing in standings), "node").get("", Tally())
        running = [_named(standing) for standing in standings if standing.state == "running"]
        more = f" and {len(running) - MOST_RUNNING} more" if len(running) > MOST_RUNNING else ""
        names = f"; running: {', '.join(running[:MOST_RUNNING])}{more}" if running else ""
        return f"{whole.text()}{names}{_left(self.left_s(standings))}"

    def page(self) -> RenderableType:
        """All as bars."""
        standings = self.look()
        table = Table.grid(padding=(0, 2))
        for stage, tally in tallied(standings, "stage").items():
            colour = (
                "red"
                if tally.lost
                else "cyan"
                if tally.running
                else "green"
                if tally.fraction >= 1.0
                else "dim"
            )
            table.add_row(Text(stage, colour), _bar(tally.fraction), Text(tally.text()))
        running = [_named(standing) for standing in standings if standing.state == "running"]
        more = f" and {len(running) - MOST_RUNNING} more" if len(running) > MOST_RUNNING else ""
        names = Text(f"running: {', '.join(running[:MOST_RUNNING])}{more}" if running else "waiting for work")
        end = Text(f"{self.fraction(standings):.0%} done{_left(self.left_s(standings))}", "bold")
        return Group(table, names, end)


def _part(standing: Standing) -> float:
    if standing.state in ("done", "lost", "passed"):
        return 1.0
    return standing.progress or 0.0 if standing.state == "running" else 0.0


def _named(standing: Standing) -> str:
    return standing.task if standing.progress is None else f"{standing.task} {standing.progress:.0%}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    return f"; about {minutes} min left" if minutes else f"; about {seconds:.0f} s left"


def _bar(fraction: float, width: int = 24) -> Text:
    full = int(fraction * width)
    return Text.assemble(("━" * full, "green"), ("━" * (width - full), "dim"))


@contextmanager
def displayed(make: Callable[[], RunDisplay]) -> Iterator[None]:
    """Show it for the length of a ``with`` block, from a thread of its own."""
    try:
        display = make()
    except Exception:
        logger.debug("there is no display of this run", exc_info=True)
        yield
        return
    stop = threading.Event()
    console = Console(stderr=True)
    show = _in_place if console.is_terminal and not console.is_dumb_terminal else _as_lines
    thread = threading.Thread(target=_guarded, args=(show, display, console, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(2 * REFRESH_S)


Show = Callable[[RunDisplay, Console, threading.Event], None]


def _guarded(show: Show, display: RunDisplay, console: Console, stop: threading.Event) -> None:
    try:
        show(display, console, stop)
    except Exception:
        logger.debug("the display of the run has ended", exc_info=True)


def _as_lines(display: RunDisplay, console: Console, stop: threading.Event) -> None:
    last = ""
    while not stop.wait(LINE_S):
        text = display.line()
        if text != last:
            logger.info("%s", text)
        last = text


def _in_place(display: RunDisplay, console: Console, stop: threading.Event) -> None:
    with Live(display.page(), console=console, auto_refresh=False) as live, _logs_above():
        while not stop.wait(REFRESH_S):
            live.update(display.page(), refresh=True)
        live.update(display.page(), refresh=True)


@contextmanager
def _logs_above() -> Iterator[None]:
    """Have what is logged to the terminal appear above the bars, and of Luigi only what is wrong."""
    changed = []
    for name in LOGGERS:
        for handler in logging.getLogger(name).handlers:
            if type(handler) is logging.StreamHandler and handler.stream in (sys.__stderr__, sys.__stdout__):
                changed.append((handler, handler.stream, handler.level))
                handler.setStream(sys.stderr)
                if name != "sip_luigi":
                    handler.setLevel(max(handler.level, logging.WARNING))
    try:
        yield
    finally:
        for handler, stream, level in changed:
            with suppress(Exception):
                handler.setStream(stream)
                handler.setLevel(level)
