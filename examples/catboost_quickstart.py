"""Train with CatBoost as always; one line records it all.

Run it with `python examples/catboost_quickstart.py`, then look around with `autotrack ls` and `autotrack show @last`.
"""

from catboost import CatBoostClassifier, Pool
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split

import autotrack

autotrack.enable(experiment="boosting")

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

options = {"iterations": 60, "depth": 4, "verbose": False, "allow_writing_files": False}
model = CatBoostClassifier(early_stopping_rounds=10, **options)
model.fit(Pool(X_train, y_train), eval_set=Pool(X_test, y_test))
accuracy_score(y_test, model.predict(X_test))  # evaluates the model on these data

longer = CatBoostClassifier(**{**options, "iterations": 20})
longer.fit(X_train, y_train, init_model=model)  # a run of its own that names the first one

for run in autotrack.search_runs(experiment="boosting", order_by="start_time"):
    shown = {key: round(value, 3) for key, value in run.metrics.items() if key.endswith(("roc_auc", "best_iteration"))}
    print(f"{run.name:20} {run.status:9} {len(run.params):3} params {shown}")
