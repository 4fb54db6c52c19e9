"""Train scikit-learn models as always; one line records them all.

Run it with `python examples/sklearn_quickstart.py`, then look around with `autotrack ls` and `autotrack show @last`.
"""

from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import autotrack

autotrack.enable(experiment="breast cancer")

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

forest = RandomForestClassifier(n_estimators=50, random_state=0).fit(X_train, y_train)
forest.score(X_test, y_test)

pipeline = make_pipeline(StandardScaler(), LogisticRegression())
search = GridSearchCV(pipeline, {"logisticregression__C": [0.01, 0.1, 1.0, 10.0]}, cv=5).fit(X_train, y_train)
search.score(X_test, y_test)

for run in autotrack.search_runs(experiment="breast cancer", order_by="start_time"):
    if run.parent_id is None:
        accuracy = run.metrics.get("test_accuracy_score", run.metrics.get("test_score"))
        print(f"{run.name:24} {run.status:9} {len(run.params):3} params  test accuracy {accuracy:.3f}")
        for child in run.children():
            print(f"    {child.name:20} {child.metrics['mean_test_score']:.3f} in cross-validation")
