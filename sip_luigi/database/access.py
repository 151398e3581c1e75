"""The shared database as the configuration names it."""

from __future__ import annotations

from sip_luigi.database.batch import Rules
from sip_luigi.database.engine import Database, database_url, open_database
from sip_luigi.domain.acceptance import Limits
from sip_luigi.domain.association import Criteria
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.domain.sky_summary import Judgement
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
        criteria=Criteria(chosen.max_de_ruiter_radius, chosen.association_radius_beams),
        judgement=Judgement(chosen.variability_probability),
        limits=Limits(chosen.max_noise_growth, chosen.min_dynamic_range_ratio, chosen.max_flux_ratio_change),
        significance_sigma=chosen.vanished_sigma,
        default_spectral_index=settings.sky_model.default_spectral_index,
    )
