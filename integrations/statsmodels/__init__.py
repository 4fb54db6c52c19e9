"""statsmodels: `fit` and `fit_regularized` of every model, also by formula, and what its results predict."""

from __future__ import annotations

import types
from types import ModuleType
from typing import Any, ClassVar

from autotrack.held_out import fitted, predictions
from autotrack.held_out.predictions import PREDICT, PROBABILITIES, noted
from autotrack.integration import Integration, Patcher
from autotrack.integrations.statsmodels.fits import observe_fit
from autotrack.integrations.statsmodels.tasks import CLASSIFICATION, task_of
from autotrack.patching.imports import ImportWatcher
from autotrack.patching.subclasses import for_each_subclass

FITS = ("fit", "fit_regularized")
BASE = "statsmodels.base.model"


class Statsmodels(Integration):
    """Observes the fits of all models there are and will be."""

    name: ClassVar[str] = "statsmodels"
    requires: ClassVar[str] = "statsmodels>=0.14"

    def __init__(self) -> None:
        self._watcher = ImportWatcher()

    def install(self, patcher: Patcher, module: ModuleType) -> None:  # noqa: ARG002 - the package itself is empty
        """Patch the models once the module of their base class is imported."""
        self._watcher.start()
        self._watcher.watch(BASE, lambda loaded: _patch(patcher, loaded))

    def uninstall(self) -> None:
        """Forget the results that were fitted, and what they predicted."""
        self._watcher.stop()
        fitted.forget_all()
        predictions.forget_all()


def _patch(patcher: Patcher, module: ModuleType) -> None:
    for_each_subclass(patcher, module.Model, _patch_fits)
    for_each_subclass(patcher, module.Results, _patch_predict)


def _patch_fits(patcher: Patcher, owner: type) -> None:
    for name in FITS:
        if isinstance(vars(owner).get(name), types.FunctionType):
            patcher.observe(owner, name, observe_fit)


def _patch_predict(patcher: Patcher, owner: type) -> None:
    own = vars(owner).get("predict")
    if isinstance(own, types.FunctionType):
        patcher.replace(owner, "predict", noted(patcher, own, _kind))


def _kind(results: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:  # noqa: ARG001 - as `noted` asks
    return PROBABILITIES if task_of(results.model) == CLASSIFICATION else PREDICT
