"""transformers: what its `Trainer` trains and evaluates, without touching `report_to` or the list of callbacks."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from autotrack.integration import Integration, Patcher
from autotrack.patching.imports import ImportWatcher

TRAINER = "transformers.trainer"


class Transformers(Integration):
    """Observes `Trainer.train`, `evaluate` and `predict`, once the program has imported the trainer."""

    name: ClassVar[str] = "transformers"
    requires: ClassVar[str] = "transformers>=4.45"

    def __init__(self) -> None:
        self._watcher = ImportWatcher()

    def install(self, patcher: Patcher, module: ModuleType) -> None:  # noqa: ARG002 - the trainer is a module of its own
        """Wait for the trainer: transformers imports its parts when they are used."""
        self._watcher.start()
        self._watcher.watch(TRAINER, lambda loaded: _patch(patcher, loaded))

    def uninstall(self) -> None:
        """Stop waiting."""
        self._watcher.stop()


def _patch(patcher: Patcher, module: ModuleType) -> None:
    from autotrack.integrations.transformers import training

    training.patch_trainer(patcher, module)
