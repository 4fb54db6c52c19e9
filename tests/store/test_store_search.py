"""Reading a store: search, order, pages, values of any kind, deletion."""

from __future__ import annotations

import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event
from store_fixtures import Writer

from autotrack.backends.sql import SqlBackend
from autotrack.errors import FilterError, RunNotFoundError
from autotrack.records import (
    ArtifactLogged,
    DatasetLogged,
    EvaluationLogged,
    MetricsLogged,
    ModelLogged,
    NoteLogged,
    Param,
    ParamsLogged,
    TagsSet,
)
from autotrack.store import Store
from autotrack.store.rows import ArtifactRow, DatasetRow, EvaluationRow, ExperimentRow, ModelRow, NoteRow

VALUES = {"a1": 0.5, "a2": math.nan, "b1": 2.0, "b2": None, "c1": -1.0}


@pytest.fixture
def runs(backend: SqlBackend) -> dict[str, str]:
    """Write five runs, one a second, whose metric `acc` is in `VALUES`."""
    for second, (name, value) in enumerate(VALUES.items()):
        writer = Writer(name * 16)
        backend.write([writer.started(second * 10**9, name=f"run-{name}", experiment=name[0])])
        if value is not None:
            backend.write([writer.metrics(acc=value)])
    return {name: name * 16 for name in VALUES}


def _names(store: Store, **arguments: object) -> list[str]:
    return [run.id[:2] for run in store.search(**arguments)]  # type: ignore[arg-type]


def test_the_latest_run_comes_first(store: Store, runs: dict[str, str]) -> None:
    assert _names(store) == ["c1", "b2", "b1", "a2", "a1"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("metrics.acc", ["c1", "a1", "b1", "a2", "b2"]),
        ("metrics.acc desc", ["b1", "a1", "c1", "a2", "b2"]),
        ("count(metrics.acc) DESC, start_time asc", ["a1", "a2", "b1", "c1", "b2"]),
        ("experiment desc, name", ["c1", "b1", "b2", "a1", "a2"]),
        ("duration", ["c1", "b2", "b1", "a2", "a1"]),
        ("tags.none, params.none desc, id", ["a1", "a2", "b1", "b2", "c1"]),
    ],
)
def test_order(store: Store, runs: dict[str, str], order: str, expected: list[str]) -> None:
    assert _names(store, order_by=order) == expected


@pytest.mark.parametrize(("order", "column"), [("metrics.acc down", 12), ("acc", 0), ("name, , id", 6), ("name id", 5)])
def test_an_order_that_cannot_be_read(store: Store, order: str, column: int) -> None:
    with pytest.raises(FilterError) as caught:
        store.search(order_by=order)
    assert caught.value.column == column


def test_parameters_are_sorted_as_numbers_before_texts(backend: SqlBackend, store: Store) -> None:
    for name, text in {"a": "10", "b": "9", "c": "x", "d": "1e2"}.items():
        writer = Writer(name * 32)
        backend.write([writer.started(), writer.place(ParamsLogged(time=0, params={"C": Param(text, "str")}))])
    assert [run.id[0] for run in store.search(order_by="params.C")] == ["b", "a", "d", "c"]
    assert [run.id[0] for run in store.search("params.C >= 10")] == ["d", "a"]


def test_pages_and_counts(store: Store, runs: dict[str, str]) -> None:
    assert _names(store, limit=2, offset=1) == ["b2", "b1"]
    assert _names(store, offset=4) == ["a1"]
    assert _names(store, limit=0) == []
    assert _names(store, experiment="b") == ["b2", "b1"]
    assert store.count() == 5
    assert store.count("metrics.acc > 0", experiment="b") == 1


def test_a_page_takes_a_constant_number_of_queries(store: Store, runs: dict[str, str]) -> None:
    statements: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
    counts = set()
    for limit in (1, 5):
        statements.clear()
        store.search("metrics.acc > -5", order_by="metrics.acc", limit=limit)
        counts.add(len([statement for statement in statements if statement.startswith("SELECT")]))
    assert counts == {4}


def test_finding_a_run(store: Store, runs: dict[str, str]) -> None:
    assert store.find_run(runs["a1"]).name == "run-a1"
    assert store.find_run("a1").id == runs["a1"]
    assert store.find_run("run-b2").id == runs["b2"]
    assert store.find_run("@last").id == runs["c1"]
    with pytest.raises(RunNotFoundError, match=r"more than one run:\n.*run-a2.*\n.*run-a1"):
        store.find_run("a")
    for unknown in ("zz", "", "%", "a_"):
        with pytest.raises(RunNotFoundError, match="no run"):
            store.find_run(unknown)


def test_an_empty_store(store: Store) -> None:
    assert (store.search(), store.count(), store.experiments(), store.check()) == ([], 0, [], [])
    with pytest.raises(RunNotFoundError, match="no run yet"):
        store.find_run("@last")


def test_deleting_restoring_and_purging(backend: SqlBackend, store: Store, runs: dict[str, str]) -> None:
    store.delete_run(runs["b1"])
    assert _names(store) == ["c1", "b2", "a2", "a1"]
    assert _names(store, deleted=True) == ["b1"]
    assert store.find_run(runs["b1"]).deleted_at is not None
    assert store.experiments()[1] == ExperimentRow("b", 1, 3 * 10**9)
    store.restore_run(runs["b1"])
    assert "b1" in _names(store)
    store.purge(runs["b1"])
    with pytest.raises(RunNotFoundError):
        store.metric_history(runs["b1"], "acc")
    for action in (store.delete_run, store.restore_run, store.purge):
        with pytest.raises(RunNotFoundError):
            action(runs["b1"])
    assert store.check() == []


def test_children(backend: SqlBackend, store: Store) -> None:
    parent = Writer("p" * 32)
    children = [Writer(letter * 32) for letter in "xyz"]
    started = [child.started(time, parent_id=parent.run_id) for time, child in enumerate(children)]
    backend.write([*reversed(started), parent.started()])
    store.delete_run(children[1].run_id)
    assert [(run.id[0], run.parent_id) for run in store.children(parent.run_id)] == [("x", "p" * 32), ("z", "p" * 32)]


def test_everything_of_a_run_comes_back(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    schema, profile = [{"name": "x", "type": "double"}], {"rows": 3, "balance": [0.5, math.inf]}
    signature, report = {"inputs": "[]", "outputs": None, "params": None}, {"curves": [[0.0, 1.0]], "x": {"y": None}}
    records = [
        writer.started(tags={"team": "x"}),
        ArtifactLogged(time=3, path="b/c.txt", size=5, sha256="ab"),
        ArtifactLogged(time=2, path="a.txt", size=1, sha256="cd"),
        ArtifactLogged(time=4, path="a.txt", size=2, sha256="ef"),
        DatasetLogged(time=5, name="X", context="train", digest="d", schema=schema, profile=profile, source="s"),
        EvaluationLogged(time=6, split="test", task="binary", report=report),
        EvaluationLogged(time=7, split="test", task="binary", report={}),
        ModelLogged(time=8, name="model", flavors=["sklearn"], model_id="m", signature=signature, size=9),
        NoteLogged(time=9, code="evaluation.skipped", message="no ROC", level="warning"),
        ParamsLogged(time=9, params={"C": Param("1.0", "float"), "long": Param("x", "str", 70_000, "ab")}),
        TagsSet(time=9, tags={"team": None, "kept": "yes"}),
    ]
    backend.write([records[0], *(writer.place(record) for record in records[1:])])
    run_id = writer.run_id
    assert store.artifacts(run_id) == [ArtifactRow("a.txt", 2, "ef", 4), ArtifactRow("b/c.txt", 5, "ab", 3)]
    assert store.datasets(run_id) == [DatasetRow("X", "train", "d", schema, profile, "s", 5)]
    assert store.evaluations(run_id) == [
        EvaluationRow("test", "binary", report, 6),
        EvaluationRow("test", "binary", {}, 7),
    ]
    assert store.models(run_id) == [ModelRow("m", "model", ["sklearn"], signature, 9, 8)]
    assert store.notes(run_id) == [NoteRow("evaluation.skipped", "warning", "no ROC", 9)]
    run = store.find_run(run_id)
    assert run.params == {"C": Param("1.0", "float"), "long": Param("x", "str", 70_000, "ab")}
    assert run.tags == {"kept": "yes"}
    assert (run.source, run.status, run.start_time, run.end_time) == ("manual", "running", 1_000, None)


ANY_TEXT = st.text(st.characters(), max_size=20) | st.just("k" * 5_000) | st.just("é" * 900) | st.just("\ud800 \x00")


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(ANY_TEXT, ANY_TEXT, max_size=4))
def test_keys_and_values_of_any_text(backend: SqlBackend, store: Store, texts: dict[str, str]) -> None:
    writer = Writer(f"{abs(hash(tuple(texts.items()))):032x}")
    params = {key: Param(value, "str") for key, value in texts.items()}
    backend.write(
        [
            writer.started(),
            writer.place(ParamsLogged(time=0, params=params)),
            writer.place(TagsSet(time=0, tags=dict(texts))),
            writer.place(MetricsLogged(time=0, metrics=dict.fromkeys(texts, 1.0), step=0)),
        ]
    )
    run = store.find_run(writer.run_id)
    assert sorted(run.tags.values()) == sorted(texts.values())
    assert len(run.metrics) == len(texts)
    if all(len(key) < 300 for key in texts):
        assert run.params == params
        assert run.tags == texts
        assert set(run.metrics) == set(texts)
    for key in texts:
        assert len(store.metric_history(writer.run_id, key).steps) == 1
        if "`" not in key:
            assert writer.run_id in {r.id for r in store.search(f"metrics.`{key}` = 1", with_values=False)}


def test_long_keys_that_begin_alike_stay_apart(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    backend.write([writer.started(), writer.metrics(**{"k" * 2_000: 1.0, "k" * 2_001: 2.0})])
    assert sorted(store.find_run(writer.run_id).metrics.values()) == [1.0, 2.0]
