"""Models: from a fitted model to a folder in the MLmodel format, and back.

`snapshot` is all that runs on the training thread; everything else works later, in a worker, from what the snapshot
left on disk. `folder` puts the folder together, and `flavors` says how each library's models are described in it and
loaded from it. `uri` finds a folder, `integrity` refuses one that was changed, `schema` checks what a model is fed.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from autotrack.models import registry
    from autotrack.models.api import log, save
    from autotrack.models.batch import predict_file
    from autotrack.models.engines import map_batches, spark_udf
    from autotrack.models.loading import load
    from autotrack.models.predictor import Predictor, load_predictor
    from autotrack.models.stored import StoredModel, open_model
    from autotrack.models.uri import locate

__all__ = [
    "Predictor",
    "StoredModel",
    "load",
    "load_predictor",
    "locate",
    "log",
    "map_batches",
    "open_model",
    "predict_file",
    "registry",
    "save",
    "spark_udf",
]

_HOMES = {
    "Predictor": "predictor",
    "StoredModel": "stored",
    "load": "loading",
    "load_predictor": "predictor",
    "locate": "uri",
    "log": "api",
    "map_batches": "engines",
    "open_model": "stored",
    "predict_file": "batch",
    "save": "api",
    "spark_udf": "engines",
}
"""The module of each public name."""


def __getattr__(name: str) -> Any:
    """Load public names on first use: integrations import this package, and need none of them."""
    if name == "registry":
        return import_module("autotrack.models.registry")
    if name in _HOMES:
        return getattr(import_module(f"autotrack.models.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'autotrack.models' has no attribute {name!r}")
