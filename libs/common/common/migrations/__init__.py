"""Alembic's environment, one for all services: run by `common.migrate`, never by hand."""
