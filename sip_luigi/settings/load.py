"""Read the sections through Luigi, check every key, and name file, section and key of what is refused."""

from __future__ import annotations

import configparser
import difflib
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import Field, dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, cast

import luigi
from luigi.configuration import LuigiConfigParser, get_config
from luigi.task import UnconsumedParameterWarning  # type: ignore[attr-defined]
from luigi.task_register import Register

from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.setting import Section, described_fields
from sip_luigi.programs.calibration import Calibration, Calibrator
from sip_luigi.programs.dp3_preprocess import Preprocessing
from sip_luigi.programs.pybdsf import SourceFinding
from sip_luigi.programs.wsclean import Imaging
from sip_luigi.settings.cleanup import Cleanup
from sip_luigi.settings.database import DatabaseSettings
from sip_luigi.settings.nightly import MailSettings, NightlySettings, WebhookSettings
from sip_luigi.settings.sections import (
    Cluster,
    Layout,
    Pipeline,
    Quality,
    SchedulerServer,
    SkyModelUpdate,
    Stations,
)

SECTIONS: tuple[type[Section], ...] = (
    Layout,
    Cluster,
    Pipeline,
    Preprocessing,
    Stations,
    Calibration,
    Calibrator,
    Imaging,
    SourceFinding,
    SkyModelUpdate,
    Quality,
    DatabaseSettings,
    SchedulerServer,
    Cleanup,
    NightlySettings,
    MailSettings,
    WebhookSettings,
)

LUIGI_SECTIONS = frozenset(
    [
        "core",
        "worker",
        "scheduler",
        "retcode",
        "resources",
        "email",
        "task_history",
        "logging",
        "execution_summary",
        "batch_notifier",
        "smtp",
        "sendgrid",
        "metrics",
        "datadog",
        "prometheus",
        "cors",
        "no_configure_logging",
    ]
)
"""Sections that belong to Luigi itself; it checks them, or not."""

DEFAULT_KEYS = {"runtime_directory": "runtime"}

LUIGI_DEFAULTS: Mapping[tuple[str, str], str] = {
    # Cron must never see success where there was none; Luigi's own default is 0 for all of them.
    ("retcode", "already_running"): "10",
    ("retcode", "missing_data"): "20",
    ("retcode", "not_run"): "25",
    ("retcode", "task_failed"): "30",
    ("retcode", "scheduling_error"): "35",
    ("retcode", "unhandled_exception"): "40",
    # Every stage looks at its inputs itself when it runs; Luigi would ask what was seen before the run.
    ("worker", "check_unfulfilled_deps"): "false",
    # luigid knows who runs what; a lock file of a killed process would only stand in the way.
    ("core", "no_lock"): "true",
    # A product that was removed is asked for again at once, not after ten seconds.
    ("scheduler", "stable_done_cooldown_secs"): "0",
    ("core", "autoload_range"): "false",
    # As long as Luigi's own three tries half a minute apart, but back sooner.
    ("core", "rpc_retry_attempts"): "30",
    ("core", "rpc_retry_wait"): "3",
}

S = TypeVar("S", bound=Section)


@dataclass(frozen=True)
class Settings:
    """Everything that a user can choose, checked.

    Attributes
    ----------
    runtime_directory : Path
        ``[DEFAULT] runtime_directory``, absolute.
    layout, cluster, pipeline, dppp, stations, calibration, calibrator, imaging, source_finding
        The sections.
    sky_model, quality, database, scheduler_server, cleanup, nightly, mail, webhook
        More of them.
    """

    runtime_directory: Path
    layout: Layout
    cluster: Cluster
    pipeline: Pipeline
    dppp: Preprocessing
    stations: Stations
    calibration: Calibration
    calibrator: Calibrator
    imaging: Imaging
    source_finding: SourceFinding
    sky_model: SkyModelUpdate
    quality: Quality
    database: DatabaseSettings
    scheduler_server: SchedulerServer
    cleanup: Cleanup
    nightly: NightlySettings
    mail: MailSettings
    webhook: WebhookSettings


def apply_luigi_defaults() -> None:
    """Give Luigi the sections, and the defaults that this pipeline relies on where no file says otherwise."""
    # Luigi finds the keys of [DEFAULT] in every section and calls them unused there; some of its own it reads
    # past the class that it looks for them.
    warnings.filterwarnings("ignore", ".*(runtime_directory|rpc_retry_)", UnconsumedParameterWarning)
    for section_class in SECTIONS:
        luigi_config(cast(Any, section_class))
    config = get_config()
    for (section, key), value in LUIGI_DEFAULTS.items():
        if not config.has_option(section, key):
            config.set(section, key, value)


def load_settings() -> Settings:
    """Read and check the whole configuration.

    Raises
    ------
    ConfigurationError
        An unknown section or key, a value of the wrong type or out of range, a file that does not exist.
    """
    apply_luigi_defaults()
    config = get_config()
    _refuse_unknown(config)
    runtime = config.defaults().get("runtime_directory", DEFAULT_KEYS["runtime_directory"])
    values: dict[str, Any] = {section.section: read_section(section) for section in SECTIONS}
    settings = Settings(runtime_directory=Path(runtime).expanduser().absolute(), **values)
    _refuse_missing_files(settings)
    return settings


def read_section(section: type[S]) -> S:
    """One section, from the command line (``--imaging-robust 0``), the files, or its defaults."""
    try:
        raw = luigi_config(cast(Any, section))()
    except configparser.Error as error:
        raise ConfigurationError(f"[{section.section}]: {error}") from error
    values = {}
    for item, _ in described_fields(section):
        values[item.name] = _convert(section, item, getattr(raw, item.name))
    try:
        return section(**values)
    except ConfigurationError as error:
        key = str(error).partition("]")[2].split("=")[0].strip()
        raise ConfigurationError(f"{_origin(section.section, key)}: {error}") from None


@cache
def luigi_config(section: Any) -> type[Any]:
    """The Luigi configuration class of a section, through which the command line reaches it."""
    parameters: dict[str, Any] = {
        item.name: luigi.Parameter(default=_text(item.default), description=meaning.doc)
        for item, meaning in described_fields(section)
    }
    return type(section.section, (luigi.Config,), {"__doc__": section.__doc__, **parameters})


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _convert(section: type[Section], item: Field[Any], text: str) -> Any:
    wanted: type[Any] = type(item.default)
    text = str(text).strip()
    try:
        if wanted is bool:
            return configparser.ConfigParser.BOOLEAN_STATES[text.lower()]
        return wanted(text)
    except (ValueError, KeyError):
        name = {bool: "true or false", int: "a whole number", float: "a number"}[wanted]
        where = _origin(section.section, item.name)
        message = f"{where}: [{section.section}] {item.name} = {text}: expected {name}"
        raise ConfigurationError(message) from None


def _refuse_unknown(config: LuigiConfigParser) -> None:
    _refuse_near_defaults(config)
    ours = {section.section: section for section in SECTIONS}
    families = set(Register.task_names())
    for name in config.sections():
        if name in ours:
            known = {item.name for item, _ in described_fields(ours[name])}
            _refuse_keys(config, name, known)
        elif name not in LUIGI_SECTIONS and name not in families:
            message = f"unknown section [{name}]{_suggestion(name, [*ours, *LUIGI_SECTIONS])}"
            raise ConfigurationError(f"{_origin(name)}: {message}")


def _refuse_near_defaults(config: LuigiConfigParser) -> None:
    for key in config.defaults():
        close = difflib.get_close_matches(key, DEFAULT_KEYS, n=1, cutoff=0.8)
        if close and key not in DEFAULT_KEYS:
            raise ConfigurationError(
                f"{_origin('DEFAULT', key)}: [DEFAULT] {key}: did you mean {close[0]!r}?"
            )


def _refuse_keys(config: LuigiConfigParser, section: str, known: set[str]) -> None:
    for key in config.options(section):
        if key.replace("-", "_") not in known and key not in config.defaults():
            message = f"[{section}] unknown key {key!r}{_suggestion(key, known)}"
            raise ConfigurationError(f"{_origin(section, key)}: {message}")


def _suggestion(word: str, known: Iterable[str]) -> str:
    known = sorted(known)
    close = difflib.get_close_matches(word, known, n=1)
    return f"; did you mean {close[0]!r}?" if close else "; known are " + ", ".join(known)


def _origin(section: str, key: str = "") -> str:
    """The configuration file that sets a key last, for messages."""
    for path in reversed(LuigiConfigParser._config_paths):
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read(path)
        except configparser.Error:
            return str(path)
        if parser.has_option(section, key) if key else parser.has_section(section):
            return str(path)
    return "command line"


def _refuse_missing_files(settings: Settings) -> None:
    named = (
        ("cluster", "clusterdesc", settings.cluster.clusterdesc),
        ("dppp", "parset", settings.dppp.parset),
        ("dppp", "ateam_skymodel", settings.dppp.ateam_skymodel),
        ("calibration", "parset", settings.calibration.parset),
        ("calibration", "skymodel", settings.calibration.skymodel),
        ("quality", "reference_catalogue", settings.quality.reference_catalogue),
        ("nightly", "expected_file", settings.nightly.expected_file),
        ("mail", "password_file", settings.mail.password_file),
        ("webhook", "url_file", settings.webhook.url_file),
        ("dppp", "strategy", settings.dppp.strategy if "/" in settings.dppp.strategy else ""),
    )
    for section, key, value in named:
        if value and not Path(value).is_file():
            message = (
                f"[{section}] {key} = {value}: no such file; name an existing file or leave the key empty"
            )
            raise ConfigurationError(f"{_origin(section, key)}: {message}")
