"""Models of the boosting libraries are in their own formats, and MLflow's generic loader predicts with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost

import autotrack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # what importing mlflow warns of
]


def saved(train: Any) -> Path:
    autotrack.enable(capture=[], log_system_metrics=False)
    try:
        train()
    finally:
        autotrack.disable()
    (run,) = autotrack.search_runs()
    return run.download("model", "downloaded")


def loaded(path: Path) -> Any:
    import mlflow

    return mlflow.pyfunc.load_model(str(path))


@pytest.mark.parametrize("interface", ["native", "estimator"])
def test_xgboost(binary_data: Any, interface: str) -> None:
    X, y = binary_data
    made = []

    def train() -> None:
        if interface == "native":
            made.append(xgboost.train({"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(X, y), 3))
        else:
            made.append(xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(X, y))

    path = saved(train)
    expected = made[0].predict(xgboost.DMatrix(X)) if interface == "native" else made[0].predict(X)
    features = X.astype(np.float32) if interface == "native" else X
    np.testing.assert_array_equal(loaded(path).predict(features), expected)
    assert (path / "model.ubj").exists()


@pytest.mark.parametrize("interface", ["native", "estimator"])
def test_lightgbm(binary_data: Any, interface: str) -> None:
    X, y = binary_data
    made = []

    def train() -> None:
        if interface == "native":
            params = {"objective": "binary", "verbosity": -1, "num_threads": 1}
            made.append(lightgbm.train(params, lightgbm.Dataset(X, y), 3))
        else:
            made.append(lightgbm.LGBMClassifier(n_estimators=3, verbosity=-1, n_jobs=1).fit(X, y).booster_)

    path = saved(train)
    np.testing.assert_array_equal(loaded(path).predict(X), made[0].predict(X))
    assert (path / "model.lgb").read_text().startswith("tree\n")


def test_catboost(binary_data: Any) -> None:
    X, y = binary_data
    model = catboost.CatBoostClassifier(iterations=3, verbose=False, allow_writing_files=False, thread_count=1)
    path = saved(lambda: model.fit(X, y))
    np.testing.assert_array_equal(loaded(path).predict(X), model.predict(X))
    assert (path / "model.cb").read_bytes().startswith(b"CBM1")
