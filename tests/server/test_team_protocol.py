"""MLflow's own client against our server: everything its quickstart does, and what we do where MLflow loses data."""

from __future__ import annotations

import html
import math
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from team_server import ask, new_run, post, team_server

import autotrack


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with team_server(tmp_path_factory.mktemp("team"), "--no-login") as address:
        yield address


@pytest.fixture
def mlflow(url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Any]:
    import mlflow

    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(url)
    mlflow.set_registry_uri(url)
    yield mlflow
    mlflow.end_run()


def test_runs_values_and_files_come_back(mlflow: Any) -> None:
    mlflow.set_experiment("values")
    with mlflow.start_run(run_name="one") as run:
        mlflow.log_params({"rate": 0.1, "layers": 3, "on": True, "long": "x" * 10_000})
        for step in range(5):
            mlflow.log_metric("loss", 1 / (step + 1), step=step)
        mlflow.log_metrics({"nan": math.nan, "inf": math.inf, "-inf": -math.inf})
        mlflow.set_tags({"team": "a", "mlflow.note.content": "**note**"})
        mlflow.log_text("hello", "notes/a b.txt")
        with mlflow.start_run(nested=True) as child:
            mlflow.log_metric("x", 1)
    client = mlflow.MlflowClient()
    found = client.get_run(run.info.run_id)
    assert found.data.params == {"rate": "0.1", "layers": "3", "on": "True", "long": "x" * 10_000}
    assert found.data.metrics["loss"] == 0.2
    assert math.isnan(found.data.metrics["nan"])
    assert (found.data.metrics["inf"], found.data.metrics["-inf"]) == (math.inf, -math.inf)
    assert found.data.tags["team"] == "a"
    assert found.info.run_name == found.data.tags["mlflow.runName"] == "one"
    assert found.info.status == "FINISHED"
    assert [point.value for point in client.get_metric_history(run.info.run_id, "loss")] == [
        1,
        1 / 2,
        1 / 3,
        1 / 4,
        1 / 5,
    ]
    assert [file.path for file in client.list_artifacts(run.info.run_id, "notes")] == ["notes/a b.txt"]
    assert mlflow.artifacts.load_text(f"{found.info.artifact_uri}/notes/a b.txt") == "hello"
    assert client.get_run(child.info.run_id).data.tags["mlflow.parentRunId"] == run.info.run_id
    client.delete_run(child.info.run_id)
    assert client.get_run(child.info.run_id).info.lifecycle_stage == "deleted"


def test_search_speaks_mlflows_language(mlflow: Any) -> None:
    mlflow.set_experiment("search")
    for number in range(6):
        with mlflow.start_run(run_name=f"run {number}"):
            mlflow.log_param("kind", "even" if number % 2 == 0 else "odd")
            mlflow.log_metric("acc", number / 10)
            mlflow.set_tag("group name", f"g{number}")

    def names(filter_string: str, **options: Any) -> list[str]:
        found = mlflow.search_runs(
            experiment_names=["search"], filter_string=filter_string, output_format="list", **options
        )
        return [run.info.run_name for run in found]

    assert names("metrics.acc >= 0.4", order_by=["metrics.acc ASC"]) == ["run 4", "run 5"]
    assert names("params.kind = 'odd' and metrics.acc < 0.2") == ["run 1"]
    assert names("tags.`group name` LIKE 'g_' and attributes.run_name ILIKE 'RUN 3'") == ["run 3"]
    assert names("tags.missing IS NULL", order_by=["attributes.start_time ASC"], max_results=2) == ["run 0", "run 1"]
    assert names("status = 'FAILED'") == []
    with pytest.raises(mlflow.MlflowException, match="AND"):
        names("metrics.acc > 1 OR metrics.acc < 2")


@pytest.mark.filterwarnings("ignore:.*type hint:UserWarning")  # MLflow, of its own types when it is first imported
def test_models_are_logged_registered_and_loaded(mlflow: Any, url: str) -> None:
    import numpy as np
    from sklearn.linear_model import LinearRegression

    table, target = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    mlflow.set_experiment("models")
    with mlflow.start_run() as run:
        model = LinearRegression().fit(table, target)
        info = mlflow.sklearn.log_model(model, name="line", serialization_format="cloudpickle", pip_requirements=[])
    version = mlflow.register_model(info.model_uri, "lines")
    client = mlflow.MlflowClient()
    client.set_registered_model_alias("lines", "best", version.version)
    client.set_model_version_tag("lines", version.version, "checked", "yes")
    with pytest.warns(FutureWarning, match="stages"):  # MLflow gives them up; old programs have them
        client.transition_model_version_stage("lines", version.version, "Production")
    for uri in (info.model_uri, f"runs:/{run.info.run_id}/line", "models:/lines/1", "models:/lines@best"):
        assert mlflow.pyfunc.load_model(uri).predict(table) == pytest.approx(target)
    [found] = client.search_model_versions("name = 'lines'")
    assert (found.aliases, found.tags, found.current_stage) == (["best"], {"checked": "yes"}, "Production")
    assert [model.name for model in client.search_registered_models()] == ["lines"]
    assert [model.name for model in mlflow.search_logged_models(output_format="list")] == ["line"]
    assert client.get_run(run.info.run_id).outputs.model_outputs[0].model_id == info.model_id
    with urllib.request.urlopen(f"{url}/runs/{run.info.run_id}/data", timeout=10) as page:
        shown = html.unescape(page.read().decode())
    assert f'mlflow.pyfunc.load_model("{info.model_uri}")' in shown
    assert '<a href="/models/lines/1">lines version 1</a>' in shown
    assert ">MLmodel<" in shown


@pytest.mark.slow
def test_autologging_works(mlflow: Any) -> None:
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    mlflow.set_experiment("autolog")
    mlflow.sklearn.autolog(log_models=False)
    try:
        LogisticRegression(max_iter=300).fit(*load_iris(return_X_y=True))
    finally:
        mlflow.sklearn.autolog(disable=True)
    [run] = mlflow.search_runs(experiment_names=["autolog"], output_format="list")
    assert run.data.params["max_iter"] == "300"
    assert run.data.metrics["training_accuracy_score"] > 0.9
    assert [data.dataset.name for data in run.inputs.dataset_inputs] == ["dataset"]
    files = {file.path for file in mlflow.MlflowClient().list_artifacts(run.info.run_id)}
    assert "training_confusion_matrix.png" in files


def test_autotrack_is_just_another_client(url: str, tmp_path: Path) -> None:
    autotrack.enable(to=[url], only=[], store=str(tmp_path / "home"), log_system_metrics=False, capture=[])
    try:
        with autotrack.start_run(name="ours", experiment="from autotrack"):
            autotrack.log_params({"rate": 0.5, "kind": "x"})
            for step in range(3):
                autotrack.log_metric("loss", 1.0 / (step + 1), step=step)
            autotrack.log_text("hello", "notes.txt")
        autotrack.flush(timeout=30)
    finally:
        autotrack.disable()
    found = post(url, "experiments/search", {"max_results": 10, "filter": "name = 'from autotrack'"})[1]["experiments"]
    [run] = post(url, "runs/search", {"experiment_ids": [found[0]["experiment_id"]]})[1]["runs"]
    assert run["info"]["status"] == "FINISHED"
    assert {param["key"]: param["value"] for param in run["data"]["params"]} == {"rate": "0.5", "kind": "x"}
    assert {point["key"]: point["step"] for point in run["data"]["metrics"]}["loss"] == 2
    run_id = run["info"]["run_id"]
    listed = ask(url, "GET", f"/api/2.0/mlflow/artifacts/list?run_id={run_id}")[1]["files"]
    assert {"path": "notes.txt", "is_dir": False, "file_size": 5} in listed


@pytest.mark.parametrize(
    "metric",
    [
        {"value": "abc"},
        {"value": 1, "step": 2**63},
        {"value": 1, "step": 1.5},
        {"value": 1, "timestamp": -1},
        {"value": 1, "timestamp": None},
        {"value": None},
        {"value": 1, "key": ""},
        {"value": 1, "key": "../x"},
        {"value": 1, "key": "a@b"},
        {"value": 1, "key": "k" * 251},
    ],
)
def test_a_bad_metric_spoils_its_batch_and_nothing_is_lost_silently(url: str, metric: dict[str, Any]) -> None:
    run_id = new_run(url)
    good = {"key": "good", "value": 1, "timestamp": 1, "step": 0}
    status, answer = post(url, "runs/log-batch", {"run_id": run_id, "metrics": [good, {**good, **metric}, good]})
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")
    assert "metrics" not in ask(url, "GET", f"/api/2.0/mlflow/runs/get?run_id={run_id}")[1]["run"]["data"]


def test_numbers_may_be_texts_as_java_writes_them(url: str) -> None:
    run_id = new_run(url)
    metric = {"key": "m", "value": "NaN", "timestamp": "1700000000000", "step": "7"}
    assert post(url, "runs/log-metric", {"run_uuid": run_id, **metric})[0] == 200
    [found] = ask(url, "GET", f"/api/2.0/mlflow/metrics/get-history?run_id={run_id}&metric_key=m")[1]["metrics"]
    assert found == {"key": "m", "value": "NaN", "timestamp": 1_700_000_000_000, "step": 7}


def test_a_batch_that_comes_twice_counts_once(url: str) -> None:
    run_id = new_run(url)
    batch = [{"key": "m", "value": at / 3, "timestamp": at, "step": at} for at in range(1000)]
    for _ in range(2):
        assert post(url, "runs/log-batch", {"run_id": run_id, "metrics": batch})[0] == 200
    found, token = [], ""
    while True:
        query = f"run_id={run_id}&metric_key=m&max_results=300&page_token={token}"
        page = ask(url, "GET", f"/api/2.0/mlflow/metrics/get-history?{query}")[1]
        found += page["metrics"]
        token = page.get("next_page_token", "")
        if not token:
            break
    assert found == batch


def test_params_never_change(url: str) -> None:
    run_id = new_run(url)
    batch = {"run_id": run_id, "params": [{"key": "p", "value": "1"}]}
    assert post(url, "runs/log-batch", batch)[0] == 200
    assert post(url, "runs/log-batch", batch)[0] == 200
    other = {"run_id": run_id, "key": "p", "value": "2"}
    assert post(url, "runs/log-parameter", other)[1]["error_code"] == "INVALID_PARAMETER_VALUE"


@pytest.mark.parametrize(
    "path",
    [
        "0/{run}/artifacts/../../x",
        "0/{run}/artifacts/%2e%2e/x",
        "0/{run}/artifacts/a//b",
        "0/{run}/artifacts/a\\b",
        "0/{run}/artifacts/",
        "../{run}",
        "etc/passwd",
        "0/{other}/artifacts/x",
        "0/models/m-{other}/artifacts/x",
        "0/{run}/artifacts/a%00b",
        "0/{run}/artifacts/" + "n" * 300,
    ],
)
def test_paths_lead_nowhere_else(url: str, path: str) -> None:
    place = path.format(run=new_run(url), other="f" * 32).replace("\\", "%5C")
    status, _ = ask(url, "PUT", f"/api/2.0/mlflow-artifacts/artifacts/{place}", b"owned")
    assert status in {400, 404}
    assert ask(url, "GET", f"/api/2.0/mlflow-artifacts/artifacts/{place}")[0] in {400, 404}


def test_files_are_replaced_listed_and_removed(url: str) -> None:
    root = f"/api/2.0/mlflow-artifacts/artifacts/0/{(run_id := new_run(url))}/artifacts"
    large = bytes(range(256)) * 20_000  # a stream of several blocks
    for content in (b"first", large):
        assert ask(url, "PUT", f"{root}/dir/file.bin", content)[0] == 200
    with urllib.request.urlopen(f"{url}{root}/dir/file.bin") as reply:
        assert reply.read() == large
        assert reply.headers["content-disposition"] == 'attachment; filename="file.bin"'
    listed = ask(url, "GET", f"/api/2.0/mlflow-artifacts/artifacts?path=0/{run_id}/artifacts/dir")[1]["files"]
    assert listed == [{"path": "file.bin", "is_dir": False, "file_size": len(large)}]
    assert ask(url, "DELETE", f"{root}/dir")[0] == 200
    assert ask(url, "GET", f"{root}/dir/file.bin")[0] == 404


@pytest.mark.parametrize("source", ["/etc", "file:///etc", "model", "runs:/x/../../etc", "C:\\models"])
def test_versions_point_to_no_path_of_the_machine(url: str, source: str) -> None:
    post(url, "registered-models/create", {"name": "paths"})
    status, answer = post(url, "model-versions/create", {"name": "paths", "source": source})
    assert (status, answer["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


def test_what_is_not_here_is_said_to_be_missing(url: str) -> None:
    for path in ("/api/3.0/mlflow/traces/search", "/api/2.0/mlflow/nothing", "/ajax-api/2.0/mlflow/gateway/routes"):
        status, answer = ask(url, "POST", path, {})
        assert (status, answer["error_code"]) == (404, "ENDPOINT_NOT_FOUND")
    status, answer = ask(url, "GET", "/api/2.0/mlflow-artifacts/presigned/x")
    assert (status, answer["error_code"]) == (501, "NOT_IMPLEMENTED")


def test_pages_show_what_mlflow_logged(url: str, mlflow: Any) -> None:
    mlflow.set_experiment("pages")
    with mlflow.start_run(run_name="seen by people") as run:
        mlflow.log_metric("loss", 0.5)
        mlflow.log_text("hello", "notes.txt")
    for path, text in (
        ("/", "seen by people"),
        (f"/runs/{run.info.run_id}", "loss"),
        (f"/runs/{run.info.run_id}/files", "notes.txt"),
    ):
        with urllib.request.urlopen(url + path) as reply:
            assert text in reply.read().decode()


def test_metrics_of_the_server_itself(url: str) -> None:
    with urllib.request.urlopen(f"{url}/metrics") as reply:
        lines = reply.read().decode().splitlines()
    counted = [line for line in lines if line.startswith("autotrack_requests_total")]
    assert sum(float(line.rpartition(" ")[2]) for line in counted) > 0
    assert "autotrack_requests_running 1" in lines


@pytest.mark.slow
def test_the_example_runs(url: str, tmp_path: Path) -> None:
    program = Path(__file__).parents[2] / "examples" / "mlflow_client.py"
    variables = {**os.environ, "MLFLOW_TRACKING_URI": url}
    done = subprocess.run(
        [sys.executable, program], cwd=tmp_path, env=variables, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "by mlflow {'loss': 0.1} hello" in done.stdout
