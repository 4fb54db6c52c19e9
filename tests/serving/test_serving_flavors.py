"""Models of every library are served, and answer as the library itself does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
from starlette.testclient import TestClient

import autotrack.models
from autotrack.models import load_predictor
from autotrack.serving.app import Limits, Service
from autotrack.serving.scoring import Scorer
from autotrack.serving.telemetry import Telemetry

Made = tuple[Any, Any, Callable[[Any], Any]]
"""A model, an input, and how the library predicts for it."""

GENERATOR = np.random.default_rng(3)
TABLE = pd.DataFrame(GENERATOR.normal(size=(40, 3)), columns=["a", "b", "c"])
LABELS = (TABLE["a"] > 0).to_numpy().astype(int)
TARGET = (TABLE["a"] * 2 + TABLE["b"]).to_numpy()


def sklearn() -> Made:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(TABLE, LABELS)
    return model, TABLE, model.predict


def sklearn_pickle() -> Made:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer
    from sklearn.svm import SVR

    model = make_pipeline(FunctionTransformer(np.sin), SVR()).fit(TABLE, TARGET)
    return model, TABLE, model.predict


def xgboost() -> Made:
    import xgboost

    model = xgboost.XGBClassifier(n_estimators=5, max_depth=2).fit(TABLE, LABELS)
    return model, TABLE, model.predict


def xgboost_booster() -> Made:
    import xgboost

    model = xgboost.train({"max_depth": 2}, xgboost.DMatrix(TABLE, TARGET), 5)
    return model, TABLE, lambda table: model.predict(xgboost.DMatrix(table))


def lightgbm() -> Made:
    import lightgbm

    model = lightgbm.LGBMRegressor(n_estimators=5, min_child_samples=2, verbose=-1).fit(TABLE, TARGET)
    return model, TABLE, model.predict


def lightgbm_booster() -> Made:
    import lightgbm

    model = lightgbm.train({"verbose": -1, "min_data_in_leaf": 2}, lightgbm.Dataset(TABLE, TARGET), 5)
    return model, TABLE, model.predict


def catboost() -> Made:
    import catboost

    model = catboost.CatBoostRegressor(iterations=5, verbose=False, allow_writing_files=False).fit(TABLE, TARGET)
    return model, TABLE, model.predict


class Total:
    """A custom model that answers with a table."""

    def predict(self, context: Any, model_input: Any) -> Any:
        return pd.DataFrame({"total": model_input.sum(axis=1), "known": model_input["a"] > 0})


def custom() -> Made:
    model = Total()
    return model, TABLE, lambda table: model.predict(None, table)


def statsmodels() -> Made:
    import statsmodels.api

    model = statsmodels.api.OLS(TARGET, TABLE).fit()
    return model, TABLE, model.predict


def torch() -> Made:
    import torch

    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 1))
    array = TABLE.to_numpy(dtype="float32", copy=True)

    def predict(data: Any) -> Any:
        with torch.no_grad():
            return model(torch.tensor(data)).numpy()

    return model, array, predict


def keras() -> Made:
    import keras

    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
    return model, TABLE.to_numpy(dtype="float32"), lambda data: model.predict(data, verbose=0)


QUICK = [sklearn, sklearn_pickle, xgboost, xgboost_booster, lightgbm, lightgbm_booster, catboost, custom, statsmodels]
SLOW = [torch, keras]


@pytest.fixture(
    scope="module",
    params=[*QUICK, *(pytest.param(make, marks=pytest.mark.slow) for make in SLOW)],
    ids=lambda make: make.__name__,
)
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, ...]]:
    library = request.param.__name__.partition("_")[0]
    if library != "custom":
        pytest.importorskip(library)
    model, data, predict = request.param()
    folder = tmp_path_factory.mktemp("served")
    autotrack.models.save(model, folder / "model", inputs=data)
    scorer = Scorer(load_predictor(folder / "model", trust=True))
    with TestClient(Service(scorer, Telemetry(folder, {}), Limits()), base_url="http://127.0.0.1") as client:
        yield client, data, predict(data)


def expected(predictions: Any) -> Any:
    if isinstance(predictions, pd.DataFrame):
        return predictions.to_dict(orient="records")
    if isinstance(predictions, pd.Series):
        return [{str(predictions.name or 0): value} for value in predictions.tolist()]
    return predictions.tolist()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")  # of libraries about others
def test_a_model_answers_as_its_library_does(served: tuple[Any, ...]) -> None:
    client, data, predictions = served
    table = isinstance(data, pd.DataFrame)
    body = {"dataframe_split": data.to_dict(orient="split")} if table else {"inputs": data.tolist()}
    answer = client.post("/invocations", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["predictions"] == expected(predictions)
    one = {"inputs": {name: TABLE[name].tolist()[:1] for name in TABLE}} if table else {"instances": data[:1].tolist()}
    first = client.post("/invocations", json=one).json()["predictions"]
    pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(expected(predictions)[:1]))


def test_what_is_missing_is_named(served: tuple[Any, ...]) -> None:
    client, data, _ = served
    table = isinstance(data, pd.DataFrame)
    wrong = {"dataframe_records": [{"a": 1.0, "b": 2.0}]} if table else {"inputs": [[1.0, 2.0]]}
    answer = client.post("/invocations", json=wrong)
    assert answer.status_code == 400
    assert not table or answer.json()["column"] == "c"
