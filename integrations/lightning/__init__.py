"""PyTorch Lightning, as `lightning` and as `pytorch_lightning`: fits, and evaluations outside of them."""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar

from autotrack.held_out import fitted
from autotrack.integration import Integration, Patcher
from autotrack.integrations.lightning.evaluating import observe_stage
from autotrack.integrations.lightning.hooks import watch_trainers
from autotrack.integrations.lightning.launching import watch_launchers
from autotrack.integrations.lightning.packages import trainer_package
from autotrack.integrations.lightning.training import observe_fit

if TYPE_CHECKING:
    from autotrack.integrations.lightning.callback import AutotrackCallback
    from autotrack.integrations.lightning.logger import AutotrackLogger

__all__ = ["AutotrackCallback", "AutotrackLogger", "Lightning", "PytorchLightning"]


class Lightning(Integration):
    """Observes the trainer of the package `lightning`."""

    name: ClassVar[str] = "lightning"
    requires: ClassVar[str] = "lightning>=2.2"

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Patch the four calls of the trainer, and listen where its callbacks and loggers are called."""
        package = trainer_package(module)
        trainer = package.Trainer
        patcher.require(trainer.fit, "model", "train_dataloaders", "datamodule", "ckpt_path")
        patcher.observe(trainer, "fit", observe_fit)
        for name in ("validate", "test", "predict"):
            patcher.observe(trainer, name, observe_stage)
        watch_trainers(patcher, package)
        watch_launchers(patcher, package)

    def uninstall(self) -> None:
        """Forget which run trained which module."""
        fitted.forget_all()


class PytorchLightning(Lightning):
    """Observes the trainer of the package `pytorch_lightning`."""

    name: ClassVar[str] = "pytorch_lightning"
    requires: ClassVar[str] = "pytorch-lightning>=2.2"


def __getattr__(name: str) -> Any:
    """Make the callback and the logger on demand: they inherit from whichever Lightning the program uses."""
    home = {"AutotrackCallback": "callback", "AutotrackLogger": "logger"}.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{home}"), name)
