"""`Flavor`: what a model folder must know about a library to describe one of its models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import msgspec

Predict: TypeAlias = Callable[[Any, Mapping[str, Any]], Any]
"""Takes what `enforce_schema` returns and inference parameters, gives predictions as the library returns them."""


class Flavor(msgspec.Struct, frozen=True):
    """The description of one saved model.

    Attributes:
        name: MLflow's name of the flavor, such as "sklearn".
        data: Where the model's bytes stand in the folder, such as "model.pkl".
        settings: What MLmodel lists under the flavor's name.
        python_function: What MLmodel lists under "python_function" to load the model generically, without the
            environment, which the folder adds. None if the model has nothing to predict with.
        packages: Distributions that loading needs, whatever the model refers to.
        pickle: Whether loading executes code from the file.
        texts: Small files that the library wants beside the data: content by path in the folder.
    """

    name: str
    data: str
    settings: dict[str, Any]
    python_function: dict[str, Any] | None
    packages: tuple[str, ...]
    pickle: bool
    texts: dict[str, str] = {}
