"""The flavor of XGBoost models, saved as UBJSON."""

from __future__ import annotations

from autotrack.models.flavors.base import Flavor
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import Snapshot


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
