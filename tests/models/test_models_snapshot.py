"""What the training thread does: the bytes are right, the model is left alone, and a failure says why."""

from __future__ import annotations

import pickle
import random
import subprocess
import sys
import threading
from pathlib import Path
from types import FunctionType

import cloudpickle
import numpy as np
import pytest
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from autotrack.errors import AutotrackError
from autotrack.models.snapshot import Snapshot, take_snapshot

X = np.random.default_rng(0).normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)


def test_the_bytes_are_what_pickle_writes(tmp_path: Path) -> None:
    model = RandomForestClassifier(10, random_state=0).fit(X, Y)
    snapshot = take_snapshot(model, tmp_path / "model.pkl")
    assert snapshot.path.read_bytes() == pickle.dumps(model, protocol=5)
    assert (snapshot.format, snapshot.protocol, snapshot.predicts) == ("pickle", 5, True)
    assert snapshot.size == snapshot.path.stat().st_size
    assert snapshot.model_class == "sklearn.ensemble._forest.RandomForestClassifier"
    assert snapshot.seconds > 0
    assert list(tmp_path.iterdir()) == [snapshot.path]


def test_the_file_is_private(tmp_path: Path) -> None:
    snapshot = take_snapshot(LogisticRegression(), tmp_path / "model.pkl")
    assert snapshot.path.stat().st_mode & 0o077 == 0


def test_modules_are_those_that_loading_imports(tmp_path: Path) -> None:
    snapshot = take_snapshot(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), tmp_path / "model.pkl")
    assert {"sklearn.pipeline", "sklearn.preprocessing._data", "sklearn.linear_model._logistic"} <= set(
        snapshot.modules
    )
    assert "cloudpickle" not in snapshot.modules


@pytest.mark.parametrize("ours", ["lambda", "local class", "lambda deep inside"])
def test_what_cannot_be_imported_is_written_by_value(ours: str, tmp_path: Path) -> None:
    class Doubler(BaseEstimator):
        def transform(self, values: np.ndarray) -> np.ndarray:
            return values * 2

    double = FunctionTransformer(lambda values: np.multiply(values, 2))
    model = {"lambda": double, "local class": Doubler(), "lambda deep inside": make_pipeline(double)}[ours]
    snapshot = take_snapshot(model, tmp_path / "model.pkl")
    assert snapshot.format == "cloudpickle"
    assert not snapshot.predicts
    assert "cloudpickle" in snapshot.modules
    with snapshot.path.open("rb") as file:
        np.testing.assert_array_equal(cloudpickle.load(file).transform(X), X * 2)


def test_a_module_used_by_a_function_written_by_value_counts(tmp_path: Path) -> None:
    snapshot = take_snapshot(FunctionTransformer(lambda values: np.abs(values) + 1), tmp_path / "model.pkl")
    assert "numpy" in snapshot.modules


def test_our_wrapper_around_a_users_method_stays_out_of_the_file(tmp_path: Path) -> None:
    class Mean(BaseEstimator):
        def fit(self, values: np.ndarray) -> Mean:
            self.mean_ = values.mean()
            return self

    original, lock = Mean.fit, threading.Lock()

    def wrapper(self: Mean, values: np.ndarray) -> Mean:
        with lock:  # cannot be pickled: proof that the closure is not followed
            return original(self, values)

    Mean.fit = FunctionType(wrapper.__code__, {"__name__": "autotrack.patching.patcher"}, closure=wrapper.__closure__)
    Mean.fit.__wrapped__ = original
    model = Mean().fit(X)
    with take_snapshot(model, tmp_path / "model.pkl").path.open("rb") as file:
        loaded = cloudpickle.load(file)
    assert loaded.fit(X[:2]).mean_ == X[:2].mean()
    assert model.fit(X).mean_ == X.mean()


def test_the_model_and_the_random_streams_are_left_alone(tmp_path: Path) -> None:
    class Local(LogisticRegression):
        pass

    model = Local().fit(X, Y)
    before = {key: id(value) for key, value in vars(model).items()}
    states = random.getstate(), np.random.get_state()[1].tolist()
    take_snapshot(model, tmp_path / "model.pkl")
    assert {key: id(value) for key, value in vars(model).items()} == before
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states


def test_a_model_that_cannot_be_pickled_says_why_and_leaves_nothing(tmp_path: Path) -> None:
    model = LogisticRegression().set_params(C=threading.Lock())
    with pytest.raises(AutotrackError, match=r"LogisticRegression cannot be pickled: .*lock"):
        take_snapshot(model, tmp_path / "model.pkl")
    assert not list(tmp_path.iterdir())


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(AutotrackError, match=r"cannot write the snapshot of sklearn.*No such file"):
        take_snapshot(LogisticRegression(), tmp_path / "nowhere" / "model.pkl")


def test_an_older_snapshot_survives_a_failed_one(tmp_path: Path) -> None:
    first = take_snapshot(LogisticRegression(), tmp_path / "model.pkl")
    content = first.path.read_bytes()
    with pytest.raises(AutotrackError):
        take_snapshot(LogisticRegression().set_params(C=threading.Lock()), first.path)
    assert first.path.read_bytes() == content


def test_without_cloudpickle_the_message_names_the_cause_and_the_cure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autotrack.models import snapshot

    snapshot.value_pickler.cache_clear()
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(AutotrackError, match=r"lambda.*pip install 'autotrack\[sklearn\]'"):
        take_snapshot(FunctionTransformer(lambda values: values), tmp_path / "model.pkl")


def test_a_class_of_the_running_script_loads_elsewhere(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(
        "from pathlib import Path\n"
        "from autotrack.models.snapshot import take_snapshot\n"
        "class Constant:\n"
        "    def predict(self, rows):\n"
        "        return [7 for _ in rows]\n"
        "snapshot = take_snapshot({'deep': [Constant()]}, Path('model.pkl'))\n"
        "assert snapshot.format == 'cloudpickle', snapshot\n"
    )
    load = "import pickle; print(pickle.load(open('model.pkl', 'rb'))['deep'][0].predict([1, 2]))"
    subprocess.run([sys.executable, str(script)], cwd=tmp_path, check=True)
    loaded = subprocess.run([sys.executable, "-c", load], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert loaded.stdout == "[7, 7]\n"


def test_a_snapshot_is_a_value() -> None:
    with pytest.raises(AttributeError):
        Snapshot(Path("x"), 1, "pickle", 5, "a.B", True, (), 0.1).size = 2  # type: ignore[misc]
