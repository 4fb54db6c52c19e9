"""What a compiled model is: its optimizer, loss and metrics as parameters, its size, and its summary as a file."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from typing import Any

import keras
import numpy as np

from autotrack.capture.arguments import plain
from autotrack.run import Run

SUMMARY = "model_summary.txt"


def describe_model(run: Run, model: Any) -> None:
    """Log everything that is known of a compiled model once it is built."""
    if not run.first("description"):
        return
    run.log_params({**_settings(model), **_optimizer(model), **_sizes(model)})
    run.defer("writing the summary", lambda: run.log_text(summary(model), SUMMARY))


def summary(model: Any) -> str:
    """Return what `model.summary()` prints."""
    lines: list[str] = []
    keras.Model.summary(model, print_fn=lambda line, **_: lines.append(line))
    return "\n".join(lines)


def _settings(model: Any) -> dict[str, Any]:
    found = {
        "model_name": model.name,
        "model_class": type(model).__name__,
        "backend": keras.config.backend(),
        "dtype_policy": model.dtype_policy.name,
        "jit_compile": model.jit_compile,
        "run_eagerly": model.run_eagerly,
        "steps_per_execution": model.steps_per_execution,
        **_compiled(model),
    }
    config = getattr(model.loss, "get_config", None)
    if isinstance(model.loss, keras.losses.Loss) and config is not None:
        found.update({f"loss_{key}": plain(value) for key, value in config().items() if key not in {"name", "fn"}})
    return found


def _compiled(model: Any) -> dict[str, Any]:
    """Return what was given to `compile`; metrics are not built before the first batch."""
    given = getattr(getattr(model, "_compile_config", None), "config", {})
    found = {key: name_of(given.get(key)) for key in ("loss", "metrics", "weighted_metrics")}
    return {**found, "loss": name_of(model.loss), "loss_weights": plain(given.get("loss_weights"))}


def name_of(value: Any) -> Any:
    """Return losses or metrics by their names, in the structure they were given in."""
    if isinstance(value, dict):
        return {str(key): name_of(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [name_of(item) for item in value]
    if value is None or isinstance(value, str):
        return value
    return getattr(value, "name", None) or getattr(value, "__name__", type(value).__name__)


def metric_names(metric: Any) -> list[str]:
    """Return the names of a metric's results; Keras keeps those given to `compile` in one container."""
    inner = getattr(metric, "metrics", None)
    return [item.name for item in inner] if isinstance(inner, list) else [metric.name]


def _optimizer(model: Any) -> dict[str, Any]:
    optimizer = model.optimizer
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        return {}
    config = optimizer.get_config()
    name = re.sub(r"_\d+$", "", config.get("name", ""))  # Keras numbers optimizers of one class
    return {f"optimizer_{key}": short(plain(value)) for key, value in {**config, "name": name}.items()}


def short(value: Any) -> Any:
    """Return a number that a variable of 32 bits has rounded as it was written: 0.001 for 0.0010000000474974513."""
    return float(str(np.float32(value))) if isinstance(value, float) and float(np.float32(value)) == value else value


def _sizes(model: Any) -> dict[str, int]:
    trainable, frozen = count(model.trainable_weights), count(model.non_trainable_weights)
    return {
        "n_layers": len(model.layers),
        "n_params": trainable + frozen,
        "n_trainable_params": trainable,
        "n_non_trainable_params": frozen,
    }


def count(weights: Iterable[Any]) -> int:
    """Return how many numbers weights hold."""
    return sum(math.prod(weight.shape) for weight in weights)


def layers_of(model: Any) -> Iterator[Any]:
    """Yield a model and all layers in it, however deep."""
    seen: set[int] = set()
    open_layers = [model]
    while open_layers:
        layer = open_layers.pop()
        if id(layer) not in seen:
            seen.add(id(layer))
            yield layer
            open_layers += getattr(layer, "_layers", ())
