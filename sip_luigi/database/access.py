"""The shared database as the configuration names it."""

from __future__ import annotations

from sip_luigi.database.batch import Rules
from sip_luigi.database.engine import Database, database_url, open_database
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.settings import Settings


def shared_database(settings: Settings) -> Database | None:
    """The database of ``[database] url``, None where there is to be none; nothing is opened yet."""
    url = database_url(settings.database.url, settings.runtime_directory)
    return open_database(url, settings.database.wait_s) if url else None


def required_database(settings: Settings) -> Database:
    """The same for commands that are about it.

    Raises
    ------
    ConfigurationError
        ``[database] url`` says that there is none.
    """
    database = shared_database(settings)
    if database is None:
        raise ConfigurationError(
            "[database] url = none: there is no database; name one, or leave the key empty"
        )
    return database


def rules_of(settings: Settings) -> Rules:
    """By which the sky model learns."""
    chosen = settings.database
    return Rules(
        criteria=chosen.criteria,
        judgement=chosen.judgement,
        limits=chosen.limits,
        significance_sigma=chosen.vanished_sigma,
        default_spectral_index=settings.sky_model.default_spectral_index,
    )
