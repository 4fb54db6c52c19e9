"""The flavor of CatBoost models, saved in CatBoost's binary format."""

from __future__ import annotations

from typing import Any

from autotrack.errors import ModelError
from autotrack.models.flavors.base import Flavor, Predict
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import Snapshot
from autotrack.models.stored import StoredModel

_DATA = "model.cb"
_CLASSES = ("CatBoost", "CatBoostClassifier", "CatBoostRanker", "CatBoostRegressor")


def catboost_flavor(snapshot: Snapshot) -> Flavor:
    """Describe a saved model as `mlflow.catboost` does."""
    return Flavor(
        name="catboost",
        data=_DATA,
        settings={
            "catboost_version": installed_version("catboost"),
            "code": None,
            "data": _DATA,
            "model_type": snapshot.model_class.rpartition(".")[2],
            "save_format": snapshot.format,
        },
        python_function={"loader_module": "mlflow.catboost", "data": _DATA},
        packages=("catboost", "mlflow", "numpy"),
        pickle=False,
    )


def load(model: StoredModel, *, trust: bool) -> Any:  # noqa: ARG001 - no format of CatBoost's holds code
    """Load a model that we or MLflow saved."""
    import catboost

    settings = model.flavors["catboost"]
    if settings["model_type"] not in _CLASSES:
        raise ModelError(f"{model.uri}: CatBoost has no model type {settings['model_type']!r}")
    found = getattr(catboost, settings["model_type"])()
    found.load_model(str(model.file(settings["data"])), settings.get("save_format") or "cbm")
    return found


def predictor(found: Any, model: StoredModel) -> Predict:  # noqa: ARG001 - all flavors are asked alike
    """Return how the model predicts."""
    return lambda data, params: found.predict(data, **params)
