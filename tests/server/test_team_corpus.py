"""Requests as the R and the Java client of MLflow write them, answered by our server as by MLflow's own.

Written down from the sources of the clients: Java prints protocol buffers, with 64-bit numbers as texts and the fields'
own names, and sends the old `run_uuid` beside `run_id`; R turns every value into a text, large numbers into `1.7e+12`,
tables into lists of objects, and what is missing into nothing. Both put what they ask with GET into the address, lists
as a name that is repeated. Each request stands with the part of the answer that its client reads.
"""

from __future__ import annotations

import itertools
import json
import urllib.parse
from collections.abc import Iterator
from typing import Any, TypeAlias

import pytest
from mlflow_server import mlflow_server
from team_server import ask, team_server

TIME = 1_700_000_000_000
RUN = {"run_uuid": "<run>", "run_id": "<run>"}
MISSING = {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": str}

Corpus: TypeAlias = list[tuple[str, str, Any, int, Any]]

# method, path, what is asked (in the address for GET, else the body), status, what the answer holds;
# "<name>" stands for what an earlier answer had there, and "<name:=>" keeps it for later ones
JAVA: Corpus = [
    ("POST", "experiments/create", {"name": "java"}, 200, {"experiment_id": "<exp:=>"}),
    (
        "GET",
        "experiments/get",
        {"experiment_id": "<exp>"},
        200,
        {"experiment": {"name": "java"}},
    ),
    ("GET", "experiments/get-by-name", {"experiment_name": "java"}, 200, {"experiment": {"lifecycle_stage": "active"}}),
    (
        "POST",
        "experiments/search",
        {"view_type": "ACTIVE_ONLY", "max_results": "1", "filter": "name = 'java'", "order_by": ["name DESC"]},
        200,
        {"experiments": [{"name": "java", "creation_time": int}]},
    ),
    (
        "POST",
        "runs/create",
        {"experiment_id": "<exp>", "user_id": "me", "start_time": str(TIME)},
        200,
        {"run": {"info": {"run_id": "<run:=>", "run_uuid": "<run>", "status": "RUNNING", "start_time": TIME}}},
    ),
    (
        "POST",
        "runs/log-metric",
        {**RUN, "key": "acc", "value": 0.5, "timestamp": str(TIME), "step": "0"},
        200,
        {},
    ),
    (
        "POST",
        "runs/log-metric",
        {
            "run_uuid": "<run>",
            "run_id": "<run>",
            "key": "acc",
            "value": "NaN",
            "timestamp": str(TIME + 1),
            "step": "-3",
        },
        200,
        {},
    ),
    ("POST", "runs/log-parameter", {**RUN, "key": "C", "value": ""}, 200, {}),
    ("POST", "runs/set-tag", {**RUN, "key": "team", "value": "a"}, 200, {}),
    (
        "POST",
        "runs/log-batch",
        {
            "run_id": "<run>",
            "metrics": [{"key": "loss", "value": 2.0, "timestamp": str(TIME), "step": "7"}],
            "params": [{"key": "depth", "value": "3"}],
            "tags": [{"key": "stage", "value": "x"}],
        },
        200,
        {},
    ),
    ("POST", "runs/log-batch", {"run_id": "<run>"}, 200, {}),
    ("POST", "runs/delete-tag", {"run_id": "<run>", "key": "stage"}, 200, {}),
    (
        "GET",
        "metrics/get-history",
        {**RUN, "metric_key": "loss"},
        200,
        {"metrics": [{"key": "loss", "value": 2.0, "timestamp": TIME, "step": 7}]},
    ),
    (
        "POST",
        "runs/update",
        {**RUN, "status": "FINISHED", "end_time": str(TIME + 5)},
        200,
        {"run_info": {"run_id": "<run>", "status": "FINISHED", "end_time": TIME + 5}},
    ),
    (
        "GET",
        "runs/get",
        {"run_uuid": "<run>"},
        200,
        {
            "run": {
                "info": {"user_id": "me", "experiment_id": "<exp>"},
                "data": {"params": [{"key": "C"}, {"value": "3"}]},
            }
        },
    ),
    ("GET", "artifacts/list", {**RUN, "path": ""}, 200, {"root_uri": str}),
    (
        "POST",
        "runs/search",
        {
            "experiment_ids": ["<exp>", "0"],
            "filter": "metrics.loss > 1",
            "run_view_type": "ACTIVE_ONLY",
            "max_results": 1000,
        },
        200,
        {"runs": [{"info": {"run_id": "<run>"}}]},
    ),
    ("POST", "runs/delete", {"run_id": "<run>"}, 200, {}),
    (
        "POST",
        "runs/search",
        {"experiment_ids": ["<exp>"], "run_view_type": "DELETED_ONLY"},
        200,
        {"runs": [{"info": {"lifecycle_stage": "deleted"}}]},
    ),
    ("POST", "runs/restore", {"run_id": "<run>"}, 200, {}),
    ("POST", "registered-models/create", {"name": "java model"}, 200, {"registered_model": {"name": "java model"}}),
    (
        "POST",
        "model-versions/create",
        {"name": "java model", "run_id": "<run>", "source": "mlflow-artifacts:/<exp>/<run>/artifacts/model"},
        200,
        {"model_version": {"version": "1", "run_id": "<run>", "current_stage": "None"}},
    ),
    (
        "GET",
        "registered-models/get-latest-versions",
        {"name": "java model", "stages": ["None", "Production"]},
        200,
        {"model_versions": [{"version": "1"}]},
    ),
    (
        "POST",
        "model-versions/transition-stage",
        {"name": "java model", "version": "1", "stage": "Staging"},
        200,
        {"model_version": {"current_stage": "Staging"}},
    ),
    ("GET", "model-versions/get", {"name": "java model", "version": "1"}, 200, {"model_version": {"version": "1"}}),
    ("GET", "model-versions/get-download-uri", {"name": "java model", "version": "1"}, 200, {"artifact_uri": str}),
    ("GET", "model-versions/search", {"filter": "name = 'java model'"}, 200, {"model_versions": [{"version": "1"}]}),
    ("GET", "registered-models/get", {"name": "java model"}, 200, {"registered_model": {"latest_versions": [{}]}}),
    (
        "GET",
        "registered-models/get",
        {"name": "no model"},
        404,
        {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": str},
    ),
    ("GET", "runs/get", {}, 400, {"error_code": "INVALID_PARAMETER_VALUE", "message": str}),
    ("GET", "runs/get", {"run_id": "f" * 32}, 404, MISSING),
    ("POST", "experiments/create", {"name": "java"}, 400, {"error_code": "RESOURCE_ALREADY_EXISTS", "message": str}),
]

R: Corpus = [
    ("POST", "experiments/create", {"name": "r", "tags": []}, 200, {"experiment_id": "<exp:=>"}),
    ("GET", "experiments/search", {"max_results": "2", "filter": "name = 'r'"}, 200, {"experiments": [{"name": "r"}]}),
    (
        "POST",
        "runs/create",
        {"experiment_id": "<exp>", "user_id": "unknown", "start_time": "1.7e+12", "tags": [{"key": "t", "value": "v"}]},
        200,
        {"run": {"info": {"run_uuid": "<run:=>", "start_time": TIME}, "data": {"tags": list}}},
    ),
    (
        "POST",
        "runs/log-metric",
        {**RUN, "key": "m", "value": "0.25", "timestamp": "1.7e+12", "step": "0"},
        200,
        {},
    ),
    (
        "POST",
        "runs/log-batch",
        {
            "run_id": "<run>",
            "metrics": [
                {"key": "inf", "value": "Infinity", "step": "1", "timestamp": "1700000000123"},
                {"key": "nan", "value": "NaN", "step": "1e+05", "timestamp": "1700000000123"},
            ],
            "params": [{"key": "p", "value": "1"}],
        },
        200,
        {},
    ),
    ("POST", "runs/log-parameter", {**RUN, "key": "q", "value": "TRUE"}, 200, {}),
    (
        "GET",
        "metrics/get-history",
        {**RUN, "metric_key": "nan"},
        200,
        {"metrics": [{"key": "nan", "value": "NaN", "timestamp": TIME + 123, "step": 100_000}]},
    ),
    (
        "POST",
        "runs/update",
        {**RUN, "status": "FAILED", "end_time": "1700000000456"},
        200,
        {"run_info": {"run_uuid": "<run>", "status": "FAILED", "end_time": TIME + 456}},
    ),
    (
        "GET",
        "runs/get",
        RUN,
        200,
        {
            "run": {
                "info": {"run_uuid": "<run>", "artifact_uri": str},
                "data": {"params": [{}, {}], "metrics": [{}, {}, {}]},
            }
        },
    ),
    (
        "POST",
        "runs/search",
        {
            "experiment_ids": ["<exp>"],
            "filter": "metrics.m = 0.25",
            "run_view_type": "ALL",
            "order_by": ["metrics.m DESC"],
        },
        200,
        {"runs": [{"info": {"run_uuid": "<run>"}}]},
    ),
    ("POST", "runs/search", {"experiment_ids": ["<exp>"], "order_by": []}, 200, {"runs": [{}]}),
    ("GET", "artifacts/list", RUN, 200, {"root_uri": str}),
    (
        "POST",
        "registered-models/create",
        {"name": "r_model", "description": "d"},
        200,
        {"registered_model": {}},
    ),
    (
        "PATCH",
        "registered-models/update",
        {"name": "r_model", "description": "e"},
        200,
        {"registered_model": {"description": "e"}},
    ),
    (
        "POST",
        "model-versions/create",
        {"name": "r_model", "source": "mlflow-artifacts:/<exp>/<run>/artifacts/m", "run_id": "<run>", "tags": []},
        200,
        {"model_version": {"version": "1", "status": "READY"}},
    ),
    (
        "POST",
        "model-versions/transition-stage",
        {"name": "r_model", "version": "1", "stage": "Production"},
        200,
        {"model_version": {"current_stage": "Production"}},
    ),
    ("POST", "registered-models/alias", {"name": "r_model", "alias": "best", "version": "1"}, 200, {}),
    ("GET", "registered-models/alias", {"name": "r_model", "alias": "best"}, 200, {"model_version": {"version": "1"}}),
    (
        "GET",
        "registered-models/get-latest-versions",
        {"name": "r_model", "stages": "Production"},
        200,
        {"model_versions": [{"current_stage": "Production"}]},
    ),
    ("DELETE", "model-versions/delete", {"name": "r_model", "version": "1"}, 200, {}),
    ("DELETE", "registered-models/delete", {"name": "r_model"}, 200, {}),
]


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with team_server(tmp_path_factory.mktemp("corpus"), "--no-login") as url:
        yield url


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("corpus_mlflow")) as url:
        yield url


def play(url: str, corpus: Corpus) -> None:
    known: dict[str, str] = {}
    for method, path, asked, status, expected in corpus:
        wanted = _filled(asked, known)
        where = f"/api/2.0/mlflow/{path}"
        if method == "GET":
            found = ask(url, method, f"{where}?{urllib.parse.urlencode(wanted, doseq=True)}")
        else:
            found = ask(url, method, where, wanted)
        assert found[0] == status, (method, path, wanted, found[1])
        _compare(found[1], expected, known, f"{method} {path}")


def _filled(asked: Any, known: dict[str, str]) -> Any:
    text = json.dumps(asked)
    for name, value in known.items():
        text = text.replace(f"<{name}>", value)
    return json.loads(text)


def _compare(found: Any, expected: Any, known: dict[str, str], where: str) -> None:
    if isinstance(expected, dict):
        for name, part in expected.items():
            assert name in found, f"{where}: {name} is missing in {found}"
            _compare(found[name], part, known, f"{where} {name}")
    elif isinstance(expected, list):
        assert len(found) == len(expected), f"{where}: {found}"
        for one, part in zip(found, expected, strict=True):
            _compare(one, part, known, where)
    elif isinstance(expected, type):
        assert isinstance(found, expected), f"{where}: {found!r}"
    elif isinstance(expected, str) and expected.endswith(":=>"):
        known[expected[1:-3]] = found
    else:
        assert found == _filled(expected, known), where


@pytest.mark.parametrize("corpus", [JAVA, R], ids=["java", "r"])
def test_our_server_answers_as_the_clients_expect(ours: str, corpus: Corpus) -> None:
    play(ours, corpus)


@pytest.mark.slow
@pytest.mark.parametrize("corpus", [JAVA, R], ids=["java", "r"])
def test_mlflows_server_answers_the_same(theirs: str, corpus: Corpus) -> None:
    play(theirs, corpus)


@pytest.mark.parametrize("limit", ["1", 1])
def test_pages_are_followed_to_their_end(ours: str, limit: str | int) -> None:
    experiment = ask(ours, "POST", "/api/2.0/mlflow/experiments/create", {"name": f"pages {limit!r}"})[1][
        "experiment_id"
    ]
    for number in range(3):
        asked = {"experiment_id": experiment, "start_time": str(TIME + number)}
        assert ask(ours, "POST", "/api/2.0/mlflow/runs/create", asked)[0] == 200
    found, token = [], ""
    for _ in itertools.count():
        asked = {"experiment_ids": [experiment], "max_results": limit, "page_token": token}
        page = ask(ours, "POST", "/api/2.0/mlflow/runs/search", asked)[1]
        found += [run["info"]["start_time"] for run in page["runs"]]
        if "next_page_token" not in page:
            break
        token = page["next_page_token"]
    assert found == [TIME + 2, TIME + 1, TIME]


def test_what_the_r_client_sends_and_mlflows_server_no_longer_takes(ours: str) -> None:
    asked = {"max_results": "100", "order_by": []}
    status, answer = ask(ours, "POST", "/api/2.0/mlflow/registered-models/search", asked)
    assert (status, "error_code" in answer) == (200, False)
