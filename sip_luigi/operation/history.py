"""What the database can tell about an observation and its stages, where there is one; nothing is written."""

from __future__ import annotations

from typing import NamedTuple

from sip_luigi.database.access import shared_database
from sip_luigi.database.experience import Experience, experience, recipes
from sip_luigi.database.schema import is_prepared
from sip_luigi.domain.errors import SipError
from sip_luigi.operation.reasons import Recipes
from sip_luigi.settings import Settings


class History(NamedTuple):
    """What is known from earlier runs.

    Attributes
    ----------
    stages : dict
        Of each stage how long it takes and how much it writes.
    recipes : dict
        What the products of the observation were made of.
    problem : str
        Why nothing is known, empty where something is.
    """

    stages: dict[str, Experience]
    recipes: Recipes
    problem: str = ""


def history_of(settings: Settings, obs_id: str) -> History:
    """Ask the database; a plan is worth something without it too."""
    try:
        database = shared_database(settings)
        if database is None:
            return History({}, {}, "[database] url = none: no run is recorded")
        if not database.exists or not is_prepared(database):
            return History({}, {}, "no run has been recorded yet")
        with database.reading() as connection:
            found = History(experience(connection, obs_id), recipes(connection, obs_id))
    except SipError as error:
        return History({}, {}, str(error))
    return found if found.stages else found._replace(problem="no run has been recorded yet")
