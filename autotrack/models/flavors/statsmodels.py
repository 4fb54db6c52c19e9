"""The flavor of the results of statsmodels, which are pickles: the library has no other format."""

from __future__ import annotations

import pickle
from typing import Any

from autotrack.models.flavors.base import Flavor, Predict
from autotrack.models.integrity import require_trust
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import Snapshot
from autotrack.models.stored import StoredModel

_DATA = "model.statsmodels"


def statsmodels_flavor(snapshot: Snapshot) -> Flavor:  # noqa: ARG001 - all flavors are described alike
    """Describe saved results as `mlflow.statsmodels` does."""
    return Flavor(
        name="statsmodels",
        data=_DATA,
        settings={"code": None, "data": _DATA, "statsmodels_version": installed_version("statsmodels")},
        python_function={"loader_module": "mlflow.statsmodels", "data": _DATA},
        packages=("mlflow", "numpy", "statsmodels"),
        pickle=True,
    )


def load(model: StoredModel, *, trust: bool) -> Any:
    """Load results that we or MLflow saved.

    Raises:
        UntrustedModelError: They are a pickle, and not trusted.
    """
    data = model.flavors["statsmodels"]["data"]
    require_trust(model, data, "is a pickle", trust=trust)
    with model.file(data).open("rb") as file:
        return pickle.load(file)  # noqa: S301 - the user trusts it


def predictor(found: Any, model: StoredModel) -> Predict:  # noqa: ARG001 - all flavors are asked alike
    """Return how the results predict for new data."""
    return lambda data, params: found.predict(data, **params)
