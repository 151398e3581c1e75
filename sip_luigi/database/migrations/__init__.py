"""Changes of the tables, for Alembic: one file a change, each with its way back."""
