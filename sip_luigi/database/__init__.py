"""The database that all observations share: the sky as far as it is known, and what was done.

The only package that imports SQLAlchemy and Alembic.
"""

from __future__ import annotations

from sip_luigi.database.engine import Database, database_url, open_database

__all__ = ["Database", "database_url", "open_database"]
