"""Train with XGBoost as always; one line records it all.

Run it with `python examples/xgboost_quickstart.py`, then look around with `autotrack ls` and `autotrack show @last`.
"""

import xgboost as xgb
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

import autotrack

autotrack.enable(experiment="boosting")

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

train, test = xgb.DMatrix(X_train, y_train), xgb.DMatrix(X_test, y_test)
params = {"objective": "binary:logistic", "eval_metric": ["auc", "logloss"], "max_depth": 3}
sets = [(train, "train"), (test, "validation")]
booster = xgb.train(params, train, 100, evals=sets, early_stopping_rounds=10, verbose_eval=False)
accuracy_score(y_test, booster.predict(test) > 0.5)  # evaluates the booster on these data

xgb.cv(params, train, 20, nfold=5)
xgb.XGBClassifier(n_estimators=30).fit(X_train, y_train, eval_set=[(X_test, y_test)], verbose=False)

for run in autotrack.search_runs(experiment="boosting", order_by="start_time"):
    shown = {
        key: round(value, 3) for key, value in run.metrics.items() if key.endswith(("-auc", "auc-mean", "roc_auc"))
    }
    print(f"{run.name:16} {run.status:9} {len(run.params):3} params {shown}")
