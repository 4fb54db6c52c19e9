"""The flavor of LightGBM boosters, saved as text."""

from __future__ import annotations

from typing import Any

from autotrack.models.flavors.base import Flavor, Predict
from autotrack.models.flavors.sklearn import read_estimator
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import Snapshot
from autotrack.models.stored import StoredModel

_DATA = "model.lgb"
_BOOSTER = "lightgbm.basic.Booster"


def lightgbm_flavor(snapshot: Snapshot) -> Flavor:
    """Describe a saved booster as `mlflow.lightgbm` does."""
    return Flavor(
        name="lightgbm",
        data=_DATA,
        settings={
            "code": None,
            "data": _DATA,
            "lgb_version": installed_version("lightgbm"),
            "model_class": snapshot.model_class,
            "serialization_format": None,
            "skops_trusted_types": None,
        },
        python_function={"loader_module": "mlflow.lightgbm", "data": _DATA},
        packages=("lightgbm", "mlflow", "numpy"),
        pickle=False,
    )


def load(model: StoredModel, *, trust: bool) -> Any:
    """Load a booster or estimator that we or MLflow saved.

    Raises:
        UntrustedModelError: It is a pickle, and not trusted.
    """
    settings = model.flavors["lightgbm"]
    if settings.get("model_class", _BOOSTER) != _BOOSTER:
        file_format = settings.get("serialization_format") or "cloudpickle"
        return read_estimator(model, settings["data"], file_format, trust=trust)
    import lightgbm

    return lightgbm.Booster(model_file=model.file(settings["data"]))


def predictor(found: Any, model: StoredModel) -> Predict:  # noqa: ARG001 - all flavors are asked alike
    """Return how the model predicts."""
    return lambda data, params: found.predict(data, **params)
