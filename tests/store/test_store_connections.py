"""Connections to PostgreSQL that broke while they rested are replaced before they are used."""

from __future__ import annotations

import time

import pytest
from postgres_cluster import new_database
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from autotrack.store.engine import REST_SECONDS, open_engine


def test_connections_that_broke_while_they_rested_are_replaced() -> None:
    with new_database() as url:
        import psycopg

        engine = open_engine(url)
        with engine.connect() as first, engine.connect() as second:
            assert [one.scalar(text("SELECT 1")) for one in (first, second)] == [1, 1]
        with psycopg.connect(url, autocommit=True) as admin:
            others = "datname = current_database() AND pid <> pg_backend_pid()"
            ended = admin.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}").fetchall()
        assert len(ended) >= 2
        with engine.connect() as soon, pytest.raises(OperationalError):
            soon.scalar(text("SELECT 1"))
        time.sleep(REST_SECONDS)
        with engine.connect() as first, engine.connect() as second:
            assert [one.scalar(text("SELECT 1")) for one in (first, second)] == [1, 1]
        engine.dispose()
