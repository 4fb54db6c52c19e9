"""What a fit was set up with: hyperparameters of the user, options of the trainer, and how data come in batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_OPTIONS = (
    "max_steps",
    "min_epochs",
    "min_steps",
    "precision",
    "num_nodes",
    "accumulate_grad_batches",
    "gradient_clip_val",
    "gradient_clip_algorithm",
    "val_check_interval",
    "check_val_every_n_epoch",
    "limit_train_batches",
    "limit_val_batches",
    "overfit_batches",
    "fast_dev_run",
    "log_every_n_steps",
    "reload_dataloaders_every_n_epochs",
    "num_sanity_val_steps",
)
_STOPPING = ("monitor", "mode", "patience", "min_delta", "stopping_threshold", "divergence_threshold")
_CHECKPOINTS = (
    "monitor",
    "mode",
    "save_top_k",
    "save_last",
    "save_weights_only",
    "every_n_epochs",
    "every_n_train_steps",
)


def hyperparameters(*owners: Any) -> dict[str, Any]:
    """Return what `save_hyperparameters()` kept of modules and datamodules, nested ones as `optimizer/lr`.

    What was saved with `logger=False` is left out: the user asked for it not to be logged.
    """
    found: dict[str, Any] = {}
    for owner in owners:
        if getattr(owner, "_log_hyperparams", False):
            found.update(flat(owner.hparams_initial))
    return {key: value for key, value in found.items() if key != "_class_path"}  # of Lightning's command line


def trainer_params(trainer: Any) -> dict[str, Any]:
    """Return the options of a trainer that are set; `max_epochs` under MLflow's name."""
    values = {
        "epochs": trainer.max_epochs,
        "accelerator": type(trainer.accelerator).__name__.removesuffix("Accelerator").lower(),
        "strategy": _strategy_name(trainer.strategy),
        "devices": trainer.num_devices,
        "world_size": trainer.world_size,
        **{name: getattr(trainer, name, None) for name in _OPTIONS},
    }
    return {name: getattr(value, "value", value) for name, value in values.items() if value is not None}


def _strategy_name(strategy: Any) -> str:
    """Return the name that `Trainer(strategy=...)` takes, where there is one."""
    started = getattr(strategy, "_start_method", None)
    if type(strategy).__name__ == "DDPStrategy":
        return "ddp" if started in {None, "popen"} else f"ddp_{started}"
    return str(getattr(strategy, "strategy_name", type(strategy).__name__))


def callback_params(callbacks: Sequence[Any]) -> dict[str, Any]:
    """Return the settings of early stopping, under MLflow's names, and of checkpoints, as `checkpoint_…`."""
    found: dict[str, Any] = {}
    for callback in reversed(list(of_kind(callbacks, "ModelCheckpoint"))):
        found.update({f"checkpoint_{name}": _setting(callback, name) for name in _CHECKPOINTS})
    for callback in reversed(list(of_kind(callbacks, "EarlyStopping"))):
        found.update({name: _setting(callback, name) for name in _STOPPING})
    return {name: value for name, value in found.items() if value is not None}


def of_kind(callbacks: Sequence[Any], name: str) -> Iterator[Any]:
    """Yield callbacks of a class called `name`, of whichever of the two packages, and of the user's subclasses."""
    for callback in callbacks:
        if any(kind.__name__ == name for kind in type(callback).__mro__):
            yield callback


def batch_params(train: Sequence[Any], validation: Sequence[Any], batches: float) -> dict[str, Any]:
    """Return how the data come: batch sizes, workers, and batches in an epoch.

    Args:
        train: The loaders of training data.
        validation: Those of validation data.
        batches: How many batches an epoch has; infinite where nobody knows.
    """
    found: dict[str, Any] = {}
    for prefix, loaders in (("", train), ("val_", validation)):
        for number, loader in enumerate(loaders, start=1):
            suffix = "" if number == 1 else f"_{number}"
            found[f"{prefix}batch_size{suffix}"] = _batch_size(loader)
            found[f"{prefix}num_workers{suffix}"] = getattr(loader, "num_workers", None)
    if batches != float("inf"):
        found["batches_per_epoch"] = int(batches)
    return {name: value for name, value in found.items() if value is not None}


def _batch_size(loader: Any) -> int | None:
    size = getattr(loader, "batch_size", None)
    if size is None:
        size = getattr(getattr(loader, "batch_sampler", None), "batch_size", None)
    return size if isinstance(size, int) else None


def _setting(callback: Any, name: str) -> Any:
    for attribute in (name, f"_{name}"):
        value = getattr(callback, attribute, None)
        if isinstance(value, (bool, int, float, str)):
            # Lightning gives it the sign of the mode.
            return abs(value) if name == "min_delta" and isinstance(value, float) else value
    return None


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return nested parameters with the path to each as its name."""
    found: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            found.update(flat(value, f"{prefix}{key}/"))
        else:
            found[f"{prefix}{key}"] = value
    return found
