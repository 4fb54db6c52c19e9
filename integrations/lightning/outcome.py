"""What a fit left behind: where early stopping ended it, the best checkpoint, and the final weights."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from autotrack.integrations.lightning.parameters import of_kind
from autotrack.models.flavors.pytorch import innermost, pytorch_flavor, take_module
from autotrack.models.saving import save_model
from autotrack.models.weights import MEGABYTE, save_weights
from autotrack.recording import current_settings
from autotrack.run import Run

CHECKPOINTS = "checkpoints"
_SHARDED = ("FSDPStrategy", "DeepSpeedStrategy", "ModelParallelStrategy", "XLAFSDPStrategy")


def log_early_stopping(run: Run, callbacks: Sequence[Any]) -> None:
    """Log what early stopping saw, under MLflow's names, where it ended the fit.

    `restored_epoch` is the epoch of the best score; Lightning leaves the weights of the last one in the model.
    """
    for callback in of_kind(callbacks, "EarlyStopping"):
        if callback.stopped_epoch:
            stopped, waited = callback.stopped_epoch, callback.wait_count
            run.log_metrics({"stopped_epoch": stopped, "restored_epoch": stopped - waited, "wait_count": waited})
            run.log_metric("best_score", callback.best_score)
            return


def log_checkpoints(run: Run, callbacks: Sequence[Any]) -> None:
    """Keep the best checkpoint of each `ModelCheckpoint`, with its score.

    The file is opened now and copied in the background: it may be deleted as soon as this fit is over.
    """
    for number, callback in enumerate(of_kind(callbacks, "ModelCheckpoint"), start=1):
        path = callback.best_model_path or getattr(callback, "last_model_path", "")
        if not path or not os.path.isfile(path):
            continue
        suffix = "" if number == 1 else f"_{number}"
        run.set_tags({f"best_checkpoint{suffix}": os.path.basename(path)})
        if callback.best_model_score is not None:
            run.log_metric(f"best_model_score{suffix}", callback.best_model_score)
        _keep(run, path)


def _keep(run: Run, path: str) -> None:
    settings = current_settings()
    size = os.path.getsize(path)
    if not settings.log_models:
        return
    if settings.max_model_size and size > settings.max_model_size * MEGABYTE:
        reason = f"{path} has {size / MEGABYTE:.0f} MB, more than the setting max_model_size"
        run.note("checkpoint.skipped", reason, level="warning")
        return
    name = f"{CHECKPOINTS}/{os.path.basename(path)}"
    target = run.artifact_directory / name
    source = open(path, "rb")  # noqa: SIM115 - the job closes it

    def copy() -> None:
        with source:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with open(target, "wb", opener=_private) as file:
                shutil.copyfileobj(source, file, 1 << 20)
        run.add_file(name, target.stat().st_size)

    run.defer(f"copying {name}", copy)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def save_module(run: Run, trainer: Any, module: Any) -> None:
    """Save the trained module as an MLmodel folder, and its weights as safetensors."""
    strategy = type(trainer.strategy).__name__
    if strategy in _SHARDED:
        run.note("model.skipped", f"{strategy} keeps only a part of the weights in each process", level="warning")
        return
    model = innermost(module)
    save_weights(run, model.state_dict())
    save_model(run, lambda path: _take(model, path), pytorch_flavor)


def _take(module: Any, path: Path) -> Any:
    return take_module(module, path)
