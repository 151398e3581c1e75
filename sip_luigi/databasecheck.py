"""What `sip cluster check` says of the head node: the database, and the catalogues that a run would need."""

from __future__ import annotations

import time
from calendar import timegm
from pathlib import Path

from sip_luigi.database import schema
from sip_luigi.database.access import shared_database
from sip_luigi.database.engine import Database
from sip_luigi.database.queries import imports
from sip_luigi.domain.errors import SipError
from sip_luigi.settings import Settings

DAY_S = 86400.0
TIME = "%Y-%m-%dT%H:%M:%S+00:00"


def check_database(settings: Settings) -> tuple[list[str], list[str]]:
    """Look at the database and at what was imported.

    Returns
    -------
    problems, warnings : list of str
        What a run would fail on; what an operator should know.
    """
    problems: list[str] = []
    warnings = _reference(settings)
    try:
        database = shared_database(settings)
        if database is None:
            return problems, [*warnings, *_unknown_sky(settings, "there is no database")]
        found = schema.status(database)
        if found.problem:
            return [f"database {database.name}: {found.problem}"], warnings
        if not found.found:
            return problems, [*warnings, *_unknown_sky(settings, f"database {database.name} is empty")]
        warnings += _catalogues(settings, database)
    except SipError as error:
        problems.append(str(error))
    return problems, warnings


def _catalogues(settings: Settings, database: Database) -> list[str]:
    with database.reading() as connection:
        found = imports(connection)
    if not found:
        return _unknown_sky(settings, f"no survey was imported into database {database.name}")
    limit = settings.database.max_catalogue_age_days
    newest: dict[str, str] = {}
    for row in found:
        newest[row["name"]] = max(row["made"], newest.get(row["name"], ""))
    ages = {name: age_days(made) for name, made in newest.items()}
    return [
        f"catalogue {name} was imported {age:.0f} days ago, more than [database] max_catalogue_age_days = {limit:g}; "
        "import it afresh: sip sky import"
        for name, age in ages.items()
        if limit and age > limit
    ]


def age_days(made: str) -> float:
    """Days since a time in UTC, as versions have it."""
    return (time.time() - timegm(time.strptime(made, TIME))) / DAY_S


def _unknown_sky(settings: Settings, why: str) -> list[str]:
    if settings.calibration.skymodel:
        return []
    return [
        f"{why}, and [calibration] skymodel is empty: only fields of the standard calibrators and those observed "
        "before can be calibrated; import a survey: sip sky import"
    ]


def _reference(settings: Settings) -> list[str]:
    path, limit = settings.quality.reference_catalogue, settings.database.max_catalogue_age_days
    if not path or not limit:
        return []
    age = (time.time() - Path(path).stat().st_mtime) / DAY_S
    if age <= limit:
        return []
    return [f"[quality] reference_catalogue = {path} is {age:.0f} days old, more than {limit:g}; renew it"]
