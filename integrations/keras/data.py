"""The data of one call of `fit` or `evaluate`: how many rows there are, and which of them can be read again.

Generators, pipelines and loaders are never iterated; what they say of themselves is all that is known of them.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras

from autotrack.boosting.rows import take_rows
from autotrack.recording import current_recorder
from autotrack.run import Run

DEFAULT_BATCH = 32
"""What Keras takes where arrays come without a batch size."""


class Split(NamedTuple):
    """Arrays that can be read again, or a source that cannot.

    Attributes:
        name: "training", "validation", "test" or a name made of one of them.
        x: Inputs: one array, or several in a list, tuple or dict; or a source of batches.
        y: Truth in the same forms, or None.
        weights: Weights of the rows, or None.
        rows: Number of rows, None where nobody knows.
    """

    name: str
    x: Any
    y: Any = None
    weights: Any = None
    rows: int | None = None


def rows_of(x: Any) -> int | None:
    """Return the number of rows of inputs in memory, None for anything else."""
    leaves = keras.tree.flatten(x) if isinstance(x, (list, tuple, dict)) else [x]
    if not leaves or not all(_is_array(leaf) for leaf in leaves):
        return None
    return int(leaves[0].shape[0])


def _is_array(value: Any) -> bool:
    shape = getattr(value, "shape", None)
    return shape is not None and len(shape) > 0 and hasattr(value, "__getitem__") and shape[0] is not None


def split_of(name: str, data: Any, y: Any = None, weights: Any = None) -> Split:
    """Return a split from what `fit` and `evaluate` take: a tuple of inputs, truth and weights, or inputs alone."""
    if y is None and isinstance(data, (tuple, list)) and 1 < len(data) <= 3:
        data, y, weights = (*data, None)[:3]
    return Split(name, data, y, weights, rows_of(data))


def splits_of(arguments: Mapping[str, Any]) -> tuple[Split, Split | None]:
    """Return what `fit` trains on, and what it validates on, if it does."""
    training = Split("training", arguments["x"], arguments["y"], arguments["sample_weight"], rows_of(arguments["x"]))
    given, share = arguments["validation_data"], arguments["validation_split"]
    if given is not None:
        return training, split_of("validation", given)
    if not share or training.rows is None:
        return training, None
    at = math.floor(training.rows * (1.0 - share))  # as Keras cuts it: the last rows validate
    if not all(_gives_views(leaf) for leaf in keras.tree.flatten((training.x, training.y, training.weights))):
        return training._replace(rows=at), None
    return part_of(training, slice(0, at), "training"), part_of(training, slice(at, training.rows), "validation")


def _gives_views(value: Any) -> bool:
    """Say whether a part of an array is no copy; Keras makes one of the other kinds, and one is enough."""
    return value is None or type(value).__module__.partition(".")[0] in {"numpy", "pandas", "torch"}


def part_of(split: Split, rows: Any, name: str) -> Split:
    """Return rows of a split of arrays as another split; `rows` is a slice or an array of positions."""
    x, y, weights = (_take(part, rows) for part in (split.x, split.y, split.weights))
    return Split(name, x, y, weights, rows_of(x))


def _take(data: Any, rows: Any) -> Any:
    if data is None:
        return None
    if isinstance(data, (list, tuple, dict)):
        return keras.tree.map_structure(lambda leaf: _take(leaf, rows), data)
    if not isinstance(rows, slice) and _is_tensorflow(data):  # the one kind of array that takes no positions
        data = keras.ops.convert_to_numpy(data)
    return take_rows(data, rows)


def _is_tensorflow(value: Any) -> bool:
    tensorflow = sys.modules.get("tensorflow")
    return tensorflow is not None and isinstance(value, tensorflow.Tensor)


def batch_size_of(arguments: Mapping[str, Any]) -> Any:
    """Return the rows of a batch: as given, Keras' default for arrays, or what a source of batches says."""
    if arguments["batch_size"] is not None:
        return arguments["batch_size"]
    x = arguments["x"]
    if rows_of(x) is not None:
        return DEFAULT_BATCH
    spec = getattr(x, "element_spec", None)  # of a pipeline of TensorFlow
    if spec is not None:
        leaves = [leaf for leaf in keras.tree.flatten(spec) if getattr(leaf, "shape", None)]
        return leaves[0].shape[0] if leaves else None
    size = getattr(x, "batch_size", None)  # of a loader of PyTorch, and of many a `PyDataset`
    return size if isinstance(size, int) else None


def rows_of_epoch(arguments: Mapping[str, Any], training: Split) -> int | None:
    """Return how many rows an epoch trains on, None where nobody knows."""
    steps, batch = arguments["steps_per_epoch"], batch_size_of(arguments)
    if steps is None or training.rows is None:
        return training.rows
    return min(training.rows, int(steps) * int(batch))


def log_data(run: Run, *splits: Split | None) -> None:
    """Log the fingerprints of data, if the settings ask for it."""
    if not current_recorder().settings.log_datasets:
        return
    for split in splits:
        if split is not None and split.x is not None:
            context = "train" if split.name == "training" else split.name
            run.log_dataset(split.x, name=split.name, target=split.y, context=context)
