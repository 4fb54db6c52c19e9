"""The short way of hot statements: what it writes, undoes and raises is what SQLAlchemy's own connections do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, insert, select
from sqlalchemy.exc import DBAPIError, IntegrityError

from autotrack.errors import RunNotFoundError
from autotrack.store import Store
from autotrack.store.hot import HotConnection
from autotrack.store.schema import run, tag
from autotrack.store.statements import put
from autotrack.store.tracking.experiments import add_default_experiment
from autotrack.store.tracking.files import RUN, find_owners
from autotrack.store.tracking.runs import create_run, find_run, set_tags


def make_run(connection: Any, name: str = "a") -> Any:
    values = {"start_time": 1, "user_id": "me", "artifact_location": None, "tags": {"team": "x"}}
    return create_run(connection, 0, name=name, **values)


def write(store: Store, work: Callable[[HotConnection], Any]) -> None:
    with store.hot_writing() as connection:
        make_run(connection)
        work(connection)


FAILURES: list[tuple[Callable[[HotConnection], Any], type[Exception]]] = [
    (lambda _: 1 / 0, ZeroDivisionError),
    (lambda connection: put(connection, tag, [{"run_id": 10**9, "key": "of", "value": "nobody"}]), IntegrityError),
    (lambda connection: connection.run("SELECT nothing FROM nowhere", {}), DBAPIError),
]


def test_hot_and_other_statements_share_a_transaction(store_url: str) -> None:
    with Store.open(store_url) as store:
        with store.hot_writing() as connection:
            add_default_experiment(connection)  # no hot statement
            made = make_run(connection)
            set_tags(connection, made.row, {"team": "y", "more": "z"})
            assert connection.scalar(select(func.count()).select_from(tag)) == 2
        with store.hot_reading() as connection:
            assert find_run(connection, made.uid) == (made.row, 0, False)
            with pytest.raises(RunNotFoundError):
                find_run(connection, "0" * 32)
        with store.reading() as ordinary:
            rows = ordinary.execute(select(tag.c.key, tag.c.value).order_by(tag.c.key)).all()
        assert [tuple(row) for row in rows] == [("more", "z"), ("team", "y")]


def test_what_fails_leaves_nothing_and_raises_what_sqlalchemy_does(store_url: str) -> None:
    with Store.open(store_url) as store:
        with store.writing() as connection:
            add_default_experiment(connection)
        for work, error in FAILURES:
            with pytest.raises(error):
                write(store, work)
        with store.hot_writing() as connection:  # the connection of the pool is as good as new
            make_run(connection, "b")
        with store.reading() as connection:
            assert connection.scalars(select(run.c.name)).all() == ["b"]


def test_reading_sees_what_was_committed_meanwhile(store_url: str) -> None:
    with Store.open(store_url) as store, Store.open(store_url) as other:
        with store.writing() as connection:
            add_default_experiment(connection)
        with store.hot_reading() as reader:
            with other.writing() as writer:
                made = make_run(writer)
                writer.execute(insert(tag).values(run_id=made.row, key="late", value="x"))
            assert find_run(reader, made.uid).row == made.row
        with store.hot_writing() as connection:  # it is in no mode that was only for reading
            make_run(connection)
        assert store.count() == 2


def test_a_step_is_a_transaction_by_itself(store_url: str) -> None:
    with Store.open(store_url) as store, Store.open(store_url) as other:
        with store.hot_writing() as connection:
            add_default_experiment(connection)
            made = make_run(connection)
        with store.hot_step() as connection:
            put(connection, tag, [{"run_id": made.row, "key": "at once", "value": "x"}])
            with other.reading() as reader:  # it is committed, though the block goes on
                assert set(reader.scalars(select(tag.c.key))) == {"at once", "team"}
        with pytest.raises(IntegrityError), store.hot_step() as connection:
            put(connection, tag, [{"run_id": 10**9, "key": "of", "value": "nobody"}])
        with store.hot_writing() as connection:  # the connection of the pool is as good as new
            make_run(connection, "b")
        assert store.count() == 2


def test_files_owners_are_found_by_their_index(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: PostgreSQL reads the whole table where it is to join it with a function."""
    asked: list[tuple[str, Any]] = []
    run_it = HotConnection.run

    def listen(connection: HotConnection, text: str, rows: Any) -> Any:
        asked.append((text, rows))
        return run_it(connection, text, rows)

    monkeypatch.setattr(HotConnection, "run", listen)
    with Store.open(store_url) as store:
        with store.hot_writing() as connection:
            add_default_experiment(connection)
            made = [make_run(connection) for _ in range(4_000)]
        with store.hot_step() as connection:
            found = find_owners(connection, RUN, [made[7].uid, made[400].uid, "nobody's"])
            assert {owner.row for owner in found.values()} == {made[7].row, made[400].row}
            text, rows = asked[-1]
            explain = "EXPLAIN" if store.is_shared else "EXPLAIN QUERY PLAN"
            plan = str(connection.run(f"{explain} {text}", rows).fetchall())
    assert "Index Scan" in plan or "USING INDEX" in plan, plan
    assert "Seq Scan" not in plan, plan


def test_steps_that_are_taken_together_are_made_or_undone_together(store_url: str) -> None:
    with Store.open(store_url) as store:
        with store.hot_writing() as connection:
            add_default_experiment(connection)
            made = [make_run(connection) for _ in range(3)]
        rows = [{"run_id": one.row, "key": "k", "value": "v"} for one in made]
        wrong = {"run_id": 10**9, "key": "of", "value": "nobody"}
        with pytest.raises(IntegrityError), store.hot_step() as connection, connection.together():
            put(connection, tag, [*rows, wrong])
        assert count_tags(store) == 3, "those that the runs were made with"
        with store.hot_step() as connection, connection.together():
            put(connection, tag, rows)
        assert count_tags(store) == 6


def count_tags(store: Store) -> int:
    with store.reading() as connection:
        return int(connection.scalar(select(func.count()).select_from(tag)) or 0)
