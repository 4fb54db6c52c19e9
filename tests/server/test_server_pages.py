"""What stands on the pages: marks of values no line can show, scores of child runs, trials, folds, names, reports."""

from __future__ import annotations

import html
import math
import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from ui_server import Client

import autotrack
from autotrack.records import Param
from autotrack.server.same_names import tell_apart
from autotrack.store import Store
from autotrack.store.rows import RunRow


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("pages") / "home"
    autotrack.enable(to=[str(home)], only=[], log_system_metrics=False, capture=[])
    try:
        with autotrack.start_run(name="strange", experiment="one"):
            for step, value in enumerate((1.0, math.inf, math.nan, 2.0, -math.inf, 3.0)):
                autotrack.log_metrics({"loss": value, "plain": step}, step=step)
        with autotrack.start_run(name="search", experiment="two", tags={"team": "blue"}):
            autotrack.log_metrics({f"test_{name}": 0.5 for name in ("accuracy", "roc_auc", "f1", "r2", "mae", "loss")})
            autotrack.log_table({"param_C": [1, 2], "mean_test_score": [0.25, 0.75]}, "cv_results.csv")
            for number in (1, 2):
                with autotrack.start_run(name=f"C={number}", nested=True):
                    autotrack.log_metrics({"mean_test_score": number / 4, "mean_fit_time": 1.0})
        with autotrack.start_run(name="study", experiment="three"):
            trials = {"number": [0, 1], "state": ["COMPLETE", "PRUNED"], "value": [0.5, 0.25], "params_x": [1, 2]}
            autotrack.log_table(trials, "trials.csv")
        with autotrack.start_run(name="folds", experiment="three"):
            autotrack.log_table({"fold": [0, 1], "test_score": [0.5, 0.75]}, "cv_folds.csv")
        autotrack.flush()
    finally:
        autotrack.disable()
    return home


def run_id(home: Path, name: str) -> str:
    with Store.open(home, create=False) as store:
        return store.find_run(name).id


def text_of(client: Client, path: str) -> str:
    reply = client.get(path)
    assert reply.status == 200, reply.text
    return html.unescape(re.sub(r"<[^>]+>", " ", reply.text))


def test_points_name_the_steps_that_have_no_place_on_a_line(client: Client, home: Path) -> None:
    query = [("run", run_id(home, "strange")), ("key", "loss"), ("key", "plain")]
    loss, plain = client.get(f"/api/points?{urlencode(query)}").json()["series"]
    assert (loss["nans"], loss["highs"], loss["lows"]) == ([2], [1], [4])
    assert (plain["nans"], plain["highs"], plain["lows"]) == ([], [], [])
    saved = client.get(f"/runs/{run_id(home, 'strange')}/report").text
    assert '"highs":[1],"lows":[4]' in saved


def test_child_runs_show_their_score_before_the_metrics_of_others(client: Client, home: Path) -> None:
    page = client.get(f"/?experiment=two&open={run_id(home, 'search')}").text
    heads = re.findall(r'<th scope="col" class="metric[^"]*"[^>]*title="([^"]+)"', page)
    assert heads[0] == "metrics.mean_test_score"
    [row] = [row for row in page.split("<tr ") if 'data-name="C=2"' in row]
    assert ">0.5</td>" in row
    assert "mean_test_score" not in client.get("/?experiment=two").text
    assert "mean_test_score" in text_of(client, f"/runs/{run_id(home, 'search')}")


def test_studies_and_cross_validations_have_a_page_too(client: Client, home: Path) -> None:
    for name, tab, words in (
        ("search", "Search", ("Candidates", "All candidates", "param_C")),
        ("study", "Search", ("Trials", "All trials", "PRUNED")),
        ("folds", "Folds", ("Folds", "0.75")),
    ):
        base = f"/runs/{run_id(home, name)}"
        page = text_of(client, f"{base}/search")
        assert re.search(rf'href="{base}/search"[^>]*>{tab}<', client.get(base).text), name
        assert all(word in page for word in words), name
    study = client.get(f"/runs/{run_id(home, 'study')}/search").text
    assert '"axes":["params_x","value"],"score":"value"' in study
    assert client.get(f"/runs/{run_id(home, 'strange')}/search").status == 404


def test_reports_hold_what_the_pages_show(client: Client, home: Path) -> None:
    report = text_of(client, f"/runs/{run_id(home, 'search')}/report")
    for words in ("Candidates", "Child runs", "mean_test_score", "Tags", "team", "blue", "Source", "took"):
        assert words in report, words
    assert "Download" not in report


def test_more_rows_fit_the_table_that_is_there(client: Client, home: Path) -> None:
    query = {"experiment": "two", "nested": "1", "size": "25", "fields": "metrics.mean_test_score,params.x"}
    page = client.get(f"/rows?{urlencode(query)}").text
    assert page.count("<tr ") == 3
    assert page.count("<canvas") == 0
    assert "page=1" not in page
    assert client.get(f"/rows?{urlencode({**query, 'spark': 'mean_test_score'})}").text.count("<canvas") == 3
    assert client.get(f"/rows?{urlencode({**query, 'page': '9'})}").text.count("<tr ") == 0
    assert client.get(f"/rows?{urlencode({**query, 'fields': 'metrics.'})}").status == 400
    assert client.get("/rows?filter=%3E%3E").status == 400


def test_all_runs_of_a_view_are_selected(client: Client, home: Path) -> None:
    found = client.get("/api/selection?experiment=three&sort=name").json()
    assert found == {"runs": [[run_id(home, "folds"), "folds"], [run_id(home, "study"), "study"]]}
    assert client.get("/api/selection?filter=(").status == 400


def row(number: int, name: str, **params: object) -> RunRow:
    values = {key: Param(str(value), type(value).__name__) for key, value in params.items()}
    times = {"start_time": 1, "end_time": None}
    return RunRow(
        id=f"{number:032x}", name=name, experiment="e", status="finished", parent_id=None, source="", error=None,
        deleted_at=None, params=values, metrics={}, tags={}, **times,
    )  # fmt: skip


def test_runs_of_one_name_are_told_apart() -> None:
    forests = [row(at, "forest", depth=depth, trees=50, seed=at % 2) for at, depth in enumerate((2, 4, 8))]
    assert [run.name for run in tell_apart([*forests, row(9, "ridge")])] == [
        "forest depth=2",
        "forest depth=4",
        "forest depth=8",
        "ridge",
    ]
    twins = [row(at, "net", rate=rate) for at, rate in enumerate((0.1, 0.1, 0.2))]
    assert [run.name for run in tell_apart(twins)] == [
        "net rate=0.1, 000000",
        "net rate=0.1, 000001",
        "net rate=0.2, 000002",
    ]
    assert [run.name for run in tell_apart([row(1, "x"), row(2, "x")])] == ["x 000001", "x 000002"]
    assert tell_apart([]) == []
