"""XGBoost: `train`, `cv` and all estimators, on one machine and on Dask."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from autotrack.boosting.containers import watch_containers
from autotrack.held_out import fitted, predictions
from autotrack.integration import Integration, Patcher
from autotrack.integrations.xgboost import cross_validation, distributed
from autotrack.integrations.xgboost.callback import AutotrackCallback
from autotrack.integrations.xgboost.predicting import watch_predictions
from autotrack.integrations.xgboost.training import observe_train
from autotrack.patching.imports import ImportWatcher

__all__ = ["AutotrackCallback", "XGBoost"]


class XGBoost(Integration):
    """Observes trainings, cross-validations and what boosters predict."""

    name: ClassVar[str] = "xgboost"
    requires: ClassVar[str] = "xgboost>=2.0"

    def __init__(self) -> None:
        self._watcher = ImportWatcher()

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Patch the functions under every name they have, and the estimators if scikit-learn is there."""
        training = module.training
        patcher.require(training.train, "params", "dtrain", "evals", "callbacks", "xgb_model")
        patcher.observe(training, "train", observe_train, nested=True, everywhere=True)
        patcher.observe(training, "cv", cross_validation.observe_cv, nested=True, everywhere=True)
        cross_validation.watch_folds(patcher, training)
        watch_predictions(patcher, module.Booster)
        if hasattr(module, "XGBModel"):
            from autotrack.integrations.xgboost.estimators import classes, observe_fit

            for kind in classes():
                patcher.observe(kind, "fit", observe_fit, nested=True)
        self._watcher.start()
        watch_containers(patcher, self._watcher)
        self._watcher.watch("xgboost.dask", lambda loaded: distributed.patch_dask(patcher, loaded))

    def uninstall(self) -> None:
        """Forget the boosters that were trained, and what they predicted."""
        self._watcher.stop()
        fitted.forget_all()
        predictions.forget_all()
