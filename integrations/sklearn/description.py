"""What a fitted estimator says about itself: its diagram, its numbers, its importances and coefficients.

The numbers are read on the caller's thread. The rest is written in the background from a copy that holds the fitted
estimator's parts, so neither a later change of its parameters nor another fit is seen.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from autotrack import names
from autotrack.integrations.sklearn.kinds import has, last_step, shallow_copy
from autotrack.run import Run

SCALARS = (
    "n_iter_",
    "n_leaves_",
    "n_clusters_",
    "loss_",
    "best_loss_",
    "best_validation_score_",
    "oob_score_",
    "lower_bound_",
    "log_marginal_likelihood_value_",
    "reconstruction_err_",
    "stress_",
    "kl_divergence_",
    "noise_variance_",
    "bound_",
    "alpha_",
    "lambda_",
    "sigma_",
    "scale_",
    "offset_",
    "reconstruction_error_",
    "best_score_",
    "dual_gap_",
)
"""Attributes with one number; the metric has the name without the underscore at the end."""

SERIES = (
    "loss_curve_",
    "validation_scores_",
    "train_score_",
    "validation_score_",
    "oob_scores_",
    "oob_improvement_",
    "scores_",
    "lower_bounds_",
    "explained_variance_ratio_",
    "estimator_weights_",
    "estimator_errors_",
)
"""Attributes with one number for each iteration, stage or component; their position is the step."""

KEPT_DIAGRAMS = 8
_diagrams: dict[tuple[type, str], str] = {}  # of the worker thread alone

MAX_STEPS = 10_000
MAX_NUMBERS = 1_000_000


def log_fitted_numbers(run: Run, estimator: Any) -> None:
    """Log the fitted attributes of the tables above as metrics; properties, which may compute, are left alone."""
    attributes = getattr(last_step(estimator), "__dict__", {})
    scalars = {}
    for name in SCALARS:
        number = _as_number(attributes.get(name))
        if number is not None:
            scalars[name.rstrip("_")] = number
    run.log_metrics(scalars)
    for name in SERIES:
        values = attributes.get(name)
        if isinstance(values, (list, np.ndarray)):
            _log_series(run, name.rstrip("_"), values)
    _log_epochs(run, attributes.get("history_"))


def _log_epochs(run: Run, history: Any) -> None:
    """Log the numbers of each epoch, as skorch keeps them: a list of dicts."""
    if not isinstance(history, list) or not all(isinstance(epoch, dict) for epoch in history):
        return
    for step, epoch in enumerate(history[:MAX_STEPS]):
        numbers = {key: _as_number(value) for key, value in epoch.items() if key != "epoch"}
        run.log_metrics({key: value for key, value in numbers.items() if value is not None}, step)


def _as_number(value: Any) -> float | None:
    """Return a scalar, or the largest entry of a small array (`n_iter_` has one for each class)."""
    if value is None or isinstance(value, (str, bool)):
        return None
    array = np.asarray(value) if isinstance(value, (int, float, np.number, np.ndarray)) else np.empty(0, object)
    return float(array.max()) if array.size and array.dtype.kind in "iuf" and array.ndim <= 1 else None


def _log_series(run: Run, name: str, values: Any) -> None:
    array = np.asarray(values)
    if array.ndim != 1 or array.dtype.kind not in "iuf":
        return
    for step, value in enumerate(array[:MAX_STEPS].tolist()):
        run.log_metric(name, value, step)


def log_description(run: Run, estimator: Any) -> None:
    """Write diagram, importances and coefficients in the background."""
    try:
        diagram = portrait(estimator)
        model = shallow_copy(last_step(estimator))
    except Exception as error:  # noqa: BLE001 - a class may have no __dict__, or a get_params that fails
        run.note("diagram.skipped", f"{type(estimator).__name__}: {type(error).__name__}: {error}")
        return
    earlier = earlier_steps(estimator)

    def write() -> None:
        _write_diagram(run, diagram)
        _write_importances(run, model, earlier)

    run.defer("describing the estimator", write)


def portrait(estimator: Any) -> Any:
    """Return a copy with the parameters only, nested estimators too; enough for the diagram, and small.

    The fitted attributes stay out: the diagram would show values of the user's data, and compute properties for that.
    """
    if not has(estimator, "get_params") or isinstance(estimator, type):
        return estimator
    drawn = shallow_copy(estimator)
    own = vars(drawn)
    for name in [name for name, value in own.items() if name.endswith("_") and not isinstance(value, bool)]:
        del own[name]
    for name, value in estimator.get_params(deep=False).items():
        own[name] = _portrait_of_value(value)
    own["__sklearn_is_fitted__"] = _yes
    return drawn


def _portrait_of_value(value: Any) -> Any:
    if isinstance(value, (list, tuple)) and any(isinstance(item, tuple) for item in value):
        return [tuple(portrait(part) for part in item) if isinstance(item, tuple) else item for item in value]
    return portrait(value)


def _yes() -> bool:
    return True


def _write_diagram(run: Run, diagram: Any) -> None:
    try:
        html = _diagram_html(diagram)
    except Exception as error:  # noqa: BLE001 - it calls the repr of whatever the parameters are
        run.note("diagram.skipped", f"{type(error).__name__}: {error}")
        return
    run.log_text(html, names.ESTIMATOR_HTML)


def _diagram_html(diagram: Any) -> str:
    """Return the diagram; the last few are kept, since programs train the same estimator again and again."""
    from sklearn.utils import estimator_html_repr

    key = (type(diagram), repr(sorted(diagram.get_params(deep=True).items())))
    html = _diagrams.pop(key, None) or str(estimator_html_repr(diagram))
    _diagrams[key] = html
    if len(_diagrams) > KEPT_DIAGRAMS:
        del _diagrams[next(iter(_diagrams))]
    return html


def earlier_steps(estimator: Any) -> tuple[Any, ...]:
    """Return what prepares the data for the last step of a pipeline."""
    steps = getattr(estimator, "steps", None)
    return tuple(steps[:-1]) if isinstance(steps, list) else ()


def _write_importances(run: Run, model: Any, earlier: tuple[Any, ...]) -> None:
    try:
        importances = getattr(model, "feature_importances_", None)
        coefficients = getattr(model, "coef_", None)
    except Exception as error:  # noqa: BLE001 - both may be properties that compute, or refuse to
        run.note("importance.skipped", f"{type(error).__name__}: {error}")
        return
    for array, path in ((importances, names.FEATURE_IMPORTANCE), (coefficients, names.COEFFICIENTS)):
        table = _dense(array)
        if table is None:
            continue
        features = feature_names(model, earlier, table.shape[-1])
        content = _by_feature(features, table) if table.ndim == 1 else _by_class(features, table, model)
        run.log_text(json.dumps(content, indent=1), path)


def _dense(array: Any) -> Any:
    """Return numbers of one or two dimensions that are not too many, else None."""
    if array is None:
        return None
    if hasattr(array, "toarray") and np.prod(array.shape) <= MAX_NUMBERS:
        array = array.toarray()
    table = np.asarray(array)
    if table.ndim == 2 and table.shape[0] == 1:
        table = table[0]
    return table if table.dtype.kind in "iuf" and table.ndim in (1, 2) and 0 < table.size <= MAX_NUMBERS else None


def _by_feature(features: list[str], values: Any) -> dict[str, float]:
    return dict(zip(features, values.tolist(), strict=True))


def _by_class(features: list[str], table: Any, model: Any) -> dict[str, dict[str, float]]:
    classes = [str(label) for label in getattr(model, "classes_", ())]
    rows = classes if len(classes) == len(table) else [str(at) for at in range(len(table))]
    return {row: _by_feature(features, values) for row, values in zip(rows, table, strict=True)}


def feature_names(model: Any, earlier: tuple[Any, ...], count: int) -> list[str]:
    """Return the names of the features a model saw, or x0, x1, … where nobody knows them."""
    found = getattr(model, "feature_names_in_", None)
    if found is None and earlier:
        from sklearn.pipeline import Pipeline

        try:
            found = Pipeline(list(earlier)).get_feature_names_out()
        except Exception:  # noqa: BLE001 - a transformer that cannot name its features says so with any error
            found = None
    if found is None or len(found) != count:
        return [f"x{at}" for at in range(count)]
    return [str(name) for name in found]
