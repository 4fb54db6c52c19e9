"""CatBoost: the fit of all its models, `train` and `cv`."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from autotrack.boosting.containers import watch_containers
from autotrack.held_out import fitted, predictions
from autotrack.held_out.predictions import METHODS, noted
from autotrack.integration import Integration, Patcher
from autotrack.integrations.catboost.callback import AutotrackCallback
from autotrack.integrations.catboost.cross_validation import observe_cv
from autotrack.integrations.catboost.predicting import kind_of
from autotrack.integrations.catboost.training import observe_fit
from autotrack.patching.imports import ImportWatcher

__all__ = ["AutotrackCallback", "CatBoostIntegration"]


class CatBoostIntegration(Integration):
    """Observes fits, cross-validations and what models predict; `catboost.train` fits a model."""

    name: ClassVar[str] = "catboost"
    requires: ClassVar[str] = "catboost>=1.2"

    def __init__(self) -> None:
        self._watcher = ImportWatcher()

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Patch the models, and `cv` under every name it has."""
        core = module.core
        patcher.require(core.CatBoost.fit, "X", "y", "eval_set", "callbacks", "init_model")
        for kind in (core.CatBoost, core.CatBoostClassifier, core.CatBoostRegressor, core.CatBoostRanker):
            patcher.observe(kind, "fit", observe_fit, nested=True)
            for method in METHODS:
                if method in vars(kind):
                    kind_of_call = kind_of if method == "predict" else method
                    patcher.replace(kind, method, noted(patcher, vars(kind)[method], kind_of_call))
        patcher.observe(core, "cv", observe_cv, nested=True, everywhere=True)
        self._watcher.start()
        watch_containers(patcher, self._watcher)

    def uninstall(self) -> None:
        """Forget the models that were trained, and what they predicted."""
        self._watcher.stop()
        fitted.forget_all()
        predictions.forget_all()
