"""The same requests to our server and to a real `mlflow server`: the same answers, but for what is listed here.

What differs on purpose: infinity stays infinity, malformed values are refused instead of stored as 0, an unknown status
is refused instead of passed over, nothing is cut, no answer has a workspace, versions have a user.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mlflow_server import mlflow_server
from team_server import ask, team_server

pytestmark = pytest.mark.slow

OURS, THEIRS = 0, 1
NOT_COMPARED = {"workspace", "sqlstate", "error_class", "message", "user_id"}
API = "/api/2.0/mlflow/"
_ID = re.compile(r"[0-9a-f]{32}")
Urls = tuple[str, str]


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Urls]:
    ours, theirs = tmp_path_factory.mktemp("ours"), tmp_path_factory.mktemp("theirs")
    with team_server(ours, "--no-login") as ours_url, mlflow_server(theirs) as theirs_url:
        yield ours_url, theirs_url


def plain(answer: Any) -> Any:
    """Return an answer without what must differ: ids, times of now, the order of values."""
    if isinstance(answer, dict):
        known = {key: plain(value) for key, value in answer.items() if key not in NOT_COMPARED}
        if "latest_versions" in known:
            known["latest_versions"].sort(key=lambda version: int(version["version"]))
        return known
    if isinstance(answer, list):
        items = [plain(value) for value in answer]
        keyed = all(isinstance(item, dict) and "key" in item and "step" not in item for item in items)
        return sorted(items, key=json.dumps) if keyed else items
    if isinstance(answer, str):
        return _ID.sub("<id>", answer)
    return "<now>" if isinstance(answer, int) and answer > 1_750_000_000_000 else answer


class Both:
    """Sends each request to both servers, with the ids of each, and compares what they say."""

    def __init__(self, urls: Urls) -> None:
        self.urls = urls
        self.ids: list[tuple[str, str]] = []

    def __call__(self, method: str, path: str, body: Any = None) -> list[Any]:
        answers = []
        for server, url in enumerate(self.urls):
            mine = self._own(json.dumps([path, body]), server)
            where, content = json.loads(mine)
            answers.append(ask(url, method, API + where, content))
        (ours, our_answer), (theirs, their_answer) = answers
        assert (ours, plain(our_answer)) == (theirs, plain(their_answer)), (method, path, body)
        return [our_answer, their_answer]

    def know(self, answers: list[Any], *keys: str) -> str:
        """Remember an id that each server has given, and return the word that stands for it."""
        found = []
        for answer in answers:
            for key in keys:
                answer = answer[key]  # noqa: PLW2901 - one step further in
            found.append(answer)
        self.ids.append((found[0], found[1]))
        return f"<<{len(self.ids) - 1}>>"

    def _own(self, text: str, server: int) -> str:
        return re.sub(r"<<(\d+)>>", lambda match: self.ids[int(match[1])][server], text)


def test_a_session(urls: Urls) -> None:
    both = Both(urls)
    experiment = both.know(
        both("POST", "experiments/create", {"name": "e", "tags": [{"key": "a", "value": "b"}]}), "experiment_id"
    )
    for method, path, body in (
        ("GET", "experiments/get-by-name?experiment_name=e", None),
        ("GET", f"experiments/get?experiment_id={experiment}", None),
        ("GET", "experiments/get?experiment_id=99999", None),
        ("GET", "experiments/get?experiment_id=x", None),
        ("POST", "experiments/create", {"name": "e"}),
        ("POST", "experiments/create", {}),
        ("POST", "experiments/search", {"max_results": 5, "filter": "name LIKE 'e%'"}),
        ("POST", "experiments/search", {"max_results": 0}),
        ("POST", "experiments/set-experiment-tag", {"experiment_id": experiment, "key": "k", "value": "v"}),
        ("POST", "experiments/update", {"experiment_id": experiment, "new_name": "renamed"}),
        ("POST", "experiments/delete", {"experiment_id": experiment}),
        ("POST", "experiments/delete", {"experiment_id": experiment}),
        ("POST", "runs/create", {"experiment_id": experiment}),
        ("POST", "experiments/restore", {"experiment_id": experiment}),
        ("GET", f"experiments/get?experiment_id={experiment}", None),
    ):
        both(method, path, body)
    made = {
        "experiment_id": experiment,
        "start_time": 1,
        "user_id": "me",
        "run_name": "r",
        "tags": [{"key": "t", "value": "1"}],
    }
    run = both.know(both("POST", "runs/create", made), "run", "info", "run_id")
    metric = {"run_id": run, "key": "m", "timestamp": 5, "step": 1}
    data = {"name": "d", "digest": "x", "source_type": "local", "source": "{}", "schema": "{}", "profile": "{}"}
    for method, path, body in (
        ("POST", "runs/log-metric", {**metric, "value": 1.5}),
        ("POST", "runs/log-metric", {**metric, "value": "NaN", "step": 2, "timestamp": 6}),
        ("POST", "runs/log-metric", {**metric, "value": "abc"}),
        ("POST", "runs/log-metric", {**metric, "value": 1, "key": "a@b"}),
        ("POST", "runs/log-metric", {**metric, "value": 1, "key": "/a"}),
        ("POST", "runs/log-parameter", {"run_id": run, "key": "p", "value": "1"}),
        ("POST", "runs/log-parameter", {"run_id": run, "key": "p", "value": "2"}),
        ("POST", "runs/set-tag", {"run_id": run, "key": "x", "value": "2"}),
        ("POST", "runs/delete-tag", {"run_id": run, "key": "x"}),
        ("POST", "runs/delete-tag", {"run_id": run, "key": "x"}),
        ("POST", "runs/log-batch", {"run_id": run, "params": [{"key": "d", "value": "1"}, {"key": "d", "value": "2"}]}),
        ("POST", "runs/log-batch", {"run_id": run, "params": [{"key": f"p{n}", "value": ""} for n in range(101)]}),
        (
            "POST",
            "runs/log-inputs",
            {
                "run_id": run,
                "datasets": [{"dataset": data, "tags": [{"key": "mlflow.data.context", "value": "train"}]}],
            },
        ),
        ("GET", f"runs/get?run_id={run}", None),
        ("GET", "runs/get?run_id=missing", None),
        ("GET", f"metrics/get-history?run_id={run}&metric_key=m", None),
        ("GET", f"metrics/get-history?run_id={run}&metric_key=none", None),
        ("GET", f"metrics/get-history-bulk-interval?run_ids={run}&metric_key=m&max_results=5", None),
        ("POST", "runs/search", {"experiment_ids": [experiment], "filter": "dataset.name = 'd'"}),
        ("POST", "runs/update", {"run_id": run, "status": "FINISHED", "end_time": 9}),
        ("POST", "runs/delete", {"run_id": run}),
        ("POST", "runs/log-metric", {**metric, "value": 1}),
        ("POST", "runs/search", {"experiment_ids": [experiment], "run_view_type": "DELETED_ONLY"}),
        ("POST", "runs/restore", {"run_id": run}),
        ("GET", f"artifacts/list?run_id={run}", None),
    ):
        both(method, path, body)
    wish = {
        "experiment_id": experiment,
        "name": "mod",
        "model_type": "sk",
        "source_run_id": run,
        "params": [{"key": "a", "value": "1"}],
    }
    model = both.know(both("POST", "logged-models", wish), "model", "info", "model_id")
    for method, path, body in (
        ("POST", "runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": 0}]}),
        ("POST", "runs/outputs", {"run_id": run, "models": [{"model_id": model, "step": 0}]}),
        (
            "POST",
            "runs/log-metric",
            {**metric, "key": "acc", "value": 0.5, "model_id": model, "dataset_name": "d", "dataset_digest": "x"},
        ),
        ("PATCH", f"logged-models/{model}", {"model_id": model, "status": "LOGGED_MODEL_READY"}),
        ("PATCH", f"logged-models/{model}/tags", {"model_id": model, "tags": [{"key": "z", "value": "1"}]}),
        ("GET", f"logged-models/{model}", None),
        ("DELETE", f"logged-models/{model}/tags/z", None),
        ("DELETE", f"logged-models/{model}/tags/z", None),
        (
            "POST",
            "logged-models/search",
            {"experiment_ids": [experiment], "filter": "metrics.acc > 0.1 AND params.a = '1'"},
        ),
        ("POST", "logged-models/search", {"experiment_ids": [experiment], "order_by": [{"field_name": "metrics.acc"}]}),
        ("POST", "logged-models/search", {"experiment_ids": [experiment], "datasets": [{"dataset_name": "other"}]}),
        ("DELETE", f"logged-models/{model}", None),
        ("GET", f"logged-models/{model}", None),
    ):
        both(method, path, body)


def test_a_session_with_the_registry(urls: Urls) -> None:
    both = Both(urls)
    for method, path, body in (
        ("POST", "registered-models/create", {"name": "m", "description": "d", "tags": [{"key": "a", "value": "b"}]}),
        ("POST", "registered-models/create", {"name": "m"}),
        ("POST", "registered-models/create", {"name": "a/b"}),
        ("GET", "registered-models/get?name=missing", None),
        (
            "POST",
            "model-versions/create",
            {"name": "m", "source": "s3://b/x", "description": "v", "tags": [{"key": "k", "value": "v"}]},
        ),
        ("POST", "model-versions/create", {"name": "m", "source": "/etc"}),
        ("POST", "model-versions/create", {"name": "m", "source": "s3://b/y", "run_link": "http://x"}),
        ("POST", "model-versions/create", {"name": "missing", "source": "s3://b/x"}),
        ("GET", "model-versions/get?name=m&version=1", None),
        ("GET", "model-versions/get?name=m&version=9", None),
        ("GET", "model-versions/get?name=m&version=x", None),
        ("GET", "model-versions/get-download-uri?name=m&version=1", None),
        ("GET", "model-versions/search?filter=tags.k%3D'v'", None),
        ("GET", "model-versions/search?filter=foo%3D'v'", None),
        (
            "POST",
            "model-versions/transition-stage",
            {"name": "m", "version": "1", "stage": "production", "archive_existing_versions": False},
        ),
        (
            "POST",
            "model-versions/transition-stage",
            {"name": "m", "version": "2", "stage": "Production", "archive_existing_versions": True},
        ),
        (
            "POST",
            "model-versions/transition-stage",
            {"name": "m", "version": "2", "stage": "foo", "archive_existing_versions": True},
        ),
        ("GET", "registered-models/get-latest-versions?name=m&stages=Production", None),
        ("PATCH", "registered-models/update", {"name": "m", "description": "new"}),
        ("PATCH", "model-versions/update", {"name": "m", "version": "1", "description": "new"}),
        ("POST", "registered-models/set-tag", {"name": "m", "key": "x", "value": "y"}),
        ("DELETE", "registered-models/delete-tag", {"name": "m", "key": "x"}),
        ("DELETE", "registered-models/delete-tag", {"name": "m", "key": "x"}),
        ("POST", "registered-models/alias", {"name": "m", "alias": "best", "version": "1"}),
        ("POST", "registered-models/alias", {"name": "m", "alias": "latest", "version": "1"}),
        ("POST", "registered-models/alias", {"name": "m", "alias": "v2", "version": "1"}),
        ("POST", "registered-models/alias", {"name": "m", "alias": "best", "version": "9"}),
        ("GET", "registered-models/alias?name=m&alias=best", None),
        ("GET", "registered-models/alias?name=m&alias=none", None),
        ("GET", "registered-models/search?filter=name%20LIKE%20'm%25'", None),
        ("GET", "registered-models/search?filter=tags.a%3D'b'", None),
        ("DELETE", "registered-models/alias", {"name": "m", "alias": "best"}),
        ("POST", "registered-models/rename", {"name": "m", "new_name": "n"}),
        ("DELETE", "model-versions/delete", {"name": "n", "version": "1"}),
        ("DELETE", "registered-models/delete", {"name": "n"}),
        ("DELETE", "registered-models/delete", {"name": "n"}),
    ):
        both(method, path, body)


NUMBERS = st.integers(-5, 5).map(lambda number: number / 2)
KEYS = st.sampled_from(["a", "b", "c d", "x/y"])
RUN = st.fixed_dictionaries(
    {
        "metrics": st.lists(st.tuples(KEYS, NUMBERS), max_size=6),
        "params": st.dictionaries(KEYS, st.sampled_from(["1", "2", "10", "x", "Xy", ""]), max_size=3),
        "tags": st.dictionaries(KEYS, st.sampled_from(["1", "x", "X", "a%b", "é"]), max_size=3),
        "status": st.sampled_from(["RUNNING", "FINISHED", "FAILED", "KILLED"]),
    }
)
QUOTED = KEYS.map(lambda key: f"`{key}`")
TEXTS = st.sampled_from(["'x'", "'X%'", "'1'", "'_'", "'%a%'"])
COMPARISON = (
    st.tuples(QUOTED, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), NUMBERS).map(
        lambda c: f"metrics.{c[0]} {c[1]} {c[2]}"
    )
    | st.tuples(st.sampled_from(["params", "tags"]), QUOTED, st.sampled_from(["=", "!=", "LIKE", "ILIKE"]), TEXTS).map(
        lambda c: f"{c[0]}.{c[1]} {c[2]} {c[3]}"
    )
    | st.tuples(st.sampled_from(["params", "tags"]), QUOTED, st.sampled_from(["IS NULL", "IS NOT NULL"])).map(
        lambda c: f"{c[0]}.{c[1]} {c[2]}"
    )
    | st.sampled_from(
        ["status = 'FINISHED'", "status != 'RUNNING'", "attributes.run_name LIKE 'run-_'", "start_time > 1700000000002"]
    )
)
ORDER = st.lists(
    st.tuples(
        QUOTED.map(lambda key: f"metrics.{key}")
        | QUOTED.map(lambda key: f"params.{key}")
        | QUOTED.map(lambda key: f"tags.{key}")
        | st.sampled_from(["attributes.start_time", "run_name", "status"]),
        st.sampled_from(["ASC", "DESC"]),
    ).map(" ".join),
    max_size=2,
    unique_by=lambda term: term.rpartition(" ")[0],  # the same field twice is an internal error of MLflow
)


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    runs=st.lists(RUN, min_size=1, max_size=5),
    searches=st.lists(st.tuples(st.lists(COMPARISON, max_size=2).map(" AND ".join), ORDER), min_size=3, max_size=6),
    number=st.integers(0, 10**9),
)
def test_any_runs_are_found_alike(urls: Urls, runs: list[dict[str, Any]], searches: list[Any], number: int) -> None:
    both = Both(urls)
    name = f"x{number}-{abs(hash(str(runs) + str(searches)))}"
    made = [ask(url, "POST", f"{API}experiments/create", {"name": name}) for url in urls]
    if any(status != 200 for status, _ in made):  # hypothesis has come back to an example
        return
    both.ids.append((made[0][1]["experiment_id"], made[1][1]["experiment_id"]))
    for at, run in enumerate(runs):
        wish = {"experiment_id": "<<0>>", "start_time": 1_700_000_000_000 + at, "run_name": f"run-{at}", "user_id": "u"}
        answers = [
            ask(url, "POST", f"{API}runs/create", {**wish, "experiment_id": both.ids[0][n]})[1]
            for n, url in enumerate(urls)
        ]
        run_id = both.know(answers, "run", "info", "run_id")
        points = [
            {"key": key, "value": value, "timestamp": n, "step": n} for n, (key, value) in enumerate(run["metrics"])
        ]
        pairs = {
            kind: [{"key": key, "value": value} for key, value in run[kind].items()] for kind in ("params", "tags")
        }
        both("POST", "runs/log-batch", {"run_id": run_id, "metrics": points, **pairs})
        if run["status"] != "RUNNING":
            both("POST", "runs/update", {"run_id": run_id, "status": run["status"], "end_time": 1_700_000_000_100})
    for text, order in searches:
        found = [
            ask(
                url,
                "POST",
                f"{API}runs/search",
                {"experiment_ids": [both.ids[0][n]], "filter": text, "order_by": order},
            )
            for n, url in enumerate(urls)
        ]
        names = [(status, [run["info"]["run_name"] for run in answer.get("runs", [])]) for status, answer in found]
        assert names[OURS] == names[THEIRS], (text, order, runs)
