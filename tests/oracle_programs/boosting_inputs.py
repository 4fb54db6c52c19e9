"""The three libraries of gradient boosting, native and as estimators, with iterators, frames and sparse matrices."""

from collections.abc import Callable

import catboost
import lightgbm
import numpy as np
import pandas as pd
import scipy.sparse
import xgboost
from sklearn.datasets import load_breast_cancer

X, y = load_breast_cancer(return_X_y=True)
X = X.astype("float32")


class Batches(xgboost.DataIter):  # type: ignore[misc]
    """Batches of rows, one after the other, counting how often it was asked."""

    def __init__(self) -> None:
        super().__init__()
        self.at, self.asked = 0, 0

    def next(self, input_data: Callable[..., None]) -> bool:
        self.asked += 1
        if self.at == 3:
            return False
        input_data(data=X[self.at :: 3], label=y[self.at :: 3])
        self.at += 1
        return True

    def reset(self) -> None:
        self.at = 0


batches = Batches()
external = xgboost.train({"objective": "binary:logistic", "seed": 1}, xgboost.QuantileDMatrix(batches), 5).save_raw()
asked = batches.asked
params = {"objective": "binary:logistic", "subsample": 0.5, "seed": 3}
history: dict[str, object] = {}
matrix = xgboost.DMatrix(scipy.sparse.csr_matrix(X), y)
sparse = xgboost.train(params, matrix, 5, evals=[(matrix, "train")], evals_result=history, verbose_eval=2).save_raw()
estimator = xgboost.XGBClassifier(n_estimators=4, random_state=0).fit(pd.DataFrame(X), y).predict_proba(X)
light = lightgbm.train({"objective": "binary", "verbosity": -1}, lightgbm.Dataset(X, y), 5).model_to_string()
folds = lightgbm.cv({"objective": "binary", "verbosity": -1}, lightgbm.Dataset(X, y), 4, nfold=3)
cat = catboost.CatBoostClassifier(iterations=5, verbose=2, allow_writing_files=False, random_seed=0)
probabilities = cat.fit(catboost.Pool(np.asarray(X), y)).predict_proba(X)
del batches, matrix, cat
