"""PyTorch: training loops that programs write themselves, recorded at the seams that every loop goes through."""

from __future__ import annotations

from types import ModuleType
from typing import Any, ClassVar

from autotrack.integration import Integration, Patcher
from autotrack.integrations.torch import data_loading, modules, optimizers, stepping, summaries, torchmetrics
from autotrack.integrations.torch.checkpoints import patch_saving
from autotrack.integrations.torch.evaluating import patch_loss_functions
from autotrack.integrations.torch.losses import patch_losses
from autotrack.patching.imports import ImportWatcher


class Torch(Integration):
    """Observes optimizers, losses, data loaders, evaluation, metrics, checkpoints and summary writers."""

    name: ClassVar[str] = "torch"
    requires: ClassVar[str] = "torch>=2.3"

    def __init__(self) -> None:
        self._watcher = ImportWatcher()
        self._handle: Any = None

    def install(self, patcher: Patcher, module: ModuleType) -> None:  # noqa: ARG002 - torch is imported by the parts
        """Patch torch, and torchmetrics and TensorBoard's writers once they are imported."""
        optimizers.patch_optimizers(patcher)
        patch_losses(patcher)
        patch_loss_functions(patcher)
        data_loading.patch_data_loading(patcher, stepping.data_is_over)
        modules.patch_modules(patcher)
        patch_saving(patcher)
        self._handle = stepping.watch_steps()
        self._watcher.start()
        self._watcher.watch(torchmetrics.METRIC, lambda loaded: torchmetrics.patch_metric(patcher, loaded))
        self._watcher.watch(torchmetrics.COLLECTION, lambda loaded: torchmetrics.patch_collection(patcher, loaded))
        for name in summaries.MODULES:
            self._watcher.watch(name, lambda loaded: summaries.patch_writer(patcher, loaded))

    def uninstall(self) -> None:
        """End the loops that are under way, and forget what was seen."""
        self._watcher.stop()
        if self._handle is not None:
            self._handle.remove()
        stepping.end_all()
        optimizers.forget_all()
        modules.forget_all()
        data_loading.forget_all()
