"""Lets MLflow load a custom model of autotrack's: this file is copied into the model's code files.

It uses nothing of autotrack, which need not be installed where the model is served.
"""

from __future__ import annotations

import inspect
import os
import pickle
from typing import Any

MODULE = "autotrack_python_loader"
"""Its name among the code files."""


class Context:
    """What `load_context` and `predict` of a custom model are given.

    Attributes:
        artifacts: Paths of the model's files by the name they were saved under.
        model_config: Always None; MLflow's own context has it.
    """

    def __init__(self, artifacts: dict[str, str]) -> None:
        self.artifacts = artifacts
        self.model_config = None


class GenericModel:
    """A custom model with its context, as MLflow calls it.

    Args:
        model: An object with `predict(context, model_input)` or `predict(model_input)`, and perhaps `params` behind.
        context: Its context.
    """

    def __init__(self, model: Any, context: Context) -> None:
        self.model = model
        self._context = context
        parameters = list(inspect.signature(model.predict).parameters)
        self._takes_context = parameters[:1] == ["context"]
        self._takes_params = "params" in parameters

    def predict(self, model_input: Any, params: dict[str, Any] | None = None) -> Any:
        """Predict."""
        arguments = (self._context, model_input) if self._takes_context else (model_input,)
        return self.model.predict(*arguments, **({"params": params} if self._takes_params else {}))


def read_model(folder: str, settings: dict[str, Any]) -> GenericModel:
    """Load a custom model: unpickle it, and let it load its context.

    Args:
        folder: The model's folder.
        settings: What MLmodel lists under `python_function`.
    """
    with open(os.path.join(folder, settings["python_model"]), "rb") as file:
        model = pickle.load(file)  # noqa: S301 - who calls this trusts it; what cloudpickle wrote, pickle reads
    artifacts = settings.get("artifacts") or {}
    context = Context({name: os.path.join(folder, entry["path"]) for name, entry in artifacts.items()})
    if hasattr(model, "load_context"):
        model.load_context(context)
    return GenericModel(model, context)


def _load_pyfunc(path: str) -> GenericModel:
    """Load a model folder; MLflow calls this."""
    import yaml

    with open(os.path.join(path, "MLmodel"), encoding="utf-8") as file:
        settings = yaml.safe_load(file)["flavors"]["python_function"]
    return read_model(path, settings)
