"""Models logged by hand: their notes, URIs, custom classes, and files that are kept once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import autotrack
from autotrack import recording
from autotrack.errors import ModelError, SchemaError, UntrustedModelError
from autotrack.models import load, load_predictor, locate, log, registry, save

X = np.random.default_rng(0).normal(size=(60, 3))
MODEL = LinearRegression().fit(X, X[:, 0])


@pytest.fixture(autouse=True)
def recorder() -> Iterator[None]:
    """Record into a store of the test's own."""
    yield
    recording.close_recorder()


class Doubler:
    """A custom model that is loaded from a file, and takes a parameter."""

    def load_context(self, context: Any) -> None:
        self.factor = float(Path(context.artifacts["factor"]).read_text())

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        assert "factor" in context.artifacts
        return np.asarray(model_input) * self.factor + params["offset"]


class Negative:
    """The shortest custom model."""

    def predict(self, model_input: Any) -> Any:
        return -np.asarray(model_input)


def test_a_note_says_which_format_was_used_and_why() -> None:
    with autotrack.start_run() as run:
        log(MODEL, inputs=X)
        log(make_pipeline(FunctionTransformer(lambda rows: rows), MODEL), "local", inputs=X)
        log(Negative(), "custom", inputs=X)
    assert autotrack.flush()
    notes = sorted(note.message for note in autotrack.get_run(run.id).notes if note.code == "model.format")
    assert [message.partition(" because")[0] for message in notes] == [
        "custom: pickle,",
        "local: cloudpickle,",
        "model: skops,",
    ]
    assert "holds no code, and was seen to restore the model exactly" in notes[2]
    assert "defined in the program itself" in notes[1]
    assert notes[1].endswith("load it with trust=True")


def test_every_uri_leads_to_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    with autotrack.start_run("training") as run:
        uri = log(MODEL, "regression", inputs=X)
    assert uri == f"runs:/{run.id}/regression"
    version = registry.register(uri, "prices")
    registry.set_alias("prices", "champion", version.version)
    registry.transition("prices", version.version, "Production")
    path = locate(uri).path
    uris = [
        uri,
        f"runs:/{run.id[:20]}/regression",
        "runs:/training/regression",
        "runs:/@last/regression",
        "models:/prices/1",
        "models:/prices@champion",
        "models:/prices/production",
        "models:/prices/latest",
        path.as_uri(),
        str(path),
    ]
    for one in uris:
        assert locate(one).path == path
        assert (load_predictor(one).predict(X) == MODEL.predict(X)).all()
    with pytest.raises(ModelError, match="run 'training' has 'regression'"):
        load(f"runs:/{run.id}/other")
    with pytest.raises(ModelError, match="leads nowhere"):
        load("runs:/ffffffff/model")


def test_a_custom_model_with_a_file_and_a_parameter(tmp_path: Path) -> None:
    (tmp_path / "factor.txt").write_text("2")
    with autotrack.start_run():
        uri = log(Doubler(), inputs=X, artifacts={"factor": tmp_path / "factor.txt"}, params={"offset": 1.0})
    (tmp_path / "factor.txt").unlink()
    with pytest.raises(UntrustedModelError, match="is a pickle of a Python object"):
        load(uri)
    predictor = load_predictor(uri, trust=True)
    assert isinstance(predictor.native, Doubler)
    assert (predictor.predict(X) == X * 2 + 1).all()
    assert (predictor.predict(X, {"offset": 3}) == X * 2 + 3).all()
    with pytest.raises(SchemaError, match="has no parameter 'ofset'; it has 'offset'"):
        predictor.predict(X, {"ofset": 3})
    with pytest.raises(SchemaError, match="parameter 'offset' is double, not 'x'"):
        predictor.predict(X, {"offset": "x"})


def test_code_files_need_trust_even_beside_a_safe_format(tmp_path: Path) -> None:
    (tmp_path / "helper_of_model.py").write_text("VALUE = 1\n")
    folder = save(MODEL, tmp_path / "model", code=[tmp_path / "helper_of_model.py"]).path
    with pytest.raises(UntrustedModelError, match="code holds Python modules"):
        load(folder)
    assert (load(folder, trust=True).coef_ == MODEL.coef_).all()


def test_equal_files_are_kept_once(tmp_path: Path) -> None:
    big = tmp_path / "table.bin"
    big.write_bytes(os.urandom(100_000))
    with autotrack.start_run():
        uris = [log(Negative(), f"model{number}", artifacts={"table": big}) for number in range(3)]
    files = [locate(uri).path / "artifacts" / "table" / "table.bin" for uri in uris]
    assert len({file.stat().st_ino for file in files}) == 1
    assert [file.stat().st_mode & 0o777 for file in files] == [0o400] * 3
    assert big.stat().st_ino != files[0].stat().st_ino
    # Somebody changes it nevertheless: all are refused, and a new model is whole again.
    files[0].chmod(0o600)
    files[0].write_bytes(b"x" * 100_000)
    with autotrack.start_run():
        new = log(Negative(), "again", artifacts={"table": big})
    assert (locate(new).path / "artifacts" / "table" / "table.bin").read_bytes() == big.read_bytes()
    for uri in uris:
        with pytest.raises(ModelError, match=r"table\.bin"):
            load(uri, trust=True)
    assert load(new, trust=True)


def test_a_model_is_not_changed_and_can_be_trained_on() -> None:
    model = LinearRegression().fit(X, X[:, 0])
    with autotrack.start_run():
        uri = log(model, inputs=X)
        model.fit(X, X[:, 1])
    assert (load(uri).coef_ == MODEL.coef_).all()


@pytest.mark.slow
def test_the_example_runs(tmp_path: Path) -> None:
    example = Path(__file__).parents[2] / "examples" / "models_predict.py"
    command = [sys.executable, "-W", "error", str(example)]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "143 predictions equal to the original's" in done.stdout
    assert "did you mean 'radius'?" in done.stdout
    assert "this is not the model that was saved: 'model.skops'" in done.stdout


def test_a_model_logged_by_hand_keeps_its_name_beside_those_saved_automatically() -> None:
    autotrack.enable(exclude=["xgboost"])
    target = np.arange(60) % 2
    with autotrack.start_run() as run:
        search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2).fit(X, target)
        uri = log(search.best_estimator_, inputs=X)
    assert autotrack.flush()
    assert (load(uri, trust=True).coef_ == search.best_estimator_.coef_).all()

    with autotrack.start_run() as other:
        parts = SGDClassifier(random_state=0).partial_fit(X, target, classes=[0, 1])
        uri = log(MODEL, inputs=X)
        parts.partial_fit(X, target)
        autotrack.disable()  # ends the training in parts, whose model is saved now
    assert autotrack.flush()
    assert (load(uri, trust=True).coef_ == MODEL.coef_).all()
    assert (load(f"runs:/{other.id}/model_trained", trust=True).coef_ == parts.coef_).all()
    assert {model.name for model in autotrack.get_run(run.id).models} == {"best_estimator", "model"}
