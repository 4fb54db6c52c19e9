"""What the results of a fit tell: measures of fit, coefficients with their errors, the summary, and an evaluation."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from autotrack import names
from autotrack.evaluation import evaluate
from autotrack.integration import Call
from autotrack.integrations.statsmodels.tasks import CLASSIFICATION, task_of
from autotrack.patching.quiet import quietly
from autotrack.recording import current_recorder
from autotrack.run import Run

MEASURES = (
    "aic", "bic", "hqic", "llf", "llnull", "llr", "llr_pvalue", "prsquared",
    "rsquared", "rsquared_adj", "fvalue", "f_pvalue", "condition_number",
    "df_model", "df_resid", "nobs", "scale", "sse", "ssr", "ess", "centered_tss", "uncentered_tss",
    "mse_model", "mse_resid", "mse_total", "deviance", "null_deviance", "pearson_chi2",
)  # fmt: skip
"""Attributes of results that are logged under their own names; each kind of results has some of them."""
SUMMARY = "model_summary.txt"
TABLE = "coefficients.csv"


def log_results(call: Call, run: Run, results: Any) -> None:
    """Log what the results tell.

    Args:
        call: The call that made them, still under way.
        run: Its run.
        results: A copy of the results; see `apart`.
    """
    with quietly(call, results), quietly(call, results.model):
        run.log_metrics({name: value for name in MEASURES if (value := _number(results, name)) is not None})
        _log_optimizer(run, results)
        _log_coefficients(run, results)
        if current_recorder().settings.log_evaluation:
            _log_evaluation(run, results)
        text = _summary(results)
    if text:
        run.log_text(text, SUMMARY)


def apart(holder: Any) -> Any:
    """Return a copy of results, of a model or its data whose memory, and that of what it holds of these, is its own.

    statsmodels keeps what it computes once; what we ask for is not to stay in the user's objects.
    """
    own = copy.copy(holder)
    attributes = vars(own)
    if isinstance(attributes.get("_cache"), dict):
        own._cache = dict(attributes["_cache"])  # noqa: SLF001 - theirs
    for name in ("model", "data"):
        if hasattr(attributes.get(name), "__dict__"):
            setattr(own, name, apart(attributes[name]))
    return own


def _number(results: Any, name: str) -> float | None:
    value = _attribute(results, name)
    return float(value) if np.ndim(value) == 0 and isinstance(value, (int, float, np.number)) else None


def _attribute(results: Any, name: str) -> Any:
    try:
        return getattr(results, name, None)
    except Exception:  # noqa: BLE001 - properties that compute, and refuse for this kind of model
        return None


def _log_optimizer(run: Run, results: Any) -> None:
    told = _attribute(results, "mle_retvals") or _attribute(results, "fit_history")
    if not isinstance(told, dict):
        return
    known = {"iterations": told.get("iterations", told.get("iteration")), "converged": told.get("converged")}
    run.log_metrics({name: float(value) for name, value in known.items() if value is not None and np.ndim(value) == 0})


def _log_coefficients(run: Run, results: Any) -> None:
    """Write each coefficient with its error, statistic, p-value and interval of 95%."""
    params = np.asarray(_attribute(results, "params"))
    labels = _attribute(getattr(results.model, "data", None), "param_names")
    if params.ndim != 1 or params.dtype.kind not in "if" or labels is None or len(labels) != len(params):
        return
    columns: dict[str, Any] = {"name": [str(label) for label in labels], "coefficient": params.tolist()}
    for title, name in (("std_err", "bse"), ("statistic", "tvalues"), ("p_value", "pvalues")):
        values = np.asarray(_attribute(results, name), dtype=object)
        if values.shape == params.shape:
            columns[title] = values.astype(float).tolist()
    interval = _interval(results)
    if interval is not None and interval.shape == (len(params), 2):
        columns |= {"lower": interval[:, 0].tolist(), "upper": interval[:, 1].tolist()}
    run.log_dict(dict(zip(columns["name"], columns["coefficient"], strict=True)), names.COEFFICIENTS)
    run.log_table(columns, TABLE)


def _interval(results: Any) -> Any:
    try:
        return np.asarray(results.conf_int(), dtype=float)
    except Exception:  # noqa: BLE001 - regularized results have none
        return None


def _log_evaluation(run: Run, results: Any) -> None:
    """Compare what the model predicts for its own data with them."""
    task = task_of(results.model)
    if task is None:
        return
    truth = np.asarray(results.model.endog)
    try:
        predicted = np.asarray(results.predict())
        if task == CLASSIFICATION:
            report = evaluate(truth.astype(int), None, predicted, split=names.TRAINING)
        else:
            report = evaluate(truth, predicted, split=names.TRAINING, task=_regression(truth))
    except Exception as error:  # noqa: BLE001 - the model is anybody's: prediction may raise anything
        run.note("evaluation.skipped", f"{names.TRAINING}: {type(error).__name__}: {error}")
        return
    run.log_evaluation(report)


def _regression(truth: Any) -> str:
    return "regression" if truth.ndim == 1 else "multioutput_regression"


def _summary(results: Any) -> str:
    try:
        return str(results.summary())
    except Exception:  # noqa: BLE001 - regularized results have none
        return ""
