"""Alembic's environment and the migrations (`alertd.store.migrate` runs them)."""
