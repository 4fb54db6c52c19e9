"""The fit of an estimator, as one run: parameters and data before it, numbers, evaluation and model after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autotrack import names
from autotrack.integration import Call, Patcher
from autotrack.integrations.sklearn import partial
from autotrack.integrations.sklearn.classes import definition
from autotrack.integrations.sklearn.description import log_description, log_fitted_numbers
from autotrack.integrations.sklearn.kinds import is_model, is_search
from autotrack.integrations.sklearn.model_file import log_model
from autotrack.integrations.sklearn.parameters import Data, log_estimator_params
from autotrack.integrations.sklearn.runs import log_data, remember, run_name, tags_of
from autotrack.integrations.sklearn.search import log_search
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
    partial.open_parts.close(estimator)
    with call.run(name=run_name(estimator), tags=tags_of(estimator)) as run:
        data = Data(call)
        if run.first("params"):
            log_estimator_params(run, estimator)
        data.log_arguments(run)
        log_data(run, data)
        yield
        remember(estimator, run, data)
        log_fitted_numbers(run, estimator)
        if is_search(estimator):
            log_search(run, estimator, current_recorder().settings.max_child_runs)
        predicted = log_training(call, run, data)
        log_models(run, estimator, data, predicted)
        log_description(run, estimator)


def log_models(run: Run, estimator: Any, data: Data, predicted: Any) -> None:
    """Save the model; of a search both the search and the best estimator, under the names MLflow gives them."""
    outputs = data.y if predicted is None else predicted
    if run.first(names.MODEL):  # else the model's own library writes it in its own format
        log_model(run, estimator, data.X, outputs)
    if is_search(estimator) and "best_estimator_" in vars(estimator):
        log_model(run, vars(estimator)["best_estimator_"], data.X, outputs, name=names.BEST_ESTIMATOR)
