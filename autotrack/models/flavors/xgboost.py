"""The flavor of XGBoost models, saved as UBJSON."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from autotrack.models.flavors.base import Flavor, Predict
from autotrack.models.integrity import require_trust
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import Snapshot
from autotrack.models.stored import StoredModel


def xgboost_flavor(snapshot: Snapshot) -> Flavor:
    """Describe a saved booster or estimator as `mlflow.xgboost` does."""
    data = f"model.{snapshot.format}"
    estimator = not snapshot.model_class.endswith(".Booster")
    return Flavor(
        name="xgboost",
        data=data,
        settings={
            "code": None,
            "data": data,
            "model_class": snapshot.model_class,
            "model_format": snapshot.format,
            "xgb_version": installed_version("xgboost"),
        },
        python_function={"loader_module": "mlflow.xgboost", "data": data},
        packages=("mlflow", "numpy", "xgboost", *(("scikit-learn",) if estimator else ())),
        pickle=False,
    )


def load(model: StoredModel, *, trust: bool) -> Any:
    """Load a booster or estimator that we or MLflow saved.

    Raises:
        UntrustedModelError: Its class is none of XGBoost's own, so making it runs other code, and it is not trusted.
    """
    settings = model.flavors["xgboost"]
    module, _, name = settings.get("model_class", "xgboost.core.Booster").rpartition(".")
    if module.partition(".")[0] != "xgboost":
        require_trust(model, settings["data"], f"is made by {module}.{name}", trust=trust)
    found = getattr(import_module(module), name)()
    found.load_model(model.file(settings["data"]))
    return found


def predictor(found: Any, model: StoredModel) -> Predict:  # noqa: ARG001 - all flavors are asked alike
    """Return how the model predicts; a booster is fed a DMatrix."""
    import xgboost

    if isinstance(found, xgboost.Booster):
        return lambda data, params: found.predict(xgboost.DMatrix(data, enable_categorical=True), **params)
    return lambda data, params: found.predict(data, **params)
