"""Ray: a search by Tune as one tree of runs, a training by Train as one run; what workers report arrives there."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from autotrack.integration import Integration, Patcher
from autotrack.patching.imports import ImportWatcher


class Ray(Integration):
    """Observes `Tuner.fit`, `tune.run` and the `fit` of trainers, once the program imports Tune or Train."""

    name: ClassVar[str] = "ray"
    requires: ClassVar[str] = "ray>=2.51"

    def __init__(self) -> None:
        self._watcher = ImportWatcher()

    def install(self, patcher: Patcher, module: ModuleType) -> None:  # noqa: ARG002 - its parts are what is patched
        """Wait for the parts of Ray that train: importing them takes seconds, which other programs shall not pay."""
        self._watcher.start()
        self._watcher.watch("ray.tune", lambda loaded: _patch_tune(patcher, loaded))
        self._watcher.watch("ray.train.v2.api.data_parallel_trainer", lambda loaded: _patch_train(patcher, loaded))

    def uninstall(self) -> None:
        """Wait no longer."""
        self._watcher.stop()


def _patch_tune(patcher: Patcher, module: ModuleType) -> None:
    from autotrack.integrations.ray.tuning import observe_run

    defining = module.tune
    patcher.require(defining.run, "run_or_experiment", "config", "callbacks", "metric", "mode", "num_samples")
    patcher.observe(defining, "run", observe_run, everywhere=True)


def _patch_train(patcher: Patcher, module: ModuleType) -> None:
    from autotrack.integrations.ray.training import observe_fit, watch_local_reports

    patcher.observe(module.DataParallelTrainer, "fit", observe_fit)
    watch_local_reports(patcher)
