"""Searches, cross-validations and ensembles that train many models: one run for all of them.

Where the integration of scikit-learn is on, the run is its own. Else the outermost such call gets a run as soon as a
model of an observed library is trained in it, so that none of its trainings is a run of its own; a call that trains no
such model leaves no trace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from types import ModuleType
from typing import Any

from autotrack import names
from autotrack.capture.arguments import plain
from autotrack.integration import Call, Patcher
from autotrack.naming import run_name
from autotrack.patching.cell import Cell
from autotrack.patching.imports import ImportWatcher
from autotrack.run import Run
from autotrack.shield import shielded

METHODS: Mapping[str, tuple[str, ...]] = {
    "sklearn.calibration": ("CalibratedClassifierCV.fit",),
    "sklearn.ensemble._bagging": ("BaseBagging.fit",),
    "sklearn.ensemble._stacking": ("StackingClassifier.fit", "StackingRegressor.fit"),
    "sklearn.ensemble._voting": ("VotingClassifier.fit", "VotingRegressor.fit"),
    "sklearn.feature_selection._from_model": ("SelectFromModel.fit",),
    "sklearn.feature_selection._rfe": ("RFE.fit", "RFECV.fit"),
    "sklearn.feature_selection._sequential": ("SequentialFeatureSelector.fit",),
    "sklearn.model_selection._search": ("BaseSearchCV.fit",),
    "sklearn.multiclass": ("OneVsOneClassifier.fit", "OneVsRestClassifier.fit", "OutputCodeClassifier.fit"),
    "sklearn.multioutput": ("_MultiOutputEstimator.fit", "_BaseChain.fit"),
}
FUNCTIONS: Mapping[str, tuple[str, ...]] = {
    "sklearn.model_selection._validation": (
        "cross_validate",
        "cross_val_score",
        "cross_val_predict",
        "learning_curve",
        "validation_curve",
        "permutation_test_score",
    ),
}


class _Opener:
    """Opens the run of a call, once a model is trained in it."""

    def __init__(self, call: Call, stack: ExitStack, name: str) -> None:
        self._call = call
        self._stack = stack
        self._name = name

    def open(self) -> None:
        """Open the run; it ends with the call."""
        if self._call.run_used is None:
            self._stack.enter_context(self._call.run(name=run_name(self._name)))


def watch_containers(patcher: Patcher, watcher: ImportWatcher) -> None:
    """Observe the calls above, each as soon as its module is imported."""
    for module in METHODS:
        watcher.watch(module, lambda loaded: _patch_methods(patcher, loaded))
    for module in FUNCTIONS:
        watcher.watch(module, lambda loaded: _patch_functions(patcher, loaded))


def _patch_methods(patcher: Patcher, module: ModuleType) -> None:
    for path in METHODS[module.__name__]:
        class_name, _, method = path.partition(".")
        kind = getattr(module, class_name, None)
        if kind is not None and method in vars(kind):
            patcher.observe(kind, method, _observe_method)


def _patch_functions(patcher: Patcher, module: ModuleType) -> None:
    for name in FUNCTIONS[module.__name__]:
        patcher.observe(Cell(getattr(module, name), "func"), "func", _observe_function)


def _observe_method(call: Call) -> Iterator[None]:
    return _observe(call, type(call.instance).__name__, lambda run: _log_results(run, call.instance))


def _observe_function(call: Call) -> Iterator[None]:
    return _observe(call, call.function.__name__, lambda run: run.log_param("function", call.function.__name__))


def _observe(call: Call, name: str, log: Callable[[Run], None]) -> Iterator[None]:
    with ExitStack() as stack:
        call.memo = _Opener(call, stack, name)
        yield
        if call.run_used is not None:
            log(call.run_used)


def is_container(call: Call) -> bool:
    """Say whether a call is one of those that train many models."""
    return isinstance(call.memo, _Opener)


def open_around(call: Call) -> None:
    """Open the run of the outermost call around a training, unless one of them has a run already."""
    outer, outermost = call.parent, None
    while outer is not None:
        if outer.run_used is not None:
            return
        outermost = outer if is_container(outer) else outermost
        outer = outer.parent
    if outermost is not None:
        with shielded("opening the run of a search"):
            outermost.memo.open()


def _log_results(run: Run, container: Any) -> None:
    run.set_tags({names.ESTIMATOR_NAME: type(container).__name__})
    own = vars(container)
    if "cv_results_" in own:
        best = own.get("best_params_") or {}
        run.log_params({f"best_{name}": plain(value) for name, value in best.items()})
        if own.get("best_score_") is not None:
            run.log_metric(names.BEST_CV_SCORE, own["best_score_"])
        table = dict(own["cv_results_"])
        run.defer("writing the candidates", lambda: run.log_table(table, names.CV_RESULTS))
