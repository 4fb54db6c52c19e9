"""What all runs of gradient boosting begin with: their tags, and the data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from autotrack import names
from autotrack.boosting.splits import Split
from autotrack.recording import current_recorder
from autotrack.run import Run


class Shape(msgspec.Struct, frozen=True):
    """Data in a library's own container, of which only the shape is told."""

    shape: tuple[int, ...]
    dtype: str = "float32"


def tags_of(library: str, estimator: Any = None) -> dict[str, str]:
    """Return MLflow's tags of a training by a library, of an estimator where there is one."""
    tags = {names.AUTOLOGGING: library}
    if estimator is None:
        return tags
    kind = type(estimator)
    return {**tags, names.ESTIMATOR_NAME: kind.__name__, names.ESTIMATOR_CLASS: f"{kind.__module__}.{kind.__name__}"}


def log_data(run: Run, train: Any, target: Any, splits: Sequence[Split]) -> None:
    """Log the fingerprints of the training data and of each further set, if the settings ask for it.

    Args:
        run: The run.
        train: The training data.
        target: Their labels.
        splits: All sets with labels, the training data possibly among them.
    """
    if not current_recorder().settings.log_datasets:
        return
    if train is not None and run.first("dataset"):
        run.log_dataset(train, name=names.TRAINING, target=target, context="train")
    for split in splits:
        if split.name != names.TRAINING:
            run.log_dataset(split.data, name=split.name, target=split.truth, context="validation")


def library_class(model: Any, package: str) -> str:
    """Return the import path of the model's class in its library, for the user's own subclasses too."""
    for kind in type(model).__mro__:
        if kind.__module__.partition(".")[0] == package:
            return f"{kind.__module__}.{kind.__qualname__}"
    raise TypeError(f"{type(model).__name__} is no class of {package}")
