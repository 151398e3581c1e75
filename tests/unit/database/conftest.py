"""The same tests on SQLite and on PostgreSQL."""

from databases import database, postgres

__all__ = ["database", "postgres"]
