"""Trains a model of every flavor, and saves each with autotrack and with MLflow; run as a script by the tests.

Its own classes exist in this program only: who loads the models later must do without it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import catboost
import keras
import lightgbm
import mlflow
import numpy as np
import pandas as pd
import torch
import xgboost
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autotrack.models import save

ROOT = Path(sys.argv[1])
TABLE = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 3)), columns=["a", "b", "c"])
ROWS = TABLE.to_numpy("float32")
TARGET = (TABLE["a"] > 0).astype(int)


class Threshold(ClassifierMixin, BaseEstimator):
    """An estimator of the program's own."""

    def fit(self, X: Any, y: Any) -> Threshold:
        self.classes_ = np.unique(y)
        self.mean_ = X["a"].mean()
        return self

    def predict(self, X: Any) -> Any:
        return self.classes_[(X["a"] > self.mean_).astype(int)]


class Network(torch.nn.Module):
    """A network of the program's own."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Dropout(), torch.nn.Linear(4, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layers(x)


class Scaled:
    """A custom model with a file, a module beside it and a parameter."""

    def load_context(self, context: Any) -> None:
        self.factor = float(Path(context.artifacts["factor"]).read_text())

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        from shifting import shift  # type: ignore[import-not-found]

        return shift(model_input["a"].to_numpy() * self.factor, params["by"])


class TheirScaled(mlflow.pyfunc.PythonModel):  # type: ignore[name-defined]
    """The same, as MLflow's users write it."""

    def load_context(self, context: Any) -> None:
        self.factor = float(Path(context.artifacts["factor"]).read_text())

    def predict(self, context: Any, model_input: Any, params: Any = None) -> Any:
        return model_input["a"].to_numpy() * self.factor + params["by"]


def network() -> Any:
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4, "relu"), keras.layers.Dense(1)])
    model.compile(loss="mse")
    model.fit(ROWS, TARGET, verbose=0)
    return model


def keep(name: str, model: Any, data: Any, expected: Any, **options: Any) -> None:
    folder = ROOT / name
    folder.mkdir()
    save(model, folder / "ours", inputs=data, input_example=data, **options)
    data.to_pickle(folder / "data.pkl") if isinstance(data, pd.DataFrame) else np.save(folder / "data.npy", data)
    np.save(folder / "expected.npy", np.asarray(expected))


def keep_theirs(name: str, flavor: Any, model: Any, **options: Any) -> None:
    # Without a list of its own, MLflow loads each model in one more process to see what it needs.
    flavor.save_model(model, str(ROOT / name / "theirs"), pip_requirements=["numpy"], **options)


def main() -> None:
    logistic = make_pipeline(StandardScaler(), LogisticRegression()).fit(TABLE, TARGET)
    forest = RandomForestClassifier(5, random_state=0).fit(TABLE, TARGET)
    xgb = xgboost.XGBClassifier(n_estimators=3, n_jobs=1).fit(TABLE, TARGET)
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(TABLE, TARGET), 3)
    lgb = lightgbm.LGBMClassifier(n_estimators=3, verbose=-1, n_jobs=1).fit(TABLE, TARGET)
    cat = catboost.CatBoostClassifier(iterations=3, verbose=False, allow_writing_files=False).fit(TABLE, TARGET)
    dense, module = network(), Network().eval()
    own = Threshold().fit(TABLE, TARGET)
    keep("sklearn", logistic, TABLE, logistic.predict(TABLE))
    keep("forest", forest, TABLE, forest.predict(TABLE))
    keep("own", own, TABLE, own.predict(TABLE))
    keep("xgboost", xgb, TABLE, xgb.predict(TABLE))
    keep("booster", booster, TABLE, booster.predict(xgboost.DMatrix(TABLE)))
    keep("lightgbm", lgb, TABLE, lgb.predict(TABLE))
    keep("lightgbm booster", lgb.booster_, TABLE, lgb.booster_.predict(TABLE))
    keep("catboost", cat, TABLE, cat.predict(TABLE))
    keep("keras", dense, ROWS, dense.predict(ROWS, verbose=0))
    keep("pytorch", module, ROWS, module(torch.from_numpy(ROWS)).detach().numpy())
    (ROOT / "factor.txt").write_text("0.5")
    (ROOT / "shifting.py").write_text("def shift(values, by):\n    return values + by\n")
    files = {"factor": ROOT / "factor.txt"}
    sys.path.append(str(ROOT))
    expected = TABLE["a"].to_numpy() * 0.5 + 1.0
    keep("custom", Scaled(), TABLE, expected, artifacts=files, code=[ROOT / "shifting.py"], params={"by": 1.0})
    (ROOT / "shifting.py").unlink()
    keep_theirs("sklearn", mlflow.sklearn, logistic, serialization_format="skops")
    keep_theirs("forest", mlflow.sklearn, forest, serialization_format="pickle")
    keep_theirs("own", mlflow.sklearn, own, serialization_format="cloudpickle")
    keep_theirs("xgboost", mlflow.xgboost, xgb)
    keep_theirs("booster", mlflow.xgboost, booster)
    keep_theirs("lightgbm", mlflow.lightgbm, lgb)
    keep_theirs("lightgbm booster", mlflow.lightgbm, lgb.booster_)
    keep_theirs("catboost", mlflow.catboost, cat)
    keep_theirs("keras", mlflow.keras, dense)
    keep_theirs("pytorch", mlflow.pytorch, module, serialization_format="pickle")
    mlflow.pyfunc.save_model(
        str(ROOT / "custom" / "theirs"),
        python_model=TheirScaled(),
        artifacts={name: str(path) for name, path in files.items()},
        signature=mlflow.models.infer_signature(TABLE, params={"by": 1.0}),
        pip_requirements=["numpy"],
    )


if __name__ == "__main__":
    main()
