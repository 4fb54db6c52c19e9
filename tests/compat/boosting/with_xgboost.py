"""What the guides of XGBoost show: each way to train, with what it prints."""

import hashlib
import pickle
from typing import Any

import numpy as np
import xgboost as xgb
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV, cross_val_score

X, y = load_breast_cancer(return_X_y=True)
train, test = xgb.DMatrix(X[:400], y[:400]), xgb.DMatrix(X[400:], y[400:])
params = {"objective": "binary:logistic", "max_depth": 3, "eta": 0.5, "nthread": 1, "seed": 7}


def show(what: str, value: object) -> None:
    print(what, hashlib.sha256(pickle.dumps(value)).hexdigest()[:16])


booster = xgb.train(params, train, 8, evals=[(train, "train"), (test, "test")])
show("booster", booster)
show("predictions", booster.predict(test))
print(accuracy_score(y[400:], booster.predict(test) > 0.5))

history: dict[str, dict[str, list[float]]] = {}
stopped = xgb.train(
    params, train, 60, evals=[(test, "test")], early_stopping_rounds=3, evals_result=history, verbose_eval=5
)
print(stopped.best_iteration, stopped.best_score, history["test"]["logloss"][-1])
show("early stopping", stopped)
show("continued", xgb.train(params, train, 3, xgb_model=booster, verbose_eval=False))


def logistic(predicted: np.ndarray, data: xgb.DMatrix) -> tuple[np.ndarray, np.ndarray]:
    share = 1 / (1 + np.exp(-predicted))
    return share - data.get_label(), share * (1 - share)


def error(predicted: np.ndarray, data: xgb.DMatrix) -> tuple[str, float]:
    return "my_error", float(np.mean((predicted > 0) != data.get_label()))


custom = xgb.train({"max_depth": 2, "nthread": 1}, train, 4, evals=[(test, "test")], obj=logistic, custom_metric=error)
show("custom", custom)


class Plotting(xgb.callback.TrainingCallback):
    def after_iteration(self, model: xgb.Booster, epoch: int, evals_log: Any) -> bool:
        print("callback", epoch, {data: list(metrics) for data, metrics in evals_log.items()})
        return epoch == 2


xgb.train(params, train, 9, evals=[(test, "test")], callbacks=[Plotting()], verbose_eval=False)
rates = xgb.callback.LearningRateScheduler(lambda epoch: 0.5 * 0.9**epoch)
show("scheduled", xgb.train(params, train, 4, callbacks=[rates]))
print(xgb.cv(params, train, 4, nfold=3, metrics=["auc"], seed=3).round(6).to_string())
print(sorted(xgb.cv(params, train, 3, nfold=3, as_pandas=False, early_stopping_rounds=2, verbose_eval=True)))

rank = xgb.DMatrix(X, y, qid=np.repeat(np.arange(len(y) // 10 + 1), 10)[: len(y)])
show("rank", xgb.train({"objective": "rank:ndcg", "nthread": 1}, rank, 3, evals=[(rank, "train")]))

classifier = xgb.XGBClassifier(n_estimators=6, early_stopping_rounds=2, n_jobs=1, random_state=1)
classifier.fit(X[:400], y[:400], eval_set=[(X[:400], y[:400]), (X[400:], y[400:])], verbose=2)
show("classifier", classifier)
print(classifier.score(X[400:], y[400:]), classifier.best_iteration, classifier.get_params())
regressor = xgb.XGBRegressor(n_estimators=4, n_jobs=1).fit(*load_diabetes(return_X_y=True))
show("regressor", regressor)
show("forest", xgb.XGBRFClassifier(n_estimators=4, n_jobs=1, random_state=0).fit(X, y))
print(cross_val_score(classifier.set_params(early_stopping_rounds=None), X, y, cv=3))
search = GridSearchCV(xgb.XGBClassifier(n_estimators=3, n_jobs=1), {"max_depth": [1, 2]}, cv=3, n_jobs=2).fit(X, y)
print(search.best_params_, search.best_score_, np.random.default_rng(0).random(), np.random.random() >= 0)
