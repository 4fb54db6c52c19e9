"""Optuna: a study and its trials as one tree of runs, by `optimize` or by `ask` and `tell`."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from autotrack.integration import Integration, Patcher
from autotrack.integrations.optuna import asking
from autotrack.integrations.optuna.optimizing import optimize_observer
from autotrack.integrations.optuna.trials import watch_reports


class Optuna(Integration):
    """Observes studies, and lets what is trained in a trial be recorded below it."""

    name: ClassVar[str] = "optuna"
    requires: ClassVar[str] = "optuna>=4.0"

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Patch the methods of studies that run trials, and the one by which a trial reports how it goes."""
        study = module.study.Study
        patcher.require(study.optimize, "func", "n_trials", "timeout", "n_jobs", "catch")
        patcher.observe(study, "optimize", optimize_observer(patcher))
        patcher.observe(study, "ask", asking.observe_ask)
        patcher.observe(study, "tell", asking.observe_tell)
        watch_reports(patcher, module.trial.Trial)

    def uninstall(self) -> None:
        """End the runs of studies that were asked for trials."""
        asking.open_studies.close_all()
