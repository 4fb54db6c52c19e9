"""LightGBM: `train`, `cv` and all estimators, on one machine and on Dask."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

from autotrack.active import paused
from autotrack.boosting.containers import watch_containers
from autotrack.boosting.distributed import observe_distributed_fit
from autotrack.boosting.iterations import rows_of
from autotrack.held_out import fitted, predictions
from autotrack.integration import Integration, Patcher
from autotrack.integrations.lightgbm import cross_validation
from autotrack.integrations.lightgbm.booster import booster_snapshot, describe
from autotrack.integrations.lightgbm.callback import AutotrackCallback
from autotrack.integrations.lightgbm.estimators import describe_estimator, observe_fit
from autotrack.integrations.lightgbm.predicting import watch_predictions
from autotrack.integrations.lightgbm.training import observe_train
from autotrack.models.saving import save_model
from autotrack.patching.imports import ImportWatcher
from autotrack.patching.quiet import is_quiet

__all__ = ["AutotrackCallback", "LightGBM"]


class LightGBM(Integration):
    """Observes trainings, cross-validations and what boosters predict."""

    name: ClassVar[str] = "lightgbm"
    requires: ClassVar[str] = "lightgbm>=4.0"

    def __init__(self) -> None:
        self._watcher = ImportWatcher()

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Patch the functions under every name they have, and the estimators."""
        patcher.require(module.engine.train, "params", "train_set", "valid_sets", "valid_names", "callbacks")
        patcher.observe(module.engine, "train", observe_train, nested=True, everywhere=True)
        patcher.observe(module.engine, "cv", cross_validation.observe_cv, nested=True, everywhere=True)
        cross_validation.watch_folds(patcher, module.engine)
        watch_predictions(patcher, module.Booster)
        for kind in vars(module.sklearn).copy().values():
            if isinstance(kind, type) and kind.__module__ == module.sklearn.__name__ and "fit" in vars(kind):
                patcher.observe(kind, "fit", observe_fit, nested=True)
        _silence(patcher, module)
        self._watcher.start()
        watch_containers(patcher, self._watcher)
        if hasattr(module, "dask"):
            _patch_dask(patcher, module.dask)

    def uninstall(self) -> None:
        """Forget the boosters that were trained, and what they predicted."""
        self._watcher.stop()
        fitted.forget_all()
        predictions.forget_all()


def _silence(patcher: Patcher, module: ModuleType) -> None:
    """Print nothing of what LightGBM has to say about predictions of ours.

    Its own `verbosity` would stay as we set it for the user's next call in the same thread.
    """

    def make(original: Callable[[str], None]) -> Callable[[str], None]:
        def autotrack_log(message: str) -> None:
            if not is_quiet():
                original(message)

        return autotrack_log

    for holder in (module.basic, module.engine, module.sklearn):
        for name in ("_log_native", "_log_info", "_log_warning"):
            if name in vars(holder):
                patcher.wrap(holder, name, make)


def _patch_dask(patcher: Patcher, module: ModuleType) -> None:
    """Record a training on Dask where the user calls it; the workers record nothing."""

    def in_worker(original: Callable[..., Any]) -> Callable[..., Any]:
        def autotrack_train_part(*args: Any, **kwargs: Any) -> Any:
            with paused():
                return original(*args, **kwargs)

        return autotrack_train_part

    patcher.wrap(module, "_train_part", in_worker)
    for name in ("DaskLGBMClassifier", "DaskLGBMRegressor", "DaskLGBMRanker"):
        patcher.observe(
            getattr(module, name),
            "fit",
            lambda call: observe_distributed_fit(call, library="lightgbm", finish=_finish_distributed),
            nested=True,
        )


def _finish_distributed(run: Any, estimator: Any, known: dict[str, Any]) -> None:
    for step, metrics in rows_of(estimator.evals_result_):
        run.log_metrics(metrics, step)
    describe(run, estimator.booster_, known)
    flavor = describe_estimator(run, estimator.to_local())
    save_model(run, lambda path: booster_snapshot(estimator.booster_, path), flavor)
