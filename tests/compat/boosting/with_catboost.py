"""What the guides of CatBoost show: each way to train, with what it prints but for times."""

import hashlib

import numpy as np
import pandas as pd
from catboost import CatBoost, CatBoostClassifier, CatBoostRanker, CatBoostRegressor, Pool, cv
from catboost import train as train_catboost
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import accuracy_score
from sklearn.model_selection import GridSearchCV

X, y = load_breast_cancer(return_X_y=True)
common = {"depth": 3, "thread_count": 1, "logging_level": "Silent", "random_seed": 5}


def show(what: str, array: object) -> None:
    print(what, hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16])


model = CatBoostClassifier(iterations=8, **common).fit(X[:400], y[:400], eval_set=(X[400:], y[400:]))
show("classifier", model.predict_proba(X))
print(accuracy_score(y[400:], model.predict(X[400:])), model.get_best_score(), model.get_params(), model.score(X, y))
stopped = CatBoostClassifier(iterations=60, learning_rate=0.9, early_stopping_rounds=3, **common)
stopped.fit(X[:400], y[:400], eval_set=[(X[400:], y[400:]), (X[:50], y[:50])])
print(stopped.best_iteration_, stopped.tree_count_, sorted(stopped.evals_result_))


class Watch:
    def after_iteration(self, info: object) -> bool:
        print("callback", info.iteration, sorted(info.metrics))
        return info.iteration != 3


watched = CatBoost({"iterations": 9, "loss_function": "Logloss", **common})
watched.fit(Pool(X, y), callbacks=[Watch()])
show("watched", watched.predict(X))
show("continued", CatBoostClassifier(iterations=3, **common).fit(X, y, init_model=model).predict_proba(X))
frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"]).assign(d=np.where(X[:, 0] > 14, "big", "small"))
cats = CatBoostClassifier(iterations=4, cat_features=["d"], **common).fit(frame, y)
show("categories", cats.predict_proba(frame))
show("importance", cats.get_feature_importance())
pools = Pool(X[:400], y[:400]), Pool(X[400:], y[400:])
trained = train_catboost(pools[0], {"iterations": 5, "loss_function": "Logloss", **common}, eval_set=pools[1])
show("train", trained.predict(X))
show("regressor", CatBoostRegressor(iterations=4, **common).fit(*load_diabetes(return_X_y=True)).feature_importances_)
ranker = CatBoostRanker(iterations=4, **common).fit(Pool(X, y, group_id=np.arange(len(y)) // 20))
show("ranker", ranker.predict(X))
print(cv(pools[0], {"iterations": 4, "loss_function": "Logloss", **common}, fold_count=3).round(6).to_string())
print(GridSearchCV(CatBoostClassifier(iterations=3, **common), {"l2_leaf_reg": [1, 5]}, cv=3).fit(X, y).best_params_)
