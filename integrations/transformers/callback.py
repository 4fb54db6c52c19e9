"""The callback that records a training: what it was set to, what it logs, and its checkpoints."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from transformers.trainer_callback import TrainerCallback
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

from autotrack import names
from autotrack.run import Run

logger = logging.getLogger("autotrack")

LATEST = "mlflow.latest_checkpoint_artifact"
_MOMENTARY = {"_name_or_path", "transformers_version", "logging_dir"}


class AutotrackCallback(TrainerCallback):
    """Records what a `Trainer` does into a run.

    `autotrack.enable()` gives one to every trainer; without it, this is the explicit way. A trainer that has one of the
    program's own is not recorded twice.

    Args:
        run: The run. Default: a new one for each training, that ends with it.

    Example:
        >>> trainer = Trainer(model, arguments, callbacks=[AutotrackCallback()])  # doctest: +SKIP
    """

    def __init__(self, run: Run | None = None) -> None:
        self._given = run
        self.run = run

    def __deepcopy__(self, memo: dict[int, Any]) -> AutotrackCallback:
        """Return itself: a run cannot be copied."""
        return self

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Record arguments, model configuration and the size of the model."""
        if self._given is None:
            self.run = Run(source="transformers", tags={names.AUTOLOGGING: "transformers"})
        assert self.run is not None  # noqa: S101 - set just now, or given
        self.run.log_params({**config_of(model), **arguments_of(args), "max_steps": state.max_steps})

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Record what the trainer logs, under its own names and at its own steps."""
        if self.run is not None:
            self.run.log_metrics(numbers_of(logs or {}), state.global_step)

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any = None, **kwargs: Any) -> None:  # noqa: ARG002
        """Record the metrics of a prediction, which the trainer does not log."""
        if self.run is not None:
            self.run.log_metrics(numbers_of(metrics or {}), state.global_step)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Record where the last checkpoint stands; it stays where the program wants it."""
        if self.run is not None:
            folder = f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
            self.run.set_tag(LATEST, str(Path(args.output_dir) / folder))

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:  # noqa: ARG002
        """Record the best metric; end the run that was begun here."""
        if self.run is None:
            return
        if state.best_metric is not None:
            self.run.log_metric("best_metric", state.best_metric, state.global_step)
        if self._given is None:
            self.run.end()


def numbers_of(logs: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers among what a trainer logs; it logs a table of text now and then."""
    return {key: value for key, value in logs.items() if isinstance(value, (int, float))}


def arguments_of(args: Any) -> dict[str, Any]:
    """Return the training arguments that say something; tokens are masked by transformers itself."""
    return {key: value for key, value in args.to_dict().items() if value is not None and key not in _MOMENTARY}


def config_of(model: Any) -> dict[str, Any]:
    """Return the configuration of a model, its class and its size."""
    if model is None:
        return {}
    config: Any = getattr(model, "config", None)
    known = config.to_dict() if hasattr(config, "to_dict") else {}
    known = {key: value for key, value in known.items() if value is not None and key not in _MOMENTARY}
    parameters = list(model.parameters())
    known["model"] = type(model).__name__
    known["n_parameters"] = sum(own.numel() for own in parameters)
    known["n_trained"] = sum(own.numel() for own in parameters if own.requires_grad)
    return known
