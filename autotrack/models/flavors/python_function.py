"""Models that are Python code: a class of the user's with `predict`, or a loader module in the folder's code files.

Both run code by nature, so all of them need trust. Any flavor of MLflow's that we have no module for is read here too,
through its own loader, where MLflow is installed.
"""

from __future__ import annotations

import inspect
import pickle
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from tempfile import TemporaryDirectory
from typing import Any

from autotrack.models.flavors.base import Predict
from autotrack.models.integrity import require_trust
from autotrack.models.mlmodel import MLMODEL_FILE
from autotrack.models.stored import StoredModel

_importing = threading.RLock()


class PythonContext:
    """What `load_context` and `predict` of a custom model are given.

    Attributes:
        artifacts: Paths of the model's files by the name they were saved under.
        model_config: Always None; MLflow's own context has it.
    """

    def __init__(self, artifacts: dict[str, str]) -> None:
        self.artifacts = artifacts
        self.model_config = None


def load(model: StoredModel, *, trust: bool) -> Any:
    """Load a custom model, or what its loader module makes of it.

    Raises:
        UntrustedModelError: It is not trusted.
    """
    settings = model.generic
    require_trust(model, settings.get("python_model") or MLMODEL_FILE, _reason(settings), trust=trust)
    with _code_on_path(model, settings.get("code")):
        if "python_model" in settings and not settings.get("python_model_compression"):
            return _load_class(model, settings)
        data = model.file(settings["data"]) if settings.get("data") else model.path
        return import_module(settings["loader_module"])._load_pyfunc(str(data))  # noqa: SLF001 - the format's own name


def _reason(settings: dict[str, Any]) -> str:
    if "python_model" in settings:
        return "is a pickle of a Python class"
    return f"names the loader {settings['loader_module']!r}, which is code"


def _load_class(model: StoredModel, settings: dict[str, Any]) -> Any:
    with model.file(settings["python_model"]).open("rb") as file:
        found = pickle.load(file)  # noqa: S301 - the user trusts it; what cloudpickle wrote, pickle reads
    if hasattr(found, "load_context"):
        found.load_context(context_of(model))
    return found


def context_of(model: StoredModel) -> PythonContext:
    """Return the context of a custom model: where its artifacts lie now."""
    listed = model.generic.get("artifacts") or {}
    return PythonContext({name: str(model.file(entry["path"])) for name, entry in listed.items()})


def predictor(found: Any, model: StoredModel) -> Predict:
    """Return how the model predicts: with the context and parameters, where its `predict` takes them."""
    parameters = list(inspect.signature(found.predict).parameters)
    context = (context_of(model),) if "context" in parameters[:1] else ()
    takes_params = "params" in parameters

    def predict(data: Any, params: Any) -> Any:
        return found.predict(*context, data, **({"params": params} if takes_params else {}))

    return predict


@contextmanager
def _code_on_path(model: StoredModel, folder: str | None) -> Iterator[None]:
    """Let the model's code files be imported, from their sources alone: compiled caches have no hash."""
    if not folder:
        yield
        return
    path = str(model.file(folder))
    with _importing, TemporaryDirectory() as cache:
        if path not in sys.path:
            sys.path.insert(0, path)  # and stays there: a model may import more while it predicts
        before, sys.pycache_prefix = sys.pycache_prefix, cache
        try:
            yield
        finally:
            sys.pycache_prefix = before
