"""Log with MLflow's own client into `autotrack server`, and read it back.

Start a server with `autotrack server --no-login`, set MLFLOW_TRACKING_URI to its address, http://127.0.0.1:7338, and
run this.
"""

import mlflow

mlflow.set_experiment("clients")
with mlflow.start_run(run_name="by mlflow") as run:
    mlflow.log_params({"rate": 0.1, "layers": 3})
    for step in range(10):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_text("hello", "notes.txt")

found = mlflow.get_run(run.info.run_id)
print(found.info.run_name, found.data.metrics, mlflow.artifacts.load_text(f"{found.info.artifact_uri}/notes.txt"))
