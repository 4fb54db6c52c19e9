"""Model folders are complete or absent, and MLflow loads them in a process that never saw the training code."""

from __future__ import annotations

import hashlib
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from autotrack.models.example import take_example
from autotrack.models.flavors.sklearn import sklearn_flavor
from autotrack.models.folder import ModelFolder, write_model_folder
from autotrack.models.requirements import installed_version
from autotrack.models.signature import infer_signature
from autotrack.models.snapshot import take_snapshot

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
Y = (X[:, 0] > 0).astype(int)
TABLE = pd.DataFrame({"size": X[:, 0], "count": range(60), "color": ["red", "green", None] * 20})
COLUMNS = ColumnTransformer([("number", StandardScaler(), ["size", "count"]), ("text", OneHotEncoder(), ["color"])])

# name: an estimator, its input and its targets
CASES: dict[str, tuple[Any, Any, Any]] = {
    "logistic": (LogisticRegression(), pd.DataFrame(X, columns=list("abc")), Y),
    "forest": (RandomForestClassifier(10, random_state=0), X, Y),
    "columns": (make_pipeline(COLUMNS, LogisticRegression()), TABLE, np.where(Y, "yes", "no")),
    "kmeans": (KMeans(3, n_init=1, random_state=0), X.astype("float32"), None),
    "lambda": (make_pipeline(FunctionTransformer(lambda rows: rows**3), LogisticRegression()), X, Y),
    "search": (GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2), X, Y),
    "multioutput": (RandomForestRegressor(5, random_state=0), X, X[:, :2]),
}

LOAD = """
import json, pickle, sys, warnings
from pathlib import Path
warnings.simplefilter("ignore")
import mlflow, numpy

def same(prediction, expected):
    prediction = numpy.asarray(prediction)
    return prediction.dtype == expected.dtype and prediction.tobytes() == expected.tobytes()

for folder in map(Path, sys.argv[1:]):
    data, expected = pickle.loads((folder.parent / "data.pkl").read_bytes())
    generic = mlflow.pyfunc.load_model(str(folder))
    example = generic.metadata.load_input_example(str(folder))
    request = json.loads((folder / "serving_input_example.json").read_text())
    print(json.dumps({
        "native": same(mlflow.sklearn.load_model(str(folder)).predict(data), expected),
        "generic": same(generic.predict(data), expected),
        "example": same(generic.predict(example), expected[:5]),
        "request": sorted(request),
        "inputs": None if generic.metadata.signature is None else generic.metadata.signature.inputs.to_dict(),
        "pickle": generic.metadata.metadata["pickle"],
        "run_id": generic.metadata.run_id,
        "training code": "autotrack" in sys.modules,
    }))
"""


def save(model: Any, data: Any, targets: Any, directory: Path) -> ModelFolder:
    directory.mkdir(exist_ok=True)
    snapshot = take_snapshot(model, directory / "snapshot.pkl")
    signature = infer_signature(data, targets)
    return write_model_folder(
        directory / "model",
        snapshot,
        flavor=sklearn_flavor(snapshot),
        signature=signature,
        example=take_example(data),
        run_id="0" * 32,
    )


def run(code: str, *arguments: object, cwd: Path) -> str:
    command = [sys.executable, "-W", "ignore", "-c", code, *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What MLflow made of every case, from one process: its import takes longer than all the loading."""
    root = tmp_path_factory.mktemp("folders")
    for name, (estimator, data, targets) in CASES.items():
        model = estimator.fit(data) if targets is None else estimator.fit(data, targets)
        save(model, data, targets, root / name)
        (root / name / "data.pkl").write_bytes(pickle.dumps((data, np.asarray(model.predict(data)))))
    lines = run(LOAD, *(root / name / "model" for name in CASES), cwd=root).splitlines()
    return {name: json.loads(line) for name, line in zip(CASES, lines, strict=True)}


@pytest.mark.parametrize("name", CASES)
def test_mlflow_predicts_bit_for_bit(name: str, loaded: dict[str, dict[str, Any]]) -> None:
    result = loaded[name]
    data = CASES[name][1]
    assert {key: result[key] for key in ("native", "generic", "example", "pickle", "training code")} == {
        "native": True,
        "generic": True,
        "example": True,
        "pickle": True,
        "training code": False,
    }
    assert result["request"] == ["dataframe_split" if isinstance(data, pd.DataFrame) else "inputs"]
    assert result["inputs"] == json.loads(infer_signature(data)["inputs"])
    assert result["run_id"] == "0" * 32


TRAIN = """
import pickle, sys
from pathlib import Path
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from autotrack.models.flavors.sklearn import sklearn_flavor
from autotrack.models.folder import write_model_folder
from autotrack.models.snapshot import take_snapshot
from autotrack.models.signature import infer_signature
from autotrack.models.example import take_example

class Threshold(ClassifierMixin, BaseEstimator):
    def fit(self, rows, targets):
        self.classes_ = np.unique(targets)
        self.mean_ = rows[:, 0].mean()
        return self
    def predict(self, rows):
        return self.classes_[(rows[:, 0] > self.mean_).astype(int)]

rows = np.arange(12.0).reshape(6, 2)
model = Threshold().fit(rows, [0, 0, 0, 1, 1, 1])
snapshot = take_snapshot(model, Path("snapshot.pkl"))
assert snapshot.format == "cloudpickle"
write_model_folder(Path("model"), snapshot, flavor=sklearn_flavor(snapshot), signature=infer_signature(rows),
                   example=take_example(rows), run_id="1" * 32)
Path("data.pkl").write_bytes(pickle.dumps((rows, model.predict(rows))))
"""


@pytest.mark.slow
def test_an_estimator_of_the_training_script_loads_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(TRAIN)
    subprocess.run([sys.executable, "train.py"], cwd=tmp_path, check=True)
    result = json.loads(run(LOAD, tmp_path / "model", cwd=Path("/")))
    assert result["native"]
    assert result["generic"]
    assert result["example"]


SAVE = """
import pickle, sys, warnings
warnings.simplefilter("ignore")
import mlflow
for path in sys.argv[1:]:
    model, data, targets = pickle.load(open(f"{path}/case.pkl", "rb"))
    signature = mlflow.models.infer_signature(data, targets)
    mlflow.sklearn.save_model(model, f"{path}/theirs", serialization_format="pickle", signature=signature,
                              input_example=data[:5])
"""


@pytest.mark.slow
def test_the_folder_is_what_mlflow_writes(tmp_path: Path) -> None:
    names = ("logistic", "forest", "columns", "scaler")
    ours = {}
    for name in names:
        estimator, data, targets = CASES[name] if name in CASES else (StandardScaler(), X, Y)
        model = estimator.fit(data, targets)
        ours[name] = save(model, data, targets, tmp_path / name)
        (tmp_path / name / "case.pkl").write_bytes(pickle.dumps((model, data, targets)))
    run(SAVE, *(tmp_path / name for name in names), cwd=tmp_path)
    for name in names:
        compare(ours[name].path, tmp_path / name / "theirs")


def compare(ours: Path, theirs: Path) -> None:
    assert sorted(path.name for path in ours.iterdir()) == sorted(path.name for path in theirs.iterdir())
    mine, other = (yaml.safe_load((folder / "MLmodel").read_text()) for folder in (ours, theirs))
    # What MLflow leaves null or false says nothing.
    assert {key for key, value in other.items() if value} <= set(mine)
    assert other["flavors"]["sklearn"].pop("skops_trusted_types") is None
    assert mine["flavors"] == other["flavors"]
    assert mine["saved_input_example_info"] == other["saved_input_example_info"]
    for side in ("inputs", "outputs"):
        mine_side, other_side = (json.loads(page["signature"][side]) for page in (mine, other))
        for column in (*mine_side, *other_side):
            column.pop("required", None)  # MLflow reads all values to learn it
        assert mine_side == other_side
    for name in ("input_example.json", "serving_input_example.json"):
        # A missing text is NaN in theirs, which is no JSON.
        texts = [(folder / name).read_text() for folder in (ours, theirs)]
        assert json.loads(texts[0]) == json.loads(texts[1], parse_constant=lambda _: None)
    assert (ours / "python_env.yaml").read_text() == (theirs / "python_env.yaml").read_text()
    needed, inferred = (set((folder / "requirements.txt").read_text().split()) for folder in (ours, theirs))
    # MLflow also lists what happened to be imported along the way.
    assert {f"{package}=={installed_version(package)}" for package in ("mlflow", "numpy", "scikit-learn")} <= needed
    assert needed <= inferred
    assert (
        yaml.safe_load((ours / "conda.yaml").read_text())["dependencies"][:2]
        == (yaml.safe_load((theirs / "conda.yaml").read_text())["dependencies"][:2])
    )


def test_files_have_their_size_and_hash(tmp_path: Path) -> None:
    folder = save(LogisticRegression().fit(X, Y), X, Y, tmp_path)
    on_disk = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    assert {file.path: (file.size, file.sha256) for file in folder.files} == {
        name: (len(content), hashlib.sha256(content).hexdigest()) for name, content in on_disk.items()
    }
    assert folder.size == sum(map(len, on_disk.values()))
    assert (folder.name, folder.flavors, len(folder.model_id)) == ("model", ["python_function", "sklearn"], 32)
    page = yaml.safe_load(on_disk["MLmodel"])
    assert page["model_size_bytes"] == folder.size - len(on_disk["MLmodel"])
    assert page["model_id"] == page["model_uuid"] == folder.model_id
    assert list(tmp_path.iterdir()) == [folder.path]


@pytest.mark.parametrize("estimator", [StandardScaler(), DBSCAN()])
def test_an_estimator_that_does_not_predict_has_no_generic_flavor(estimator: Any, tmp_path: Path) -> None:
    folder = save(estimator.fit(X), X, None, tmp_path)
    assert folder.flavors == ["sklearn"]
    assert list(yaml.safe_load((folder.path / "MLmodel").read_text())["flavors"]) == ["sklearn"]


def test_pandas_is_required_only_for_named_columns(tmp_path: Path) -> None:
    def requirements(data: Any) -> str:
        return (save(LogisticRegression().fit(data, Y), data, Y, tmp_path).path / "requirements.txt").read_text()

    assert "pandas" not in requirements(X)
    assert "pandas==" in requirements(pd.DataFrame(X, columns=list("abc")))


def test_text_documents(tmp_path: Path) -> None:
    folder = save(CountVectorizer().fit(["some words", "more"]), ["some words", "more"], None, tmp_path)
    assert folder.signature is not None
    assert json.loads(folder.signature["inputs"]) == [{"type": "string", "required": True}]


def test_a_new_folder_replaces_the_old(tmp_path: Path) -> None:
    first = save(LogisticRegression().fit(X, Y), X, Y, tmp_path)
    second = save(KMeans(2, n_init=1).fit(X), X, None, tmp_path)
    assert first.path == second.path
    assert first.model_id != second.model_id
    assert second.model_id in (second.path / "MLmodel").read_text()
    assert list(tmp_path.iterdir()) == [second.path]


def test_a_failure_leaves_the_snapshot_and_no_folder(tmp_path: Path) -> None:
    snapshot = take_snapshot(LogisticRegression().fit(X, Y), tmp_path / "snapshot.pkl")
    example = msgspec.structs.replace(take_example(X), content="\udc80")  # no file can hold a lone surrogate in UTF-8
    with pytest.raises(UnicodeEncodeError):
        write_model_folder(tmp_path / "model", snapshot, flavor=sklearn_flavor(snapshot), example=example)
    assert list(tmp_path.iterdir()) == [snapshot.path]


def test_a_module_beside_the_script_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "features_beside_script.py").write_text("def double(rows):\n    return rows * 2\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    import features_beside_script  # type: ignore[import-not-found]

    (tmp_path / "out").mkdir()
    folder = save(FunctionTransformer(features_beside_script.double).fit(X), X, None, tmp_path / "out")
    assert folder.unpackaged == ("features_beside_script",)
    page = yaml.safe_load((folder.path / "MLmodel").read_text())
    assert page["metadata"]["unpackaged_modules"] == ["features_beside_script"]
