"""The trained model as a model folder, with Keras' own `.keras` file in it."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import keras
import msgspec

from autotrack.errors import AutotrackError
from autotrack.integration import Call
from autotrack.integrations.keras.description import layers_of
from autotrack.models.flavors.keras import Tensor, keras_flavor, signature_of_tensors
from autotrack.models.saving import MEGABYTE, save_model
from autotrack.models.snapshot import Snapshot, class_path, take_native_snapshot
from autotrack.patching.quiet import quietly
from autotrack.recording import current_recorder
from autotrack.run import Run


def log_model(run: Run, model: Any, call: Call | None = None) -> None:
    """Save a model with its run, if the settings ask for it.

    Args:
        run: The run that trained it.
        model: The model.
        call: The call under way that trained it, if there is one.
    """

    def take(path: Path) -> Snapshot:
        _check_size(model)
        with quietly(call, model) if call is not None else nullcontext(), _tensorflow_left_alone():
            snapshot = take_native_snapshot(
                model,
                path,
                lambda place: keras.Model.save(model, place),
                suffix=".keras",
                model_class=class_path(model),
                module="keras",
            )
        return msgspec.structs.replace(snapshot, modules=_modules(model))

    save_model(run, take, keras_flavor, signature=_signature(model))


def _modules(model: Any) -> tuple[str, ...]:
    """Return the modules of all layers: loading needs those of the user's own."""
    return tuple(sorted({type(layer).__module__ for layer in layers_of(model)}))


def _check_size(model: Any) -> None:
    """Refuse a model that is larger than allowed before it is written.

    Raises:
        AutotrackError: It is.
    """
    limit = current_recorder().settings.max_model_size
    variables = [*model.variables, *getattr(model.optimizer, "variables", ())]
    size = sum(math.prod(variable.shape) * _width(variable) for variable in variables) / MEGABYTE
    if limit and size > limit:
        raise AutotrackError(f"the model takes about {size:.0f} MB, more than the setting max_model_size")


def _width(variable: Any) -> int:
    digits = "".join(filter(str.isdigit, str(variable.dtype)))
    return max(1, int(digits or 8) // 8)


def _signature(model: Any) -> dict[str, Any] | None:
    """Return the signature of a model whose inputs and outputs Keras knows, None for one that is only code."""
    inputs, outputs = getattr(model, "inputs", None), getattr(model, "outputs", None)
    if not inputs or not outputs:
        return None
    return signature_of_tensors(*(_tensors(part) for part in (inputs, outputs)))


def _tensors(symbols: Any) -> list[Tensor]:
    return [(symbol.name, str(symbol.dtype), symbol.shape) for symbol in symbols]


@contextmanager
def _tensorflow_left_alone() -> Iterator[None]:
    """Keep Keras from importing TensorFlow, only to ask whether something is a tensor of it.

    Where the program works with PyTorch or JAX that would take seconds, and print.
    """
    from keras.src.utils.module_utils import tensorflow

    if "tensorflow" in sys.modules or tensorflow._available is not None:  # noqa: SLF001 - asking publicly imports it
        yield
        return
    tensorflow._available = False  # noqa: SLF001
    try:
        yield
    finally:
        tensorflow._available = None  # noqa: SLF001
