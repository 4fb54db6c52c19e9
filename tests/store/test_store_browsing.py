"""What the table of runs asks of a store, and what people change by hand, on SQLite and PostgreSQL."""

from __future__ import annotations

import math

import pytest
from store_fixtures import Writer

from autotrack.backends.sql import SqlBackend
from autotrack.errors import RunNotFoundError
from autotrack.records import DatasetLogged, Param, ParamsLogged, TagsSet
from autotrack.store import Store
from autotrack.store.browsing import (
    change_mark,
    count_all_keys,
    count_children,
    count_keys,
    metric_keys,
    read_cells,
    read_data_names,
)
from autotrack.store.editing import delete_view, rename_run, save_view, saved_views, set_tags
from autotrack.store.filters.syntax import Field

RUNS = [f"{number:032x}" for number in range(6)]
SCORES = [0.5, 0.7, 0.9, math.nan, 0.1, 0.3]


@pytest.fixture(autouse=True)
def runs(backend: SqlBackend) -> None:
    """Write six runs of two kinds; the last one is below the first."""
    for number, run_id in enumerate(RUNS):
        writer = Writer(run_id)
        parent = RUNS[0] if number == 5 else None
        records = [
            writer.started(time=number, name=f"run-{number}", experiment="e" if number < 4 else "f", parent_id=parent),
            writer.place(ParamsLogged(time=1, params={"kind": Param("ab"[number % 2], "str"), "n": Param("1", "int")})),
            writer.place(TagsSet(time=1, tags={"team": "x"})),
            writer.metrics(step=0, loss=9.0),
            writer.metrics(step=1, loss=SCORES[number]),
            writer.place(DatasetLogged(time=2, name="data", context="train", digest=f"d{number}")),
        ]
        backend.write(records)


def test_cells_are_those_asked_for(store: Store) -> None:
    fields = [Field("metric", "loss"), Field("metric", "loss", "max"), Field("param", "kind"), Field("tag", "no")]
    fields.append(Field("attribute", "experiment"))
    loss, most, kind, none, experiment = read_cells(store, RUNS[:4], fields)
    assert [loss[run] for run in RUNS[:3]] == [0.5, 0.7, 0.9]
    assert math.isnan(loss[RUNS[3]])  # type: ignore[arg-type]
    assert set(most.values()) == {9.0}
    assert kind[RUNS[1]] == Param("b", "str")
    assert none == {}
    assert experiment[RUNS[0]] == "e"


def test_keys_are_counted(store: Store) -> None:
    found = {(count.kind, count.key): (count.runs, count.values) for count in count_keys(store, RUNS[:3])}
    expected = {
        ("metric", "loss"): (3, 2),
        ("param", "kind"): (3, 2),
        ("param", "n"): (3, 1),
        ("tag", "team"): (3, None),
    }
    assert found == expected
    assert metric_keys(store, RUNS[:2]) == ["loss"]
    assert metric_keys(store, []) == []
    assert {count.key: count.runs for count in count_all_keys(store)} == {"loss": 6, "kind": 6, "n": 6, "team": 6}
    assert {count.key: count.runs for count in count_all_keys(store, "f")} == {"loss": 2, "kind": 2, "n": 2, "team": 2}


def test_children_and_data(store: Store) -> None:
    assert count_children(store, RUNS) == {RUNS[0]: 1}
    assert read_data_names(store, RUNS[:1]) == {RUNS[0]: [("data", "d0")]}


def test_mark_changes_with_every_change(store: Store, backend: SqlBackend) -> None:
    marks = [change_mark(store)]
    assert change_mark(store) == marks[0]
    backend.write([Writer("f" * 32).started()])
    marks.append(change_mark(store))
    store.delete_run(RUNS[0])
    marks.append(change_mark(store))
    store.restore_run(RUNS[0])
    marks.append(change_mark(store))
    assert len({*marks[:3]}) == 3
    assert marks[3] != marks[2]


def test_points_of_a_range_are_exact(store: Store, backend: SqlBackend) -> None:
    writer = Writer("e" * 32, "long")
    backend.write([writer.started(), *(writer.metrics(step=step, x=float(step % 7)) for step in range(3_000))])
    points = store.downsample("e" * 32, "x", 500, (1_000, 1_400))
    assert points.steps.tolist() == list(range(1_000, 1_401))
    assert len(store.downsample("e" * 32, "x", 50, (0, 2_999)).steps) <= 50
    assert store.metric_summary("e" * 32, "x") == store.metric_summaries("e" * 32)["x"]
    assert store.metric_summary("e" * 32, "none") is None


def test_edits_by_hand(store: Store) -> None:
    rename_run(store, RUNS[0], "better")
    set_tags(store, RUNS[:2], {"team": None, "new": "1"})
    assert store.get_run(RUNS[0]).name == "better"
    assert store.get_run(RUNS[1]).tags == {"new": "1"}
    with pytest.raises(RunNotFoundError):
        set_tags(store, [RUNS[2], "nobody"], {"new": "1"})
    assert "new" not in store.get_run(RUNS[2]).tags


def test_views(store: Store) -> None:
    save_view(store, "b", "filter=x")
    save_view(store, "a", "sort=y")
    save_view(store, "b", "filter=z")
    assert [(view.name, view.query) for view in saved_views(store)] == [("a", "sort=y"), ("b", "filter=z")]
    delete_view(store, "a")
    delete_view(store, "a")
    assert [view.name for view in saved_views(store)] == ["b"]


def test_queries_that_take_too_long_are_given_up(store_url: str) -> None:
    from sqlalchemy import text
    from sqlalchemy.exc import DBAPIError

    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with Store.open(store_url, create=False, query_seconds=0.2) as limited:
        for _ in range(2):
            with pytest.raises(DBAPIError), limited.reading() as connection:
                connection.execute(text(endless))
            assert limited.count() == 6


def test_reading_connections_change_nothing(store_url: str) -> None:
    refused = r"readonly|read-only"
    with Store.open(store_url, create=False) as reader, pytest.raises(Exception, match=refused):
        reader.delete_run(RUNS[0])
