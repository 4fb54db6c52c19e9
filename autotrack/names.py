"""Names of metrics, tags and artifacts, as constants; where MLflow logs the same thing, they are MLflow's."""

from __future__ import annotations

# Metrics
OVERHEAD = "autotrack.overhead_seconds"
"""Seconds of the caller's time that tracking took."""
BEST_CV_SCORE = "best_cv_score"

# Tags
AUTOLOGGING = "mlflow.autologging"
PARENT_RUN_ID = "mlflow.parentRunId"
RUN_NAME = "mlflow.runName"
ESTIMATOR_NAME = "estimator_name"
ESTIMATOR_CLASS = "estimator_class"
CONTINUED_FROM = "autotrack.continued_from"
"""The run whose model this training goes on from."""

RERUN_OF = "autotrack.rerun_of"
"""The run that this one does again."""

# Artifacts
ENVIRONMENT = "environment.json"
ENTRY = "code/entry.json"
CHANGES_PATCH = "code/changes.patch"
UNTRACKED = "code/untracked.zip"
CONSOLE = "console.txt"
ESTIMATOR_HTML = "estimator.html"
CV_RESULTS = "cv_results.csv"
CV_FOLDS = "cv_folds.csv"
TRIALS = "trials.csv"
FEATURE_IMPORTANCE = "feature_importance.json"
COEFFICIENTS = "coefficients.json"
METRIC_INFO = "metric_info.json"
MODEL = "model"
BEST_ESTIMATOR = "best_estimator"

# Prefix of metrics computed on the data a model was trained on
TRAINING = "training"
