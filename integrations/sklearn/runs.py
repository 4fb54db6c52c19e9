"""What all runs of this integration begin with: name, tags, data; and which estimators they are tied to."""

from __future__ import annotations

from typing import Any

from autotrack import names, naming
from autotrack.held_out import fitted
from autotrack.integrations.sklearn.kinds import class_path, last_step
from autotrack.integrations.sklearn.parameters import Data
from autotrack.recording import current_recorder
from autotrack.run import Run


def run_name(estimator: Any) -> str:
    """Return the name of a run that trains `estimator`: the setting's, else that of the class."""
    return naming.run_name(type(estimator).__name__)


def tags_of(estimator: Any) -> dict[str, str]:
    """Return MLflow's tags of a run that trains `estimator`."""
    return {
        names.AUTOLOGGING: "sklearn",
        names.ESTIMATOR_NAME: type(estimator).__name__,
        names.ESTIMATOR_CLASS: class_path(estimator),
    }


def log_data(run: Run, data: Data) -> None:
    """Log the fingerprint of the training data, if the settings ask for it."""
    if current_recorder().settings.log_datasets and data.X is not None and run.first("dataset"):
        run.log_dataset(data.X, target=data.y, context="train")


def remember(estimator: Any, run: Run, data: Data) -> None:
    """Tie later predictions to the run: those of the estimator, and of the part of it that predicts."""
    fitted.remember(estimator, run, data.y)
    model = last_step(estimator)
    if model is not estimator:
        fitted.remember(model, run, data.y)
