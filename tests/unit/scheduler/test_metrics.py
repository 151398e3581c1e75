"""Figures for Prometheus through everything that may become of a task."""

import re

import pytest
from scheduler_calls import add, take

from sip_luigi.scheduler.metrics import SteadyMetrics


@pytest.fixture
def measured(make):
    scheduler = make(retry_count=2, retry_delay=0)
    scheduler.use_metrics(SteadyMetrics(scheduler.state))
    return scheduler


def scrape(scheduler):
    text = scheduler._state._metrics_collector.generate_latest().decode()
    found = re.findall(r'^(\w+)(?:\{(?:\w+)="(\w+)"\})? ([\d.]+)$', text, re.MULTILINE)
    return {(name, label): float(value) for name, label, value in found}


def test_a_task_that_fails_without_having_run(measured):
    add(measured, "a", status="FAILED")
    assert scrape(measured)["luigi_task_failed_total", "F"] == 1
    add(measured, "a", status="FAILED")
    found = scrape(measured)
    assert found["luigi_task_disabled_total", "F"] == 1
    assert found["luigi_tasks", "DISABLED"] == 1


def test_a_run_that_fails_and_then_succeeds(measured):
    add(measured, "a")
    assert take(measured) == "a"
    add(measured, "a", status="FAILED")
    measured.prune()
    assert take(measured) == "a"
    assert scrape(measured)["luigi_tasks", "RUNNING"] == 1
    add(measured, "a", status="DONE")
    found = scrape(measured)
    counted = [found[f"luigi_task_{what}_total", "F"] for what in ("started", "failed", "done")]
    assert counted == [2, 1, 1]
    assert found["luigi_task_execution_time_seconds", "F"] >= 0
    assert found["luigi_workers", ""] == 1
