"""See every metric that the user computes, without replacing a metric function.

Each public function of scikit-learn has its arguments checked by one module global,
`sklearn.utils._param_validation.validate_parameter_constraints`, and functions that it calls in turn do not. A hook
there sees the metric calls of the user, those of functions imported before `enable` too. (With
`sklearn.set_config(skip_parameter_validation=True)` scikit-learn checks nothing, and there is nothing to see.)
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from autotrack.active import is_paused
from autotrack.held_out.predictions import inside
from autotrack.integration import Patcher, UnsupportedLibraryError
from autotrack.integrations.sklearn.held_out import record_metric
from autotrack.integrations.sklearn.metric_names import Metric
from autotrack.integrations.sklearn.provenance import find
from autotrack.patching import nesting
from autotrack.shield import contain, shielded

_MODULES = ("sklearn.metrics", "sklearn.calibration", "imblearn.metrics")
_TRUTHS = ("y_true", "labels_true", "y1", "X")
_GUESSES = ("y_pred", "y_score", "y_proba", "y_prob", "pred_decision", "labels_pred", "labels", "y2")


def install_metrics(patcher: Patcher, module: ModuleType) -> None:  # noqa: ARG001 - what every part of it takes
    """Watch metric calls.

    Args:
        patcher: Undoes it.
        module: scikit-learn.

    Raises:
        UnsupportedLibraryError: scikit-learn does not check parameters as this hook knows it.
    """
    from sklearn.utils import _param_validation

    name = "validate_parameter_constraints"
    function = vars(_param_validation).get(name)
    if function is None:
        raise UnsupportedLibraryError(f"sklearn.utils._param_validation has no {name}")
    patcher.require(function, "parameter_constraints", "params", "caller_name")
    patcher.wrap(_param_validation, name, functools.partial(_watch, patcher))


def _watch(patcher: Patcher, original: Callable[..., None]) -> Callable[..., None]:
    def autotrack_validate(parameter_constraints: Any, params: Mapping[str, Any], caller_name: str) -> None:
        __tracebackhide__ = True
        original(parameter_constraints, params, caller_name)
        for truth in _TRUTHS:
            if truth in params:
                try:
                    if patcher.live and not inside.get() and not is_paused() and nesting.active_call() is None:
                        _observe(caller_name, params, truth)
                except Exception as error:  # noqa: BLE001 - `shielded` costs more than all of this
                    contain(error, f"observing {caller_name}")
                return

    return autotrack_validate


def _observe(caller_name: str, params: Mapping[str, Any], truth: str) -> None:
    guess = next((name for name in _GUESSES if _is_given(params.get(name))), None)
    found = find(params[guess]) if guess is not None else None
    if found is None and guess is not None and truth == "y1":  # cohen_kappa_score(y1, y2) knows no order
        truth, guess = guess, truth
        found = find(params[guess])
    function = _metric_function(caller_name) if found is not None else None
    if found is not None and guess is not None and function is not None:
        with shielded(f"evaluating with {caller_name}", found.prediction.run.note):
            record_metric(found, Metric(function, params, truth, guess))


def _is_given(value: Any) -> bool:
    return value is not None and not isinstance(value, str)  # "deprecated" stands for not given


def _metric_function(name: str) -> Callable[..., Any] | None:
    """Return the function behind scikit-learn's check, if this is the name of a metric."""
    for module in _MODULES:
        function: Any = getattr(sys.modules.get(module), name, None)
        if function is not None:
            found: Callable[..., Any] | None = getattr(function, "__wrapped__", None)
            return found
    return None
