"""The MLflow backend against a real server, read back with MLflow's own client."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mlflow_server import find_run, mlflow_server, read_run

import autotrack
from autotrack.backends import open_backend
from autotrack.backends.base import Backend, BackendContext
from autotrack.backends.mlflow.limits import server_key
from autotrack.errors import RetryableError
from autotrack.journal_reader import place
from autotrack.records import (
    AnyRecord,
    ArtifactLogged,
    DatasetLogged,
    MetricsLogged,
    NoteLogged,
    ParamsLogged,
    RunEnded,
    RunStarted,
    TagsSet,
)
from autotrack.store import Store
from autotrack.testing import BackendContract, MemoryRun
from autotrack.values import to_param

SECOND = 1_000_000_000


class TestMlflow(BackendContract):
    @pytest.fixture(autouse=True)
    def server(self, mlflow_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Give each test the contract's run under an id of its own: the server is shared, and forgets nothing."""
        import autotrack.contracts.backend as contract

        self.url = mlflow_url
        fresh = os.urandom(16).hex()
        monkeypatch.setattr(contract, "RUN", fresh)

    def open(self, context: BackendContext) -> Backend:
        return open_backend(self.url, context)

    def read(self, context: BackendContext, run_id: str) -> MemoryRun:
        return read_run(self.url, run_id)


def _place(records: list[Any], run_id: str, writer: str = "w1", first: int = 0) -> list[AnyRecord]:
    for at, record in enumerate(records):
        place(record, run_id, writer, first + at)
    return records


@pytest.fixture
def run_id() -> str:
    return os.urandom(16).hex()


@pytest.fixture
def mlflow_backend(mlflow_url: str, context: BackendContext) -> Iterator[Backend]:
    backend = open_backend(mlflow_url, context)
    yield backend
    backend.close()


def _started(**fields: Any) -> RunStarted:
    return RunStarted(time=SECOND, **{"name": "n", "experiment": "words", **fields})


def test_numbers_survive_as_far_as_the_server_keeps_them(mlflow_backend: Backend, mlflow_url: str, run_id: str) -> None:
    values = {0: 0.1, -(2**63): 5e-324, 2**63 - 1: -1e308, 7: math.nan, 8: math.inf, 9: -math.inf}
    points = [MetricsLogged(time=SECOND, metrics={"odd": value}, step=step) for step, value in values.items()]
    mlflow_backend.write(_place([_started(), *points], run_id))
    found = dict(read_run(mlflow_url, run_id).metrics["odd"])
    assert math.isnan(found.pop(7))
    largest = 1.7976931348623157e308  # what MLflow's SQL store makes of infinities
    assert found == {0: 0.1, -(2**63): 5e-324, 2**63 - 1: -1e308, 8: largest, 9: -largest}


def test_any_key_and_any_length_arrives(mlflow_backend: Backend, mlflow_url: str, run_id: str) -> None:
    keys = ["ndcg@5", "a=b", "a/b", "a//b", "../up", "/root", ".", "", "größe 😀", "k" * 300, "line\nbreak", "it's `q`"]
    text = "x" * 70_000
    records = [
        _started(tags={key: f"tag of {key}" for key in keys}),
        ParamsLogged(time=SECOND, params={key: to_param(at) for at, key in enumerate(keys)}),
        ParamsLogged(time=SECOND, params={"long": to_param(text), "empty": to_param(""), "none": to_param(None)}),
        TagsSet(time=SECOND, tags={"long tag": "y" * 9_000}),
        *(MetricsLogged(time=SECOND, metrics={key: 0.5}, step=at) for at, key in enumerate(keys)),
    ]
    mlflow_backend.write(_place(records, run_id))
    run = read_run(mlflow_url, run_id)
    for at, key in enumerate(keys):
        assert run.params[server_key(key)] == at
        assert run.metrics[server_key(key)] == [(at, 0.5)]
        assert run.tags[server_key(key)] == f"tag of {key}"
    assert len({server_key(key) for key in keys}) == len(keys)
    assert (run.params["empty"], run.params["none"]) == ("", None)
    assert json.loads(run.tags["autotrack.renamed_keys"])[server_key("a=b")] == "a=b"
    assert len(run.params["long"]) == 6_000
    [param_file] = [path for path in run.artifacts if path.startswith("params/long")]
    assert run.artifacts[param_file] == 65_536  # the journal keeps this much of a parameter
    [tag_file] = [path for path in run.artifacts if path.startswith("tags/")]
    assert (run.artifacts[tag_file], len(run.tags["long tag"])) == (9_000, 8_000)


def test_a_parameter_set_again_is_a_tag(mlflow_url: str, context: BackendContext, run_id: str) -> None:
    values = [ParamsLogged(time=SECOND, params={"C": to_param(value)}) for value in (1, 2, 3)]
    records: list[AnyRecord] = [_started(), *values]
    for at, record in enumerate(_place(records, run_id)):
        backend = open_backend(mlflow_url, context)
        backend.write([record])
        if at == 2:  # the same once more, as after a crash
            backend.write([records[1]])
        backend.close()
    run = read_run(mlflow_url, run_id)
    assert (run.params["C"], run.tags["autotrack.param.C"]) == (3, "3")
    assert find_run(mlflow_url, run_id)[1].data.params["C"] == "1"


def test_another_process_that_changes_a_run_is_noticed(mlflow_backend: Backend, mlflow_url: str, run_id: str) -> None:
    mlflow_backend.write(_place([_started()], run_id))
    client, found = find_run(mlflow_url, run_id)
    client.log_param(found.info.run_id, "C", "1")
    mlflow_backend.write(_place([ParamsLogged(time=SECOND, params={"C": to_param(2)})], run_id, first=1))
    assert read_run(mlflow_url, run_id).params["C"] == 2


def test_more_than_one_request_holds(mlflow_backend: Backend, mlflow_url: str, run_id: str) -> None:
    points = [
        MetricsLogged(time=SECOND + at * 1_000_000, metrics={f"m{key}": at / 7 for key in range(5)}, step=at)
        for at in range(500)
    ]
    values = {f"p{at}": to_param("v" * 3_000) for at in range(350)}
    mlflow_backend.write(
        _place(
            [_started(tags={f"t{at}": "x" for at in range(250)}), ParamsLogged(time=1, params=values), *points], run_id
        )
    )
    run = read_run(mlflow_url, run_id)
    assert {key for key in run.params if key.startswith("p")} == set(values)
    assert sum(key.startswith("t") for key in run.tags) == 250
    assert all(run.metrics[f"m{key}"] == [(at, at / 7) for at in range(500)] for key in range(5))


def test_notes_errors_and_statuses(mlflow_backend: Backend, mlflow_url: str, run_id: str) -> None:
    note = NoteLogged(time=SECOND, code="model.skipped", message="too big", level="warning")
    error = "Traceback (most recent call last):\nValueError: bad data"
    mlflow_backend.write(_place([_started(), note], run_id))
    mlflow_backend.write(_place([note, RunEnded(time=3 * SECOND, status="interrupted", error=error)], run_id, "w2"))
    run = read_run(mlflow_url, run_id)
    assert run.tags["autotrack.notes"] == run.tags["mlflow.note.content"] == "- **warning** `model.skipped`: too big"
    assert (run.status, run.tags["autotrack.error"]) == ("interrupted", "ValueError: bad data")
    _, found = find_run(mlflow_url, run_id)
    assert (found.info.status, found.info.start_time, found.info.end_time) == ("KILLED", 1_000, 3_000)
    assert run.artifacts["error.txt"] == len(error)


def test_the_users_description_stays(mlflow_backend: Backend, mlflow_url: str, run_id: str) -> None:
    note = NoteLogged(time=SECOND, code="c", message="m")
    mlflow_backend.write(_place([_started(tags={"mlflow.note.content": "mine"}), note], run_id))
    run = read_run(mlflow_url, run_id)
    assert (run.tags["mlflow.note.content"], run.tags["autotrack.notes"]) == ("mine", "- **info** `c`: m")


def test_datasets_are_inputs(mlflow_backend: Backend, mlflow_url: str, run_id: str) -> None:
    table = DatasetLogged(
        time=SECOND,
        name="X_train",
        context="train",
        digest="ab" * 16,
        schema=[{"name": "age", "type": "int64"}, {"name": "city", "type": "object"}, {"name": "y", "role": "target"}],
        profile={"num_rows": 12},
    )
    array = DatasetLogged(
        time=SECOND, name="X", context="test", digest="cd", schema=[{"name": "", "type": "float32", "shape": [-1, 3]}]
    )
    for _ in range(2):
        mlflow_backend.write(_place([_started(), table, array], run_id, os.urandom(4).hex()))
    _, found = find_run(mlflow_url, run_id)
    inputs = {item.dataset.name: item for item in found.inputs.dataset_inputs}
    assert {name: item.tags[0].value for name, item in inputs.items()} == {"X_train": "train", "X": "test"}
    assert json.loads(inputs["X_train"].dataset.profile) == {"num_rows": 12}
    columns = json.loads(inputs["X_train"].dataset.schema)["mlflow_colspec"]
    assert columns == [{"type": "long", "name": "age"}, {"type": "string", "name": "city"}]
    tensor = json.loads(inputs["X"].dataset.schema)["mlflow_tensorspec"]["features"][0]["tensor-spec"]
    assert tensor == {"dtype": "float32", "shape": [-1, 3]}


def test_files_with_odd_names_and_sizes(
    mlflow_backend: Backend, mlflow_url: str, context: BackendContext, run_id: str
) -> None:
    paths = ["empty.txt", "a b/ü & 100%.txt", "with#hash.json", "big.bin"]
    sizes = [0, 4, 5, 3_000_000]
    for path, size in zip(paths, sizes, strict=True):
        file = context.artifacts / run_id / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x" * size)
    records = [ArtifactLogged(time=1, path=path, size=size) for path, size in zip(paths, sizes, strict=True)]
    mlflow_backend.write(_place([_started(), *records], run_id))
    found = read_run(mlflow_url, run_id).artifacts
    assert sorted(found.values()) == sorted(sizes)
    assert found["a b/ü & 100%.txt"] == 4


def test_nested_runs_and_a_run_that_goes_on(mlflow_url: str, context: BackendContext, run_id: str) -> None:
    child = os.urandom(16).hex()
    first = open_backend(mlflow_url, context)
    first.write([*_place([_started()], run_id), *_place([_started(parent_id=run_id, source="sklearn")], child)])
    first.write(_place([RunEnded(time=2 * SECOND, status="finished")], run_id, first=1))
    first.close()
    elsewhere = BackendContext(home=context.home / "other", artifacts=context.artifacts)  # knows nothing of the first
    second = open_backend(mlflow_url, elsewhere)
    again = [_started(resumed=True, experiment="other words"), MetricsLogged(time=3 * SECOND, metrics={"m": 1.0})]
    second.write(_place(again, run_id, "w2"))
    second.close()
    _, parent = find_run(mlflow_url, run_id)
    _, found = find_run(mlflow_url, child)
    assert found.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert found.data.tags["mlflow.autologging"] == "sklearn"
    assert (parent.info.status, parent.data.metrics) == ("RUNNING", {"m": 1.0})


def test_a_run_deleted_on_the_server_is_refused_and_the_others_go_on(
    mlflow_backend: Backend, mlflow_url: str, run_id: str
) -> None:
    other = os.urandom(16).hex()
    mlflow_backend.write(_place([_started()], run_id))
    client, found = find_run(mlflow_url, run_id)
    client.delete_run(found.info.run_id)
    news = _place([MetricsLogged(time=SECOND, metrics={"m": 1.0})], run_id, first=1)
    with pytest.raises(Exception, match=r"was deleted on .*; restore it there"):
        mlflow_backend.write([*news, *_place([_started()], other)])
    assert read_run(mlflow_url, other).name == "n"


def test_a_deleted_experiment_is_explained(mlflow_backend: Backend, mlflow_url: str, run_id: str) -> None:
    mlflow_backend.write(_place([_started(experiment="short-lived")], run_id))
    client, found = find_run(mlflow_url, run_id)
    client.delete_experiment(found.info.experiment_id)
    for reason in ("Current state is deleted", "experiment 'short-lived' was deleted on .*; restore it there"):
        with pytest.raises(Exception, match=reason):
            mlflow_backend.write(_place([_started(experiment="short-lived")], os.urandom(16).hex()))


def test_a_real_fit_arrives_whole(mlflow_url: str, tmp_path: Path, binary_data: tuple[Any, Any]) -> None:
    """The quick way through everything: a fit is recorded, and MLflow's client finds and loads what it made."""
    from sklearn.linear_model import LogisticRegression

    X, y = binary_data
    autotrack.enable(to=[mlflow_url, str(tmp_path / "home")], experiment="fit", tags={"mlflow.user": "me"})
    autotrack.set_tags({"autotrack.registered_model_name": "churn-model"})
    model = LogisticRegression(C=0.5).fit(X, y)
    autotrack.end_run()
    assert autotrack.flush(60)
    kept = autotrack.get_run("@last")
    autotrack.disable()
    run = read_run(mlflow_url, kept.id)
    assert run.params == kept.params
    assert {key: points[-1][1] for key, points in run.metrics.items()} == pytest.approx(kept.metrics)
    assert kept.tags.items() <= run.tags.items()
    expected = {path for path in kept.artifacts() if not path.startswith("model/")}
    drawn = {f"training_{kind}.png" for kind in ("confusion_matrix", "roc_curve", "precision_recall_curve")}
    assert set(run.artifacts) == expected | drawn | {"evaluation/training.json", "evaluation/training.html"}
    client, found = find_run(mlflow_url, kept.id)
    assert [item.dataset.digest for item in found.inputs.dataset_inputs] == [kept.datasets[0].digest]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the import warns of MLflow's own type hints
        import mlflow.pyfunc
    mlflow.set_tracking_uri(mlflow_url)
    mlflow.set_registry_uri(mlflow_url)  # another test of this process may have set it
    [output] = found.outputs.model_outputs
    for place_of in (f"runs:/{found.info.run_id}/model", f"models:/{output.model_id}", "models:/churn-model/1"):
        loaded = mlflow.pyfunc.load_model(place_of)
        assert (loaded.predict(X) == model.predict(X)).all()
        assert loaded.metadata.run_id == found.info.run_id
    [version] = client.search_model_versions("name = 'churn-model'")
    assert (version.run_id, version.source) == (found.info.run_id, f"models:/{output.model_id}")
    logged = client.get_logged_model(output.model_id)
    assert (logged.status, logged.model_type) == ("READY", "sklearn")
    assert json.loads(logged.tags["mlflow.modelVersions"]) == [{"name": "churn-model", "version": 1}]


@pytest.mark.slow
def test_credentials_open_a_closed_server(
    tmp_path: Path, context: BackendContext, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    password = "correct-horse-battery"
    config = tmp_path / "auth.ini"
    config.write_text(
        f"[mlflow]\ndefault_permission = READ\ndatabase_uri = sqlite:///{tmp_path}/auth.db\n"
        f"admin_username = admin\nadmin_password = {password}\n"
        "authorization_function = mlflow.server.auth:authenticate_request_basic_auth\n"
    )
    variables = {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": "for-tests"}
    records = _place([_started(), MetricsLogged(time=SECOND, metrics={"m": 1.0})], "ab" * 16)
    with mlflow_server(tmp_path, "--app-name", "basic-auth", variables=variables) as url:
        closed = open_backend(url, context)
        with pytest.raises(
            RetryableError, match=r"does not accept the credentials \(401\); set MLFLOW_TRACKING_USERNAME"
        ):
            closed.write(records)
        closed.close()
        monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
        monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", password)
        for target in (url, url.replace("http://", f"mlflow+http://admin:{password}@")):
            opened = open_backend(target, context)
            opened.write(records)
            opened.close()
        run = read_run(url, "ab" * 16)
    assert run.metrics == {"m": [(0, 1.0)]}
    kept = b"".join(path.read_bytes() for path in context.home.rglob("*.db*"))
    assert password not in caplog.text
    assert password.encode() not in kept


def test_the_example_runs(mlflow_url: str, tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "mlflow_server.py"
    environment = {**os.environ, "MLFLOW_TRACKING_URI": mlflow_url}
    done = subprocess.run(
        [sys.executable, str(example)], capture_output=True, text=True, check=True, cwd=tmp_path, env=environment
    )
    assert "baseline is in .autotrack and on the server" in done.stdout
    with Store.open(str(tmp_path / ".autotrack")) as store:
        kept = store.find_run("baseline")
    run = read_run(mlflow_url, kept.id)
    assert {key: points[-1][1] for key, points in run.metrics.items()} == pytest.approx(kept.metrics)
    assert "test_confusion_matrix.png" in run.artifacts
