"""Record into the local store and an MLflow server at once.

Start a server with `mlflow server`, set MLFLOW_TRACKING_URI to its address, http://127.0.0.1:5000, and run this.
"""

from sklearn.datasets import load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import autotrack

autotrack.enable(to=[".autotrack", "mlflow"], experiment="wine")

X, y = load_wine(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)

with autotrack.start_run("baseline", tags={"autotrack.registered_model_name": "wine"}) as run:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.3)).fit(X_train, y_train)
    model.score(X_test, y_test)

if autotrack.flush(timeout=30):
    print(f"{run.name} is in .autotrack and on the server")
else:
    print(f"{run.name} is in .autotrack; the server gets it when it can be reached: autotrack sync")
