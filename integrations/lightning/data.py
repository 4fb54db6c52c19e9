"""The data of a trainer: its loaders, and fingerprints of what they draw from, without drawing from them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from autotrack.capture.data import known_length
from autotrack.recording import current_settings
from autotrack.run import Run


class Opaque(msgspec.Struct, frozen=True):
    """A dataset of which only the number of samples is told: reading one may be slow, random, or count."""

    shape: tuple[int, ...]
    dtype: str


def loaders_of(loop: Any) -> list[Any]:
    """Return the loaders that a loop of the trainer has set up."""
    combined = getattr(loop, "_combined_loader", None)
    return list(combined.flattened) if combined is not None else []


def log_datasets(run: Run, loaders: Sequence[Any], context: str) -> None:
    """Log a fingerprint of the data behind each loader, if the settings ask for it.

    Args:
        run: The run.
        loaders: Of one split.
        context: The split: "train", "validation" or "test".
    """
    if not current_settings().log_datasets:
        return
    for number, loader in enumerate(loaders, start=1):
        dataset = getattr(loader, "dataset", None)
        if dataset is not None:
            name = context if number == 1 else f"{context}_{number}"
            data, target = _contents(dataset)
            run.log_dataset(data, name=name, target=target, context=context)


def _contents(dataset: Any) -> tuple[Any, Any]:
    """Return what can be read of a dataset without asking it for a sample: inputs and, if there is one, the target."""
    tensors = getattr(dataset, "tensors", None)
    if isinstance(tensors, tuple) and tensors:  # a TensorDataset
        return (tensors[0], tensors[1]) if len(tensors) == 2 else (tensors, None)
    length = known_length(dataset)
    kind = f"{type(dataset).__module__}.{type(dataset).__qualname__}"
    return (dataset if length is None else Opaque((length,), kind)), None
