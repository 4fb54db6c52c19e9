"""History of MLflow and TensorBoard, written by their own packages, imported by `autotrack import`."""

from __future__ import annotations

import json
import math
import shutil
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams.summary_v2 import hparams_pb
from tensorboard.summary.writer.event_file_writer import EventFileWriter

import autotrack
from autotrack import recording
from autotrack.cli.app import commands
from autotrack.importing.mlflow_values import read_param
from autotrack.values import from_param

mlflow = pytest.importorskip("mlflow")


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(commands, [str(argument) for argument in arguments], prog_name="autotrack")


def exported() -> dict[str, dict[str, Any]]:
    result = call("export", "--history")
    assert result.exit_code == 0, result.output
    return {run["name"]: run for run in json.loads(result.stdout)}


@pytest.fixture(scope="module")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a database without runs: MLflow takes seconds to make one."""
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture(params=["mlruns", "sqlite"])
def tracking(
    request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """Return where MLflow's client writes: a folder, or a database with its files beside it."""
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    path = tmp_path / ("mlruns" if request.param == "mlruns" else "mlflow.db")
    mlflow.set_tracking_uri(path.as_uri() if request.param == "mlruns" else f"sqlite:///{path}")
    if request.param == "sqlite":
        shutil.copyfile(empty_database, path)
    mlflow.create_experiment(
        "churn", **({} if request.param == "mlruns" else {"artifact_location": f"{tmp_path}/files"})
    )
    mlflow.set_experiment("churn")
    yield path
    mlflow.set_tracking_uri(None)


@pytest.fixture
def log_more(tracking: Path) -> Callable[[int], None]:
    def log(steps: int) -> None:
        for step in range(steps):
            mlflow.log_metric("val/loss", 1 / (step + 1), step=step)

    return log


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_runs_of_mlflow_are_imported_whole_and_once(tracking: Path, log_more: Callable[[int], None]) -> None:
    import pandas as pd

    with mlflow.start_run(run_name="parent") as parent:
        mlflow.log_params(
            {"C": 0.5, "solver": "lbfgs", "a/b": "two\nlines", "bias": True, "depth": None, "sizes": [1, 2]}
        )
        mlflow.log_metrics({"nan": math.nan, "last": 1 / 3})
        mlflow.set_tag("team", "x")
        mlflow.log_text("hello", "notes/read.txt")
        mlflow.log_input(mlflow.data.from_pandas(pd.DataFrame({"a": [1.0, 2.0]}), name="rows"), context="train")
        log_more(50)
        with mlflow.start_run(run_name="child", nested=True) as child:
            pass
    with pytest.raises(ZeroDivisionError), mlflow.start_run(run_name="broken"):
        raise ZeroDivisionError
    with mlflow.start_run(run_name="gone") as gone:
        pass
    mlflow.delete_run(gone.info.run_id)
    for _ in range(2):
        result = call("import", tracking)
        assert result.exit_code == 0, result.output
        assert "imported 3 runs" in result.stderr
    runs = exported()
    run = runs["parent"]
    assert set(runs) == {"parent", "child", "broken"}
    assert (run["id"], run["experiment"], run["status"]) == (parent.info.run_id, "churn", "finished")
    assert run["params"] == {
        "C": 0.5, "solver": "lbfgs", "a/b": "two\nlines", "bias": True, "depth": None, "sizes": [1, 2],
    }  # fmt: skip
    assert [(point["step"], point["value"]) for point in run["history"]["val/loss"]] == [
        (step, 1 / (step + 1)) for step in range(50)
    ]
    assert run["metrics"]["last"] == 1 / 3
    assert run["metrics"]["nan"] == "NaN"
    assert run["tags"]["team"] == "x"
    assert runs["child"]["parent_id"] == parent.info.run_id
    assert runs["child"]["id"] == child.info.run_id
    assert runs["broken"]["status"] == "failed"
    [data] = run["datasets"]
    assert (data["name"], data["context"], data["schema"][0]["name"]) == ("rows", "train", "a")
    assert Path(".autotrack", "artifacts", run["id"], "notes", "read.txt").read_text() == "hello"


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_logged_models_become_models_of_their_run(tracking: Path, tmp_path: Path) -> None:
    from sklearn.linear_model import LogisticRegression

    with autotrack.paused(), mlflow.start_run(run_name="one") as run:
        logged: Any = None
        for sign in (1, -1):
            model = LogisticRegression().fit([[0.0], [1.0]], [sign > 0, sign < 0])
            logged = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
    for _ in range(2):
        result = call("import", tracking)
        assert result.exit_code == 0, result.output
    home = Path(".autotrack", "artifacts", run.info.run_id)
    second = f"model-{logged.model_id[-8:]}"
    assert sorted(path.name for path in home.iterdir()) == ["model", second]
    assert {found["name"]: found["model_id"] for found in exported()["one"]["models"]}[second] == logged.model_id[2:]
    loaded = mlflow.sklearn.load_model(str(home / second), dst_path=None)
    assert loaded.predict([[0.0], [1.0]]).tolist() == [False, True]


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_importing_again_brings_what_is_new(tracking: Path, log_more: Callable[[int], None]) -> None:
    with mlflow.start_run(run_name="one") as run:
        log_more(3)
    assert call("import", tracking).exit_code == 0
    with mlflow.start_run(run_id=run.info.run_id):
        mlflow.log_metric("val/loss", 0.125, step=3)
        mlflow.set_tag("late", "yes")
    assert call("import", tracking).exit_code == 0
    imported = exported()["one"]
    assert [point["step"] for point in imported["history"]["val/loss"]] == [0, 1, 2, 3]
    assert imported["tags"]["late"] == "yes"


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_run_that_was_recorded_here_is_passed_over(tracking: Path) -> None:
    with autotrack.start_run("mine") as mine:
        mine.log_metric("loss", 0.5)
    assert autotrack.flush(60)
    recording.close_recorder()
    with mlflow.start_run(run_name="mine, as MLflow has it"):
        mlflow.set_tag("autotrack.run_id", mine.id)
        mlflow.log_metric("loss", 0.5)
    assert "passed over 1 run" in call("import", tracking).stderr
    assert len(exported()["mine"]["history"]["loss"]) == 1


def test_what_is_exported_for_mlflow_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    with autotrack.start_run("parent", tags={"team": "x"}) as parent:
        parent.log_params({"C": 0.5, "layers": [1, 2], "none": None})
        for step in range(30):
            parent.log_metric("loss", 1 / (step + 1), step)
        parent.log_metric("odd", math.nan)
        parent.log_text("hello", "notes/a.txt")
        with autotrack.start_run("child", nested=True) as child:
            child.log_metric("acc", 0.8)
    assert autotrack.flush(60)
    recording.close_recorder()
    for _ in range(2):
        result = call("export", "--format", "mlruns", "-o", tmp_path / "out")
        assert result.exit_code == 0, result.output
    client = mlflow.MlflowClient((tmp_path / "out").as_uri())
    assert len(client.get_metric_history(parent.id, "loss")) == 30
    assert client.get_run(child.id).data.tags["mlflow.parentRunId"] == parent.id
    assert "passed over 2 runs" in call("import", tmp_path / "out").stderr
    before = exported()
    result = call("import", tmp_path / "out", "--store", tmp_path / "other")
    assert result.exit_code == 0, result.output
    after = {run["name"]: run for run in json.loads(call("export", "--history", "--store", tmp_path / "other").stdout)}
    for name, run in before.items():
        assert {key: after[name][key] for key in ("id", "parent_id", "experiment", "status", "params")} == {
            key: run[key] for key in ("id", "parent_id", "experiment", "status", "params")
        }
        steps = {key: [(p["step"], p["value"]) for p in points] for key, points in run["history"].items()}
        assert {key: [(p["step"], p["value"]) for p in ps] for key, ps in after[name]["history"].items()} == steps
    assert (tmp_path / "other" / "artifacts" / parent.id / "notes" / "a.txt").read_text() == "hello"


def test_an_id_that_leads_elsewhere_stays_inside_the_home(tmp_path: Path) -> None:
    run = tmp_path / "mlruns" / "0" / "x"
    (run / "artifacts").mkdir(parents=True)
    (run / "artifacts" / "a.txt").write_text("hello")
    (run.parent / "meta.yaml").write_text('{"experiment_id": "0", "name": "Default"}')
    (run / "meta.yaml").write_text('{"run_id": "../../../x", "run_name": "evil", "status": 3, "start_time": 1}')
    assert call("import", tmp_path / "mlruns").exit_code == 0
    [copy] = Path(".autotrack").rglob("a.txt")
    assert copy == Path(".autotrack", "artifacts", exported()["evil"]["id"], "a.txt")


def test_event_files_are_imported_once(tmp_path: Path) -> None:
    logs = tmp_path / "logs"
    writer = EventFileWriter(str(logs / "lr" / "a"))
    writer.add_event(Event(wall_time=1.5e9, summary=hparams_pb({"lr": 0.1, "layers": 3, "kind": "mlp"})))
    for step in range(20):
        value = Summary.Value(tag="loss", simple_value=1 / (step + 1))
        writer.add_event(Event(wall_time=1.5e9 + step, step=step, summary=Summary(value=[value])))
    writer.add_event(Event(wall_time=1.5e9, summary=Summary(value=[Summary.Value(tag="weights", histo={"num": 1})])))
    writer.close()
    for _ in range(2):
        result = call("import", logs)
        assert result.exit_code == 0, result.output
    run = exported()["lr/a"]
    assert run["experiment"] == "logs"
    assert run["params"] == {"lr": 0.1, "layers": 3, "kind": "mlp"}
    assert [(point["step"], point["value"]) for point in run["history"]["loss"]] == [
        (step, struct.unpack("f", struct.pack("f", 1 / (step + 1)))[0]) for step in range(20)
    ]
    assert "weights (histograms)" in run["notes"][0]["message"]


@pytest.mark.parametrize("name", ["empty", "text.txt"])
def test_what_cannot_be_imported_is_explained(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("no database" * 100)
    result = call("import", tmp_path / name)
    assert result.exit_code == 1, result.output
    assert str(tmp_path / name) in result.stderr


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=5,
    )
)
def test_params_come_back_as_their_text_says(value: Any) -> None:
    found = from_param(read_param(str(value)))
    assert str(found) == str(value) or found == value
