"""Bring the history of an MLflow database, and look at it with autotrack.

pip install 'autotrack[mlflow]' mlflow scikit-learn
python examples/import_mlflow.py
"""

import subprocess
import sys

import mlflow
from sklearn.linear_model import LogisticRegression

import autotrack

mlflow.set_tracking_uri("sqlite:///mlflow.db")
with mlflow.start_run(run_name="from MLflow"):
    mlflow.log_param("C", 0.5)
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    model = LogisticRegression(C=0.5).fit([[0.0], [1.0]], [0, 1])
    mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])

subprocess.run([sys.executable, "-m", "autotrack", "import", "mlflow.db"], check=True)

for run in autotrack.search_runs():
    print(f"{run.name}: {run.status}, C={run.params['C']}, loss={run.metrics['loss']:.3f}")
