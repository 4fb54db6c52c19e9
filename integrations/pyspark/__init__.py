"""PySpark ML: `fit` of every estimator, pipeline and search, and what evaluators say of its predictions."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import ClassVar

from autotrack.held_out import fitted
from autotrack.integration import Integration, Patcher
from autotrack.patching.imports import ImportWatcher

ML = "pyspark.ml"


class PySpark(Integration):
    """Observes Spark's machine learning, once the program imports it."""

    name: ClassVar[str] = "pyspark"
    requires: ClassVar[str] = "pyspark>=4.0"

    def __init__(self) -> None:
        self._watcher = ImportWatcher()

    def install(self, patcher: Patcher, module: ModuleType) -> None:  # noqa: ARG002 - SQL alone is not observed
        """Patch the base classes once `pyspark.ml` is imported."""
        self._watcher.start()
        self._watcher.watch(ML, lambda loaded: _patch(patcher, loaded))

    def uninstall(self) -> None:
        """Forget the models that were fitted."""
        self._watcher.stop()
        fitted.forget_all()
        if "autotrack.integrations.pyspark.evaluating" in sys.modules:
            from autotrack.integrations.pyspark.evaluating import forget_all

            forget_all()


def _patch(patcher: Patcher, module: ModuleType) -> None:
    from autotrack.integrations.pyspark.estimators import observe_fit
    from autotrack.integrations.pyspark.evaluating import observe_evaluate, observe_transform
    from autotrack.integrations.pyspark.model_file import observe_stop

    patcher.observe(module.base.Estimator, "fit", observe_fit)
    patcher.observe(module.base.Transformer, "transform", observe_transform)
    patcher.observe(module.evaluation.Evaluator, "evaluate", observe_evaluate)
    patcher.observe(_context_class(), "stop", observe_stop)


def _context_class() -> type:
    from pyspark import SparkContext

    return SparkContext
