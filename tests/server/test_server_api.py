"""What pages fetch and change: points, keys, edits, views, exports, events, and the limits of each."""

from __future__ import annotations

import csv
import http.client
import io
import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ui_server import Client, record_runs, serve

import autotrack
from autotrack.server.address import RunsView, quote, read_fields, read_view, write_field, write_fields
from autotrack.server.pages.run import read_evaluations
from autotrack.store import Store
from autotrack.store.filters import parse_filter
from autotrack.store.filters.syntax import Field


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Client]:
    """Give a server over a store of its own, which the test changes."""
    for server in serve(record_runs(tmp_path / "home")):
        yield Client(server)


def find(client: Client, name: str) -> str:
    with Store.open(client.server.place.home, create=False) as store:
        return store.find_run(name).id


def test_points_keep_extremes_and_say_where_there_was_no_number(client: Client) -> None:
    run = find(client, "run-0")
    [series] = client.get(f"/api/points?run={run}&key=loss&points=10").json()["series"]
    assert series["total"] == 60
    assert len(series["steps"]) <= 10
    assert series["nans"] == [30]
    assert max(series["values"]) == 1
    [whole] = client.get(f"/api/points?run={run}&key=loss").json()["series"]
    assert whole["steps"] == list(range(60))
    assert whole["values"][30] == "NaN"
    [part] = client.get(f"/api/points?run={run}&key=loss&from=10&to=19").json()["series"]
    assert part["steps"] == list(range(10, 20))


@pytest.mark.parametrize(
    "query", ["run=x&key=loss&points=x", "run=x&key=a&from=1e9", "key=loss", "run=x", "run=..&key=a"]
)
def test_points_refuse_what_is_no_question(client: Client, query: str) -> None:
    assert client.get(f"/api/points?{query}").status in {400, 404}
    assert client.get("/api/points?" + "&".join(["run=x&key=y"] * 70)).status == 400


def test_keys_and_filters(client: Client) -> None:
    found = {field["field"]: field["runs"] for field in client.get("/api/keys?experiment=first").json()["fields"]}
    assert found["metrics.loss"] == 3
    assert found["params.lr"] == 3
    assert "status" in found
    assert client.get("/api/filter?filter=metrics.loss+%3C+1").json() == {"error": None}
    assert client.get("/api/filter?filter=metrics.loss+%3C").json()["column"] == 14


def test_same_filter_finds_the_same_runs_as_python(client: Client) -> None:
    for text in ("params.lr < 0.05", 'name like "run-%" and metrics.val_accuracy > 0.7', 'status = "failed"'):
        rows = json.loads(client.get(f"/export/runs.json?{RunsView(filter=text).query()}").body)
        with Store.open(client.server.place.home, create=False) as store:
            assert [row["id"] for row in rows] == [run.id for run in store.search(text)]


def test_rename_tag_delete_restore(fresh: Client) -> None:
    run, parent, child = (find(fresh, name) for name in ("run-0", "parent", "child"))
    assert fresh.post("/api/runs", {"action": "rename", "runs": [run], "name": " better "}).status == 200
    assert (
        fresh.post("/api/runs", {"action": "tag", "runs": [run, parent], "tags": {"team": "a", "x": None}}).status
        == 200
    )
    with Store.open(fresh.server.place.home) as store:
        assert store.get_run(run).name == "better"
        assert store.get_run(parent).tags["team"] == "a"
    moved = fresh.post("/api/runs", {"action": "delete", "runs": [parent]}).json()["runs"]
    assert set(moved) == {parent, child}
    assert parent not in fresh.get("/", accept="text/html").text
    assert parent in fresh.get("/?deleted=1", accept="text/html").text
    assert set(fresh.post("/api/runs", {"action": "restore", "runs": [parent]}).json()["runs"]) == {parent, child}
    assert fresh.post("/api/runs", {"action": "tag", "runs": [run], "tags": {"team": None}}).status == 200
    with Store.open(fresh.server.place.home) as store:
        assert "team" not in store.get_run(run).tags


@pytest.mark.parametrize(
    "edit",
    [
        {},
        [],
        {"action": "purge", "runs": ["a"]},
        {"action": "delete", "runs": []},
        {"action": "delete", "runs": ["a"] * 1001},
        {"action": "delete", "runs": [1]},
        {"action": "delete", "runs": "a"},
        {"action": "delete", "runs": ["../x"]},
        {"action": "rename", "runs": ["a" * 32], "name": " "},
        {"action": "rename", "runs": ["a" * 32], "name": "x" * 1001},
        {"action": "tag", "runs": ["a" * 32], "tags": {"": "x"}},
        {"action": "delete", "runs": ["a" * 32], "path": "/etc"},
    ],
)
def test_edits_that_say_something_else_are_refused(client: Client, edit: Any) -> None:
    assert client.post("/api/runs", edit).status in {400, 404}


def test_one_unknown_run_changes_no_other(fresh: Client) -> None:
    run = find(fresh, "run-0")
    assert fresh.post("/api/runs", {"action": "tag", "runs": [run, "f" * 32], "tags": {"team": "a"}}).status == 404
    with Store.open(fresh.server.place.home) as store:
        assert "team" not in store.get_run(run).tags


def test_views_are_kept_and_forgotten(fresh: Client) -> None:
    query = "filter=params.lr+%3C+1&sort=metrics.loss&evil=%3Cscript%3E"
    assert fresh.post("/api/views", {"name": "<b>mine</b>", "query": query}).status == 200
    page = fresh.get("/", accept="text/html").text
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert "filter=params.lr+%3C+1&amp;sort=metrics.loss" in page
    assert "evil" not in page
    fresh.post("/api/views", {"name": "<b>mine</b>"})
    assert "mine" not in fresh.get("/", accept="text/html").text


def test_exports_keep_spreadsheets_from_running_cells(fresh: Client) -> None:
    run = find(fresh, "run-0")
    fresh.post("/api/runs", {"action": "rename", "runs": [run], "name": "=cmd|' /C calc'!A0"})
    rows = list(csv.DictReader(io.StringIO(fresh.get("/export/runs.csv?experiment=first").text)))
    assert len(rows) == 3
    assert {row["name"] for row in rows} == {"'=cmd|' /C calc'!A0", "run-1", "run-2"}
    raw = list(csv.DictReader(io.StringIO(fresh.get(f"/export/runs.csv?runs={run}&raw=1").text)))
    assert [row["name"] for row in raw] == ["=cmd|' /C calc'!A0"]
    chosen = list(csv.DictReader(io.StringIO(fresh.get("/export/runs.csv?experiment=first&columns=params.lr").text)))
    assert list(chosen[0]) == ["id", "name", "params.lr"]


def test_change_is_told_within_a_second(fresh: Client) -> None:
    """A page that is open hears of a new run."""
    heard: list[float] = []
    connection = http.client.HTTPConnection("127.0.0.1", fresh.port, timeout=10)
    connection.request("GET", "/api/events", headers=fresh.token)
    stream = connection.getresponse()
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.readline().startswith(b"data: ")
    stream.readline()
    reader = threading.Thread(
        target=lambda: heard.append(time.monotonic()) if stream.readline().startswith(b"data") else 0
    )
    reader.start()
    run = find(fresh, "run-0")
    start = time.monotonic()
    fresh.post("/api/runs", {"action": "delete", "runs": [run]})
    reader.join(5)
    assert heard
    assert heard[0] - start < 2.0
    connection.close()


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=200))
def test_no_filter_breaks_the_page(client: Client, text: str) -> None:
    reply = client.get("/?" + RunsView(filter=text.encode("utf-8", "replace").decode()).query(), accept="text/html")
    assert reply.status == 200


@given(st.sampled_from(["metric", "param", "tag"]), st.text(min_size=1, max_size=60), st.sampled_from(["last", "max"]))
def test_any_key_can_be_a_column(kind: str, key: str, statistic: str) -> None:
    field = Field(kind, key, statistic if kind == "metric" else "last")
    assert read_fields(write_fields([field, field])) == [field]
    assert parse_filter(f"{write_field(field)} is null") is not None
    assert parse_filter(f"name = {quote(key)}").values == (key,)


def test_whole_view_is_in_the_address() -> None:
    from starlette.datastructures import QueryParams

    view = RunsView("e", "a", "b", "c", "d", ("x", "y"), nested=True, deleted=True, page=3, size=50)
    assert read_view(QueryParams(view.query())) == view
    assert RunsView().query() == ""
    assert read_view(QueryParams("page=-1&size=7&nested=yes")) == RunsView()


def test_groups_are_over_all_runs(client: Client) -> None:
    page = client.get("/?group=experiment&columns=metrics.val_accuracy&nested=1", accept="text/html").text
    with Store.open(client.server.place.home, create=False) as store:
        values = [run.metrics["val_accuracy"] for run in store.search(experiment="first")]
    mean = sum(values) / 3
    spread = math.sqrt(sum((value - mean) ** 2 for value in values) / 2)
    assert f'{mean:.5g} <span class="muted">± {spread:.2g}</span>' in page


def test_no_store_yet(tmp_path: Path) -> None:
    for server in serve(tmp_path / "empty"):
        client = Client(server)
        assert "No runs yet" in client.get("/", accept="text/html").text
        record_runs(tmp_path / "empty")
        assert "run-0" in client.get("/", accept="text/html").text


def test_patterns_that_take_forever_are_refused(fresh: Client) -> None:
    with Store.open(fresh.server.place.home) as store:
        run = store.find_run("run-0").id
    fresh.post("/api/runs", {"action": "tag", "runs": [run], "tags": {"bad": "a" * 40}})
    started = time.monotonic()
    reply = fresh.get("/?" + RunsView(filter='tags.bad ~ "(a+)+$b"').query(), accept="text/html")
    assert time.monotonic() - started < 10
    assert "may take forever" in reply.text


def test_labels_alone_do_not_hide_the_curves_of_the_same_predictions(tmp_path: Path) -> None:
    """As after `model.evaluate`, which has probabilities, and `f1_score`, which has labels only."""
    truth, scores = [0, 1] * 10, [at / 20 for at in range(20)]
    labels = [int(score > 0.5) for score in scores]
    for others, curves in ((labels, 3), ([1 - label for label in labels], 0)):
        home = tmp_path / str(curves)
        autotrack.enable(to=[str(home)], only=[], log_system_metrics=False, capture=[])
        try:
            with autotrack.start_run() as run:
                autotrack.evaluate(truth, labels, scores, split="test")
                autotrack.evaluate(truth, others, split="test")
            autotrack.flush()
        finally:
            autotrack.disable()
        with Store.open(home, create=False) as store:
            assert len(read_evaluations(store, run.id)[0].curves) == curves
