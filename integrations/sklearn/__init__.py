"""scikit-learn: every estimator, search and cross-validation, and what is measured on held-out data."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from autotrack.held_out import fitted, predictions
from autotrack.integration import Integration, Patcher
from autotrack.integrations.sklearn import cross_validation, partial, pickling, scoring
from autotrack.integrations.sklearn.estimators import patch_fits
from autotrack.integrations.sklearn.metrics import install_metrics
from autotrack.integrations.sklearn.predict_methods import patch_predictions
from autotrack.patching.imports import ImportWatcher
from autotrack.patching.subclasses import for_each_subclass


class Sklearn(Integration):
    """Observes fits, searches, cross-validation, predictions and metrics."""

    name: ClassVar[str] = "sklearn"
    requires: ClassVar[str] = "scikit-learn>=1.4"

    def __init__(self) -> None:
        self._watcher = ImportWatcher()

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Patch the estimator classes that exist and each new one, and cross-validation once it is imported."""
        patches = patch_fits, partial.patch_partial_fits, patch_predictions, scoring.patch_scores
        for_each_subclass(patcher, module.base.BaseEstimator, *patches)
        install_metrics(patcher, module)
        self._watcher.start()
        self._watcher.watch(
            cross_validation.MODULE, lambda loaded: cross_validation.patch_cross_validation(patcher, loaded)
        )
        for name in pickling.MODULES:
            self._watcher.watch(name, lambda loaded: pickling.patch_cloudpickle(patcher, loaded))

    def uninstall(self) -> None:
        """End the runs of partial fits, and forget the estimators that were fitted."""
        self._watcher.stop()
        partial.open_parts.close_all()
        fitted.forget_all()
        predictions.forget_all()
