"""One fit of an estimator, a pipeline or a search as one run."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pyspark.ml import Model, Pipeline
from pyspark.ml.base import Estimator

from autotrack import names
from autotrack.held_out import fitted
from autotrack.integration import Call
from autotrack.integrations.pyspark.evaluating import note_training_data
from autotrack.integrations.pyspark.fitted_numbers import log_numbers
from autotrack.integrations.pyspark.model_file import log_model
from autotrack.integrations.pyspark.parameters import params_of, stage_names
from autotrack.integrations.pyspark.reading import is_remote, reading
from autotrack.integrations.pyspark.search import best_of, is_search, log_search, log_several
from autotrack.naming import run_name, tags_of
from autotrack.recording import current_recorder
from autotrack.run import Run

PREPARATION = "pyspark.ml.feature"


def observe_fit(call: Call) -> Iterator[None]:
    """Record one training; the fit of mere preparation, such as a scaler or an indexer, is let pass."""
    estimator = call.instance
    if not is_model(estimator):
        return
    arguments = call.arguments()
    dataset, changes = arguments.get("dataset"), arguments.get("params")
    with call.run(name=run_name(type(estimator).__name__), tags=tags_of("pyspark.ml", estimator)) as run:
        chosen = estimator
        with reading(run, "parameters"):
            chosen = estimator.copy(changes) if isinstance(changes, dict) and changes else estimator
            run.log_params(params_of(chosen, stage_names(estimator)))
        _log_data(run, dataset)
        with reading(run, "plan of the data"):
            note_training_data(run, dataset)
        yield
        if isinstance(call.result, list):
            with reading(run, "models of all param maps"):
                log_several(run, estimator, list(changes or ()), call.result, remember)
            return
        remember(call.result, run)
        if is_remote(dataset):
            run.note("spark.remote", "of a model behind Spark Connect, numbers and files are not read")
            return
        with reading(run, "search"):
            if is_search(chosen):
                log_search(run, chosen, call.result, current_recorder().settings.max_child_runs)
        with reading(run, "numbers of the model"):
            log_numbers(run, best_of(call.result), dataset)
        with reading(run, "model"):
            log_model(run, best_of(call.result), dataset)


def is_model(estimator: Any) -> bool:
    """Say whether fitting this is worth a run: a model, or a pipeline with one in it."""
    if isinstance(estimator, Pipeline):
        stages = estimator.getOrDefault("stages") if estimator.isDefined("stages") else []
        return any(isinstance(stage, Estimator) and is_model(stage) for stage in stages)
    return not type(estimator).__module__.startswith(PREPARATION)


def remember(model: Any, run: Run) -> None:
    """Tie later predictions of a model, and of the models it holds, to the run."""
    fitted.remember(model, run)
    for part in [getattr(model, "bestModel", None), *getattr(model, "stages", ())]:
        if isinstance(part, Model):
            remember(part, run)


def _log_data(run: Run, dataset: Any) -> None:
    with reading(run, "session"):
        session = dataset.sparkSession
        run.set_tag("spark.version", session.version)
        if not is_remote(dataset):
            run.set_tags({"spark.master": session.sparkContext.master, "spark.app_name": session.sparkContext.appName})
    if current_recorder().settings.log_datasets:
        run.log_dataset(dataset, name=names.TRAINING, context="train")
