"""The fit of an estimator, as one run: parameters and data before it, numbers, evaluation and model after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autotrack import names
from autotrack.integration import Call, Patcher
from autotrack.integrations.sklearn import fitted
from autotrack.integrations.sklearn.classes import definition
from autotrack.integrations.sklearn.description import log_description, log_fitted_numbers
from autotrack.integrations.sklearn.kinds import class_path, is_model, last_step
from autotrack.integrations.sklearn.model_file import log_model
from autotrack.integrations.sklearn.parameters import Data, log_estimator_params
from autotrack.integrations.sklearn.training import log_training
from autotrack.recording import current_recorder
from autotrack.run import Run


def patch_fits(patcher: Patcher, owner: type) -> None:
    """Observe the methods that train, as far as this class defines them itself."""
    for method in ("fit", "fit_predict", "fit_transform"):
        place = definition(owner, method)
        if place is not None:
            patcher.observe(*place, observe_fit)


def observe_fit(call: Call) -> Iterator[None]:
    """Record one training of a model; the fit of a mere step of preparation is let pass."""
    estimator = call.instance
    if not is_model(estimator):
        return
    with call.run(name=run_name(estimator), tags=tags_of(estimator)) as run:
        data = Data(call)
        log_estimator_params(run, estimator)
        data.log_arguments(run)
        log_data(run, data)
        yield
        remember(estimator, run)
        log_fitted_numbers(run, estimator)
        predicted = log_training(call, run, data)
        log_model(run, estimator, data.X, data.y if predicted is None else predicted)
        log_description(run, estimator)


def run_name(estimator: Any) -> str:
    """Return the name of a run that trains `estimator`: the setting's, else that of the class."""
    return current_recorder().settings.run_name or type(estimator).__name__


def tags_of(estimator: Any) -> dict[str, str]:
    """Return MLflow's tags of a run that trains `estimator`."""
    return {
        names.AUTOLOGGING: "sklearn",
        names.ESTIMATOR_NAME: type(estimator).__name__,
        names.ESTIMATOR_CLASS: class_path(estimator),
    }


def log_data(run: Run, data: Data) -> None:
    """Log the fingerprint of the training data, if the settings ask for it."""
    if current_recorder().settings.log_datasets and data.X is not None:
        run.log_dataset(data.X, target=data.y, context="train")


def remember(estimator: Any, run: Run) -> None:
    """Tie later predictions to the run: those of the estimator, and of the part of it that predicts."""
    fitted.remember(estimator, run)
    model = last_step(estimator)
    if model is not estimator:
        fitted.remember(model, run)
