"""Which version of the shared sky model an observation begins with: chosen once, kept with the job."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sip_luigi.database.access import shared_database
from sip_luigi.database.engine import Database
from sip_luigi.database.schema import is_prepared, prepare
from sip_luigi.database.versions import database_id, head
from sip_luigi.domain.errors import ConfigurationError
from sip_luigi.node.files import write_atomically
from sip_luigi.settings import Settings

logger = logging.getLogger("sip_luigi")


@dataclass(frozen=True)
class Choice:
    """A version of the sky model in a database.

    Attributes
    ----------
    database : str
        Identity of the database; empty when none was asked.
    version : int
        0: the database knew nothing yet, and is not used.
    """

    database: str = ""
    version: int = 0


def choice_path(skymodels: Path, obs_id: str) -> Path:
    """Where the choice of an observation is kept."""
    return skymodels / f"{obs_id}.choice.json"


def choose(settings: Settings, skymodels: Path, obs_id: str, *, dry: bool = False) -> Choice:
    """The choice of an observation, made now if it has not been made; a dry run does not keep it.

    What the database learns later, from this very observation too, changes nothing here: an observation that is
    finished stays finished.

    Raises
    ------
    DatabaseError, ConfigurationError
        There is no choice yet and the database cannot be asked.
    """
    path = choice_path(skymodels, obs_id)
    chosen = _read(path)
    if chosen is None:
        chosen = newest(shared_database(settings), dry=dry)
        if (skymodels / f"{obs_id}.initial.skymodel").exists():
            # Processed before there was a database.
            chosen = Choice()
        chosen = chosen if dry else _keep(path, chosen)
    return chosen


def refresh(settings: Settings, skymodels: Path, obs_id: str) -> tuple[Choice | None, Choice]:
    """Choose afresh; the choices before and after."""
    path = choice_path(skymodels, obs_id)
    before, after = _read(path), newest(shared_database(settings))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(asdict(after)))
    return before, after


def newest(database: Database | None, *, dry: bool = False) -> Choice:
    """The newest version of a database; a dry run makes no tables in one that has none."""
    if database is None or not database.exists or (dry and not is_prepared(database)):
        return Choice()
    prepare(database)
    with database.reading() as connection:
        return Choice(database_id(connection), head(connection))


def _keep(path: Path, chosen: Choice) -> Choice:
    """Write the choice down unless another process was quicker; the one that counts."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    part.write_text(json.dumps(asdict(chosen)), encoding="utf-8")
    try:
        os.link(part, path)
    except FileExistsError:
        return _read(path) or chosen
    finally:
        part.unlink()
    return chosen


def _read(path: Path) -> Choice | None:
    try:
        value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return Choice(str(value["database"]), int(value["version"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"{path}: not the choice of a sky model ({error}); remove the file, or choose afresh: sip sky refresh OBS"
        ) from error
