"""Models that are Python code: a class of the user's with `predict`, or a loader module in the folder's code files.

Both run code by nature, so all of them need trust. Any flavor of MLflow's that we have no module for is read here too,
through its own loader, where MLflow is installed.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

from autotrack.errors import UnsupportedValueError
from autotrack.models.flavors import python_loader
from autotrack.models.flavors.base import Flavor, Predict
from autotrack.models.integrity import require_trust
from autotrack.models.mlmodel import MLMODEL_FILE
from autotrack.models.requirements import installed_version
from autotrack.models.stored import PYTHON_FUNCTION, StoredModel

CODE = "code"
ARTIFACTS = "artifacts"
_DATA = "python_model.pkl"


def python_flavor(artifacts: Mapping[str, Path]) -> Flavor:
    """Describe a custom model, so that MLflow's python_function loads it without autotrack.

    Args:
        artifacts: Its files by name, where they lie in the folder.
    """
    settings = {
        "artifacts": {name: {"path": path.as_posix(), "uri": path.as_posix()} for name, path in artifacts.items()},
        "cloudpickle_version": installed_version("cloudpickle"),
        "code": CODE,
        "loader_module": python_loader.MODULE,
        "python_model": _DATA,
        "streamable": False,
    }
    loader = Path(python_loader.__file__).read_text(encoding="utf-8")
    return Flavor(
        name=PYTHON_FUNCTION,
        data=_DATA,
        settings={},
        python_function=settings,
        packages=("cloudpickle", "mlflow"),
        pickle=True,
        texts={f"{CODE}/{python_loader.MODULE}.py": loader},
    )


def with_code(flavor: Flavor) -> Flavor:
    """Say in a flavor's settings that code files lie beside it, where MLflow and we look for them."""
    generic = flavor.python_function
    return msgspec.structs.replace(
        flavor,
        settings={**flavor.settings, CODE: CODE} if flavor.settings else {},
        python_function=None if generic is None else {**generic, CODE: CODE},
    )


def check_custom(model: object) -> None:
    """See that an object can serve as a custom model.

    Raises:
        UnsupportedValueError: It is a class instead of an object, or has no method `predict` that takes an input.
    """
    if isinstance(model, type):
        raise UnsupportedValueError(f"{model.__qualname__} is a class; give an object of it, {model.__qualname__}(...)")
    predict = getattr(model, "predict", None)
    if not callable(predict):
        kind = f"{type(model).__module__}.{type(model).__qualname__}"
        raise UnsupportedValueError(
            f"cannot save a {kind}: it is of no library that autotrack knows, and has no method "
            "predict(context, model_input) or predict(model_input), as a custom model has"
        )
    given = [name for name in inspect.signature(predict).parameters if name not in {"context", "params"}]
    if not given:
        raise UnsupportedValueError(f"{type(model).__qualname__}.predict takes no input")


def load(model: StoredModel, *, trust: bool) -> Any:
    """Load a custom model, or what its loader module makes of it.

    Raises:
        UntrustedModelError: It is not trusted.
    """
    settings = model.generic
    require_trust(model, settings.get("python_model") or MLMODEL_FILE, _reason(settings), trust=trust)
    if "python_model" in settings and not settings.get("python_model_compression"):
        model.file(settings["python_model"])
        return python_loader.read_model(str(model.path), settings)
    data = model.file(settings["data"]) if settings.get("data") else model.path
    return import_module(settings["loader_module"])._load_pyfunc(str(data))  # noqa: SLF001 - the format's own name


def _reason(settings: dict[str, Any]) -> str:
    if "python_model" in settings:
        return "is a pickle of a Python object"
    return f"names the loader {settings['loader_module']!r}, which is code"


def native(found: Any) -> Any:
    """Return the user's own object."""
    return found.model if isinstance(found, python_loader.GenericModel) else found


def predictor(found: Any, model: StoredModel) -> Predict:  # noqa: ARG001 - all flavors are asked alike
    """Return how the model predicts: with parameters, where its `predict` takes them."""
    takes_params = "params" in inspect.signature(found.predict).parameters
    return lambda data, params: found.predict(data, **({"params": params} if takes_params else {}))
