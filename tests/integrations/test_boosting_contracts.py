"""The integrations of the boosting libraries pass the contract of all integrations."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Sequence
from typing import Any

import catboost
import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV

from autotrack.testing import IntegrationContract

X, y = load_breast_cancer(return_X_y=True)
CATBOOST = {"iterations": 4, "depth": 2, "verbose": False, "allow_writing_files": False, "thread_count": 1}


class TestXGBoostTrain(IntegrationContract):
    name = "xgboost"
    module = "xgboost"

    def train(self) -> Any:
        data = xgboost.DMatrix(X, y)
        return xgboost.train(
            {"objective": "binary:logistic", "max_depth": 2, "nthread": 1},
            data,
            4,
            evals=[(data, "train")],
            verbose_eval=False,
        )

    def train_badly(self) -> Any:
        return xgboost.train({}, xgboost.DMatrix(X, y), 4, evals=[(X, "train")])

    def outcome(self, trained: Any) -> bytes:
        return pickle.dumps(trained) + trained.predict(xgboost.DMatrix(X)).tobytes()

    def functions(self) -> Sequence[tuple[Any, str]]:
        training = xgboost.training
        return [(training, "train"), (xgboost, "train"), (xgboost.sklearn, "train"), (training, "cv"), (xgboost, "cv")]


class TestXGBClassifier(IntegrationContract):
    name = "xgboost"
    module = "xgboost"

    def train(self) -> Any:
        return xgboost.XGBClassifier(n_estimators=4, n_jobs=1).fit(X, y, eval_set=[(X[:99], y[:99])], verbose=False)

    def train_badly(self) -> Any:
        return xgboost.XGBClassifier(n_estimators=4).fit(X, y + 5)

    def train_nested(self) -> Any:
        return GridSearchCV(xgboost.XGBClassifier(n_estimators=2, n_jobs=1), {"max_depth": [1, 2]}, cv=2).fit(X, y)

    def outcome(self, trained: Any) -> bytes:
        return pickle.dumps(trained) + trained.predict_proba(X).tobytes()

    def functions(self) -> Sequence[tuple[Any, str]]:
        return [(xgboost.XGBModel, "fit"), (xgboost.XGBClassifier, "fit"), (xgboost.XGBRanker, "fit")]


class TestLightGBMTrain(IntegrationContract):
    name = "lightgbm"
    module = "lightgbm"

    def train(self) -> Any:
        data = lightgbm.Dataset(X, y)
        params = {"objective": "binary", "verbosity": -1, "num_threads": 1}
        return lightgbm.train(params, data, 4, valid_sets=[data], valid_names=["train"])

    def train_badly(self) -> Any:
        return lightgbm.train({"objective": "binary", "verbosity": -1}, lightgbm.Dataset(X, y), -1)

    def outcome(self, trained: Any) -> bytes:
        return pickle.dumps(trained) + trained.predict(X).tobytes()

    def functions(self) -> Sequence[tuple[Any, str]]:
        engine = lightgbm.engine
        return [(engine, "train"), (lightgbm, "train"), (lightgbm.sklearn, "train"), (engine, "cv"), (lightgbm, "cv")]


class TestLGBMClassifier(IntegrationContract):
    name = "lightgbm"
    module = "lightgbm"

    def train(self) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", lightgbm.basic.LGBMDeprecationWarning)
            model = lightgbm.LGBMClassifier(n_estimators=4, n_jobs=1, verbosity=-1)
            return model.fit(X, y, eval_set=[(X[:99], y[:99])])

    def train_badly(self) -> Any:
        return lightgbm.LGBMClassifier(n_estimators=4).fit(X, y[:5])

    def train_nested(self) -> Any:
        model = lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, verbosity=-1)
        return GridSearchCV(model, {"num_leaves": [3, 4]}, cv=2).fit(X, y)

    def outcome(self, trained: Any) -> bytes:
        return pickle.dumps(trained) + trained.predict_proba(X).tobytes()

    def functions(self) -> Sequence[tuple[Any, str]]:
        return [(lightgbm.LGBMModel, "fit"), (lightgbm.LGBMClassifier, "fit"), (lightgbm.LGBMRanker, "fit")]


@pytest.mark.filterwarnings("ignore:.*tags.*:FutureWarning")
class TestCatBoost(IntegrationContract):
    name = "catboost"
    module = "catboost"

    def train(self) -> Any:
        return catboost.CatBoostClassifier(**CATBOOST).fit(X, y, eval_set=(X[:99], y[:99]))

    def train_badly(self) -> Any:
        return catboost.CatBoostClassifier(**CATBOOST).fit(X, y[:5])

    def train_nested(self) -> Any:
        return GridSearchCV(catboost.CatBoostClassifier(**CATBOOST), {"l2_leaf_reg": [1, 3]}, cv=2).fit(X, y)

    def outcome(self, trained: Any) -> bytes:
        return trained.predict_proba(X).tobytes() + np.asarray(trained.get_feature_importance()).tobytes()

    def functions(self) -> Sequence[tuple[Any, str]]:
        core = catboost.core
        return [(core.CatBoost, "fit"), (core.CatBoostClassifier, "fit"), (core, "cv"), (catboost, "cv")]
