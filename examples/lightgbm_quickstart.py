"""Train with LightGBM as always; one line records it all.

Run it with `python examples/lightgbm_quickstart.py`, then look around with `autotrack ls` and `autotrack show @last`.
"""

import lightgbm as lgb
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import GridSearchCV, train_test_split

import autotrack

autotrack.enable(experiment="boosting")

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

train = lgb.Dataset(X_train, y_train)
validation = lgb.Dataset(X_test, y_test, reference=train)
params = {"objective": "binary", "metric": ["auc", "binary_logloss"], "num_leaves": 7, "verbosity": -1}
stopping = lgb.early_stopping(10, verbose=False)
lgb.train(params, train, 100, valid_sets=[validation], valid_names=["validation"], callbacks=[stopping])

lgb.cv(params, lgb.Dataset(X_train, y_train), 20, nfold=5)
model = lgb.LGBMClassifier(n_estimators=20, verbosity=-1)
GridSearchCV(model, {"num_leaves": [3, 7]}, cv=3).fit(X_train, y_train).score(X_test, y_test)

for run in autotrack.search_runs(experiment="boosting", order_by="start_time"):
    if run.parent_id is None:
        shown = {key: round(value, 3) for key, value in run.metrics.items() if key.endswith(("-auc", "auc-mean"))}
        print(f"{run.name:16} {run.status:9} {len(run.params):3} params {shown}")
