"""The scheduler as the settings want it."""

from __future__ import annotations

from pathlib import Path

from luigi.configuration import get_config
from luigi.metrics import MetricsCollectors
from luigi.scheduler import scheduler as scheduler_section

from sip_luigi.scheduler.capacities import known_capacities
from sip_luigi.scheduler.central import CentralScheduler
from sip_luigi.scheduler.history import HistoryKeeper
from sip_luigi.scheduler.metrics import SteadyMetrics
from sip_luigi.settings import Settings


def state_directory(settings: Settings) -> Path:
    """Where state, lock and log of the scheduler lie."""
    given = settings.scheduler_server.directory
    return Path(given).expanduser().absolute() if given else settings.runtime_directory / "scheduler"


def lock_path(settings: Settings) -> Path:
    """The file whose lock says that a scheduler runs."""
    return state_directory(settings) / "scheduler.lock"


def log_path(settings: Settings) -> Path:
    """What a scheduler in the background says."""
    return state_directory(settings) / "scheduler.log"


def url_of(settings: Settings) -> str:
    """Where it answers to this machine."""
    chosen = settings.scheduler_server
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(chosen.address, chosen.address)  # noqa: S104
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"http://{host}:{chosen.port}"


def foreign_url() -> str:
    """Where Luigi's own settings say that runs find a scheduler; empty where they say nothing."""
    return str(get_config().get("core", "default_scheduler_url", "")).rstrip("/")


def make_scheduler(settings: Settings) -> CentralScheduler:
    """A scheduler that has taken up the state that was saved last."""
    url = settings.scheduler_server.history_url
    config = scheduler_section(
        state_path=str(state_directory(settings) / "state.json"), record_task_history=bool(url)
    )
    made = CentralScheduler(
        config=config,
        resources=known_capacities(settings),
        task_history_impl=HistoryKeeper(url) if url else None,
    )
    if config.metrics_collector in {MetricsCollectors.default, MetricsCollectors.prometheus}:
        made.use_metrics(SteadyMetrics(made.state))
    made.load()
    return made
