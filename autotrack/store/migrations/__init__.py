"""Alembic scripts that create the tables of the store and bring older stores up to date."""
