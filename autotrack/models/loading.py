"""Load a stored model: as the native object of its library, with code only where the user trusts it."""

from __future__ import annotations

import os
from importlib import import_module
from typing import Any, Protocol, cast

from autotrack.errors import ModelError
from autotrack.models.code_files import code_on_path
from autotrack.models.flavors.base import Predict
from autotrack.models.flavors.python_function import native
from autotrack.models.integrity import require_trust, verify
from autotrack.models.stored import PYTHON_FUNCTION, StoredModel, open_model

FLAVORS = ("sklearn", "xgboost", "lightgbm", "catboost", "keras", "pytorch", "statsmodels", "spark", PYTHON_FUNCTION)
"""The flavors we read, each in the module of its name in `flavors`; of several in one model, the first one counts."""


class ReadableFlavor(Protocol):
    """What the module of a flavor offers for reading."""

    def load(self, model: StoredModel, *, trust: bool) -> Any:
        """Return the native model."""

    def predictor(self, found: Any, model: StoredModel) -> Predict:
        """Return how the native model predicts."""


def load(uri: str | os.PathLike[str] | StoredModel, *, trust: bool = False) -> Any:
    """Load a model as its library knows it: an estimator, a booster, a network, your own class.

    Its files are compared with the hashes taken when it was saved, first. Nothing that could run code from the file is
    read without `trust`. Models that MLflow 3 saved are read as well.

    Args:
        uri: `runs:/<run>/<name>`, `models:/<name>/<version or stage>`, `models:/<name>@<alias>`, or a path.
        trust: Load also what runs code: pickles, models with code files, modules of PyTorch. Default: False.

    Returns:
        The native model.

    Raises:
        ModelError: There is no such model, or none of its flavors can be read here.
        TamperedModelError: Its files are not those that were saved.
        UntrustedModelError: Loading would run code, and `trust` is not given; the message shows hash and origin.

    Example:
        >>> import autotrack
        >>> model = autotrack.models.load("runs:/@last/model")  # doctest: +SKIP
    """
    return native(load_found(open_model(uri), trust=trust)[0])


def load_found(model: StoredModel, *, trust: bool) -> tuple[Any, ReadableFlavor]:
    """Check and load a model; return what its flavor read, and the flavor."""
    verify(model)
    name = _flavor_of(model)
    flavor = cast("ReadableFlavor", import_module(f"autotrack.models.flavors.{name}"))
    code = model.flavors[name].get("code")
    if code and name != PYTHON_FUNCTION:  # which says more about what it would run
        require_trust(model, code, "holds Python modules", trust=trust)
    try:
        with code_on_path(model, code):
            return flavor.load(model, trust=trust), flavor
    except ModuleNotFoundError as error:
        raise ModelError(
            f"{model.uri} needs the module {error.name!r}, which is not installed here. "
            f"Its environment is listed in {model.path / 'requirements.txt'}; `autotrack models env` makes it"
        ) from error
    except KeyError as error:
        raise ModelError(f"{model.uri}: its MLmodel page lacks the setting {error}") from error


def _flavor_of(model: StoredModel) -> str:
    for name in FLAVORS:
        if name in model.flavors:
            return name
    raise ModelError(f"{model.uri} has the flavors {', '.join(model.flavors)}; autotrack reads {', '.join(FLAVORS)}")
