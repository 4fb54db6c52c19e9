"""What is saved is loaded again, exactly, without running code; what would run code says so and waits for trust."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier, CatBoostRegressor
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import DBSCAN, KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    AdaBoostClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
)
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from xgboost import DMatrix, XGBClassifier, XGBRegressor
from xgboost import train as train_xgboost

import autotrack
from autotrack import recording
from autotrack.errors import ModelError, TamperedModelError, UnsupportedValueError, UntrustedModelError
from autotrack.models import load, load_predictor, save

RANDOM = np.random.default_rng(0)
TABLE = pd.DataFrame(RANDOM.normal(size=(80, 3)), columns=["a", "b", "c"])
TARGET = (TABLE["a"] > 0).astype(int)
MIXED = TABLE.assign(color=["red", "green"] * 40)
NUMBERS = ColumnTransformer([("numbers", StandardScaler(), ["a", "b"]), ("text", OneHotEncoder(), ["color"])])

SAFE: dict[str, Any] = {
    "logistic": LogisticRegression(),
    "forest": RandomForestClassifier(5, random_state=0),
    "forest with a stream": RandomForestClassifier(5, random_state=np.random.RandomState(1)),
    "boosting": GradientBoostingRegressor(n_estimators=4),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=4),
    "ada": AdaBoostClassifier(n_estimators=3),
    "stacking": StackingClassifier([("bayes", GaussianNB())], cv=2),
    "calibrated": CalibratedClassifierCV(LinearSVC(), cv=2),
    "search": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2),
    "neighbors": KNeighborsClassifier(),
    "svc": SVC(),
    "kmeans": KMeans(2, n_init=1, random_state=0),
    "gaussian process": GaussianProcessClassifier(),
    "pipeline": make_pipeline(SimpleImputer(), PCA(2), Ridge()),
    "columns": make_pipeline(NUMBERS, LogisticRegression()),
    "xgboost classifier": XGBClassifier(n_estimators=3, n_jobs=1),
    "xgboost regressor": XGBRegressor(n_estimators=3, n_jobs=1),
    "xgboost in a pipeline": make_pipeline(StandardScaler(), XGBRegressor(n_estimators=3, n_jobs=1)),
    "lightgbm classifier": LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1),
    "lightgbm regressor": LGBMRegressor(n_estimators=3, verbose=-1, n_jobs=1),
    "catboost classifier": CatBoostClassifier(iterations=3, verbose=False, allow_writing_files=False),
    "catboost regressor": CatBoostRegressor(iterations=3, verbose=False, allow_writing_files=False),
}


@pytest.fixture
def recorder() -> Iterator[None]:
    """Record into a store of the test's own."""
    yield
    recording.close_recorder()


def same(first: Any, second: Any) -> bool:
    one, other = np.asarray(first), np.asarray(second)
    return one.dtype == other.dtype and one.shape == other.shape and one.tobytes() == other.tobytes()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", SAFE)
def test_predictions_are_equal_bit_for_bit_without_trust(name: str, tmp_path: Path) -> None:
    data = MIXED if name == "columns" else TABLE
    model = SAFE[name].fit(data, TARGET)
    folder = save(model, tmp_path / "model", inputs=data)
    restored = load(folder.path)
    assert type(restored) is type(model)
    assert same(restored.predict(data), model.predict(data))
    if hasattr(model, "predict_proba"):
        assert same(restored.predict_proba(data), model.predict_proba(data))
    assert same(load_predictor(folder.path).predict(data), model.predict(data))


def test_boosters_of_the_native_interface(tmp_path: Path) -> None:
    booster = train_xgboost({"nthread": 1}, DMatrix(TABLE, TARGET), 3)
    save(booster, tmp_path / "xgboost", inputs=TABLE)
    assert same(load_predictor(tmp_path / "xgboost").predict(TABLE), booster.predict(DMatrix(TABLE)))
    light = LGBMRegressor(n_estimators=3, verbose=-1, n_jobs=1).fit(TABLE, TARGET).booster_
    save(light, tmp_path / "lightgbm", inputs=TABLE)
    assert same(load_predictor(tmp_path / "lightgbm").predict(TABLE), light.predict(TABLE))


def test_an_estimator_that_does_not_predict_is_loaded_as_it_is(tmp_path: Path) -> None:
    scaler = StandardScaler().fit(TABLE)
    save(scaler, tmp_path / "scaler", inputs=TABLE)
    assert same(load(tmp_path / "scaler").transform(TABLE), scaler.transform(TABLE))
    with pytest.raises(ModelError, match="StandardScaler has no method 'predict'"):
        load_predictor(tmp_path / "scaler")
    labels = DBSCAN().fit(TABLE)
    save(labels, tmp_path / "labels")
    assert same(load(tmp_path / "labels").labels_, labels.labels_)


def test_a_pickle_waits_for_trust(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(lambda rows: rows**3), LogisticRegression()).fit(TABLE, TARGET)
    folder = save(model, tmp_path / "model", inputs=TABLE)
    [data] = [file for file in folder.files if file.path == "model.pkl"]
    with pytest.raises(UntrustedModelError) as raised:
        load(folder.path)
    assert data.sha256 in str(raised.value)
    assert str(folder.path) in str(raised.value)
    assert "trust=True" in str(raised.value)
    assert same(load_predictor(folder.path, trust=True).predict(TABLE), model.predict(TABLE))


def test_a_skops_file_cannot_allow_itself_types(tmp_path: Path) -> None:
    """The list in MLmodel is for MLflow; whoever changes the file could write what he likes into it."""
    import skops.io
    from joblib import Memory

    folder = save(LogisticRegression().fit(TABLE, TARGET), tmp_path / "model").path
    skops.io.dump(Memory(location=None), folder / "model.skops")
    page = (folder / "MLmodel").read_text().split('"metadata":')[0]
    allowed = '"skops_trusted_types": ["joblib.memory.Memory"]'
    (folder / "MLmodel").write_text(page.replace('"skops_trusted_types": []', allowed))
    with pytest.raises(UntrustedModelError, match=r"joblib\.memory\.Memory"):
        load(folder)
    assert isinstance(load(folder, trust=True), Memory)


@pytest.mark.parametrize("change", ["changed", "missing", "new"])
def test_a_tampered_model_is_refused(change: str, tmp_path: Path) -> None:
    folder = save(XGBRegressor(n_estimators=2).fit(TABLE, TARGET), tmp_path / "model").path
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"")  # never read
    assert load(folder)
    data = folder / "model.ubj"
    if change == "changed":
        content = bytearray(data.read_bytes())
        content[len(content) // 2] ^= 1
        data.write_bytes(content)
    elif change == "missing":
        data.unlink()
    else:
        (folder / "sitecustomize.py").write_text("print('gotcha')")
    named = "sitecustomize.py" if change == "new" else "model.ubj"
    for trust in (False, True):
        with pytest.raises(TamperedModelError, match=named):
            load(folder, trust=trust)


def test_a_changed_page_is_refused_where_the_store_knows_it(recorder: None) -> None:
    with autotrack.start_run() as run:
        uri = autotrack.models.log(LogisticRegression().fit(TABLE, TARGET), inputs=TABLE)
    page = autotrack.models.locate(uri).path / "MLmodel"
    assert load(uri)
    page.chmod(0o600)
    page.write_text(page.read_text().replace('"predict_fn": "predict"', '"predict_fn": "predict_proba"'))
    assert uri == f"runs:/{run.id}/model"
    with pytest.raises(TamperedModelError, match="'MLmodel' has sha256"):
        load(uri)


def test_a_page_cannot_lead_out_of_its_folder(tmp_path: Path) -> None:
    folder = save(XGBRegressor(n_estimators=2).fit(TABLE, TARGET), tmp_path / "model").path
    page = (folder / "MLmodel").read_text().split('"metadata":')[0].replace('"model.ubj"', '"../../secret"')
    (folder / "MLmodel").write_text(page)
    with pytest.raises(ModelError, match="leads out of the folder"):
        load(folder)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("/nowhere/at/all", "there is no model folder"),
        (".", "is no model folder: it has no file MLmodel"),
        ("s3://bucket/model", "names no model"),
        ("runs:", "names no model"),
    ],
)
def test_an_address_that_leads_nowhere(uri: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=message):
        load(uri)


def test_what_can_be_saved_and_what_not(tmp_path: Path) -> None:
    class Blind:
        def predict(self) -> int:
            return 1

    for model, message in (
        (3, "no method predict"),
        (Blind, "is a class; give an object"),
        (Blind(), "takes no input"),
    ):
        with pytest.raises(UnsupportedValueError, match=message):
            save(model, tmp_path / "model")
    with pytest.raises(ModelError, match="no file or folder"):
        save(SAFE["logistic"], tmp_path / "model", code=["nowhere.py"])
    with pytest.raises(UnsupportedValueError, match="give inputs"):
        save(SAFE["logistic"], tmp_path / "model", params={"x": 1})
    with pytest.raises(ModelError, match="no run is active"):
        autotrack.models.log(SAFE["logistic"])
    assert not list(tmp_path.glob("model*"))


def test_the_streams_of_random_numbers_stay(tmp_path: Path) -> None:
    model = MLPRegressor(hidden_layer_sizes=(3,), max_iter=1, random_state=np.random.RandomState(3))
    with pytest.warns(Warning, match="Maximum iterations"):
        model.fit(TABLE, TARGET)
    before = (np.random.get_state()[2], pickle.dumps(model))
    save(model, tmp_path / "model", inputs=TABLE, input_example=TABLE)
    assert (np.random.get_state()[2], pickle.dumps(model)) == before
    assert json.loads((tmp_path / "model" / "input_example.json").read_text())["columns"] == ["a", "b", "c"]
