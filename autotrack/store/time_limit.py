"""Give up queries that take too long, so that nobody can keep a server busy with one."""

from __future__ import annotations

import time

from sqlalchemy import Connection, Engine, event

INSTRUCTIONS = 10_000
"""SQLite asks whether to go on after so many steps of its virtual machine: some 0.1 ms."""


def limit_time(engine: Engine, seconds: float) -> None:
    """Let every transaction of an engine fail that takes longer than some seconds."""

    def of_sqlite(connection: Connection) -> None:
        end = time.monotonic() + seconds
        driver = connection.connection.driver_connection
        if driver is not None:
            driver.set_progress_handler(lambda: time.monotonic() > end, INSTRUCTIONS)

    def of_postgresql(connection: Connection) -> None:
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {int(seconds * 1000)}")

    if engine.dialect.name == "sqlite":
        event.listen(engine, "begin", of_sqlite, insert=True)  # before the BEGIN, which the last limit must not stop
    else:
        event.listen(engine, "begin", of_postgresql)
