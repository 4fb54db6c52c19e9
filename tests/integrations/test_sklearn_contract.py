"""The scikit-learn integration passes the contract of all integrations."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.datasets import load_iris
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate

from autotrack.testing import IntegrationContract

X, y = load_iris(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)  # else lbfgs warns that it has not converged


class TestFit(IntegrationContract):
    name = "sklearn"
    module = "sklearn"

    def train(self) -> Any:
        return RandomForestClassifier(n_estimators=3, random_state=0).fit(X, y)

    def train_badly(self) -> Any:
        return RandomForestClassifier(n_estimators=3).fit(X, y[:5])

    def train_nested(self) -> Any:
        bagged = BaggingClassifier(LogisticRegression(), n_estimators=2, n_jobs=2)
        return bagged.fit(X, y)

    def outcome(self, trained: Any) -> bytes:
        return pickle.dumps(trained) + trained.predict_proba(X).tobytes()

    def functions(self) -> Sequence[tuple[Any, str]]:
        from sklearn.ensemble._forest import BaseForest, ForestClassifier

        return [(BaseForest, "fit"), (ForestClassifier, "predict"), (ForestClassifier, "predict_proba")]


class TestCrossValidate(IntegrationContract):
    name = "sklearn"
    module = "sklearn"

    def train(self) -> Any:
        return cross_validate(LogisticRegression(), X, y, cv=3)

    def train_badly(self) -> Any:
        return cross_validate(LogisticRegression(), X, y[:5], cv=3)

    def train_nested(self) -> Any:
        search = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, cv=2)
        return cross_validate(search, X, y, cv=2)

    def outcome(self, trained: Any) -> bytes:
        return np.asarray(trained["test_score"]).tobytes()

    def functions(self) -> Sequence[tuple[Any, str]]:
        return [(LogisticRegression, "fit")]  # cross_validate itself is not replaced: a cell of it is
