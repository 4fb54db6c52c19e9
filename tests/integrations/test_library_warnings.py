"""What libraries warn their callers of names the same lines with tracking on."""

from __future__ import annotations

import warnings
from typing import Any

import lightgbm
import numpy as np
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin


class Outdated(ClassifierMixin, BaseEstimator):
    """Warns who calls its `fit`."""

    def fit(self, X: Any, y: Any) -> Outdated:
        warnings.warn("fit differently", DeprecationWarning, stacklevel=2)
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        return np.zeros(len(X))


@pytest.mark.usefixtures("recorded")
def test_an_estimator_names_the_line_that_fits_it(binary_data: Any) -> None:
    with pytest.warns(DeprecationWarning, match="fit differently") as caught:
        Outdated().fit(*binary_data)
    assert [each.filename for each in caught] == [__file__]


@pytest.mark.usefixtures("recorded")
def test_lightgbm_names_its_own_line(binary_data: Any) -> None:
    """It counts frames to find it, and ours, which hold back what our own predictions say, do not count."""
    X, y = binary_data
    options = {"n_estimators": 2, "verbose": -1, "min_child_samples": 3}
    model = lightgbm.LGBMClassifier(objective=lambda y, raw: (raw - y, np.ones_like(raw)), **options).fit(X, y)
    with pytest.warns(UserWarning, match="customized objective") as caught:
        model.predict_proba(X)
    assert {each.filename for each in caught} == {lightgbm.sklearn.__file__}
