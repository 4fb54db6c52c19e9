"""What a fitted model knows of itself: iterations, measures of fit, importances, coefficients.

Only what Spark has computed in the fit is read. The other numbers of a training summary (accuracy, the area under the
curve) each go over the data once or several times, in jobs of Spark: an evaluator computes them when somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.ml.base import Model

from autotrack import names
from autotrack.recording import current_recorder
from autotrack.run import Run

PROGRESS = ("totalIterations", "numIter", "numIterations", "trainingCost", "logLikelihood", "rank")
"""Numbers of a summary that stand in it since the fit, logged under their own names."""
REGRESSION = (
    "rootMeanSquaredError", "meanSquaredError", "meanAbsoluteError", "r2", "r2adj", "explainedVariance",
)  # fmt: skip
"""Numbers that a linear regression computes in its fit, logged as `training_<name>`."""
COSTLY = ("accuracy", "areaUnderROC", "deviance")
MAX_STEPS = 10_000
MAX_FEATURES = 10_000


def log_numbers(run: Run, model: Any, dataset: Any) -> None:
    """Log the numbers of a model, or of the last one in a pipeline."""
    last = last_model(model)
    if last is None:
        return
    run.log_metrics(summary_numbers(last))
    if getattr(last, "hasSummary", False):
        _log_summary(run, last.summary)
    _log_weights(run, last, list(getattr(model, "stages", [])), dataset)


def last_model(model: Any) -> Any:
    """Return the model that predicts: the last one of a pipeline, or the model itself; None where there is none."""
    stages = getattr(model, "stages", [model])
    models = (stage for stage in reversed(stages) if isinstance(stage, Model))
    return next((stage for stage in models if not type(stage).__module__.startswith("pyspark.ml.feature")), None)


def summary_numbers(model: Any) -> dict[str, float]:
    """Return the numbers that the training summary of a model has since the fit."""
    if not getattr(model, "hasSummary", False):
        return {}
    summary = model.summary
    numbers = {name: float(getattr(summary, name)) for name in PROGRESS if hasattr(type(summary), name)}
    if type(summary).__name__ == "LinearRegressionTrainingSummary" and current_recorder().settings.log_evaluation:
        numbers |= {f"{names.TRAINING}_{name}": float(getattr(summary, name)) for name in REGRESSION}
    return numbers


def _log_summary(run: Run, summary: Any) -> None:
    if hasattr(type(summary), "objectiveHistory"):
        for step, value in enumerate(summary.objectiveHistory[:MAX_STEPS]):
            run.log_metric("objectiveHistory", value, step)
    costly = [name for name in COSTLY if hasattr(type(summary), name)]
    if costly and current_recorder().settings.log_evaluation:
        message = f"{', '.join(costly)} of the training data would take jobs of Spark; what an evaluator says is logged"
        run.note("evaluation.skipped", message)


def _log_weights(run: Run, model: Any, stages: Sequence[Any], dataset: Any) -> None:
    """Write importances and coefficients by the names of the features."""
    count = getattr(model, "numFeatures", 0)
    if not 0 < count <= MAX_FEATURES:
        return
    labels = feature_names(model, stages, dataset)
    if hasattr(type(model), "featureImportances"):
        run.log_dict(_by_name(labels, model.featureImportances), names.FEATURE_IMPORTANCE)
    if hasattr(type(model), "coefficients") and getattr(model, "numClasses", 2) == 2:
        found = _by_name(labels, model.coefficients)
        run.log_dict({**found, "intercept": float(model.intercept)}, names.COEFFICIENTS)
    elif hasattr(type(model), "coefficientMatrix"):
        rows = zip(model.coefficientMatrix.toArray().tolist(), model.interceptVector.toArray().tolist(), strict=True)
        table = {str(at): {**_by_name(labels, row), "intercept": intercept} for at, (row, intercept) in enumerate(rows)}
        run.log_dict(table, names.COEFFICIENTS)


def feature_names(model: Any, stages: Sequence[Any], dataset: Any) -> list[str]:
    """Return names of the features: from the column's metadata, from the stage that assembled it, or numbers."""
    column = model.getOrDefault("featuresCol") if model.hasParam("featuresCol") else ""
    count = int(model.numFeatures)
    attributes: dict[str, Any] = {}
    if column in dataset.columns:
        attributes = dataset.schema[column].metadata.get("ml_attr", {}).get("attrs", {})
    named = {int(item["idx"]): str(item["name"]) for kind in attributes.values() for item in kind if "name" in item}
    for stage in stages:
        inputs = stage.getOrDefault("inputCols") if stage.hasParam("inputCols") and stage.isDefined("inputCols") else ()
        is_assembled = type(stage).__name__ == "VectorAssembler" and stage.getOrDefault("outputCol") == column
        if is_assembled and len(inputs) == count:
            named = dict(enumerate(inputs))
    return [named.get(at, f"feature_{at}") for at in range(count)]


def _by_name(labels: Sequence[str], values: Any) -> dict[str, float]:
    numbers = values.toArray().tolist() if hasattr(values, "toArray") else values
    return {label: float(number) for label, number in zip(labels, numbers, strict=False)}
