"""Run by Alembic: changes go through the connection that :mod:`sip_luigi.database.schema` gives."""

from __future__ import annotations

from alembic import context

from sip_luigi.database.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    # SQLite changes a table by copying it.
    render_as_batch=True,
)
# The transaction is that of the caller: all changes are made, or none.
context.run_migrations()
