"""The flavor of CatBoost models, saved in CatBoost's binary format."""

from __future__ import annotations

from autotrack.models.flavors.base import Flavor
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import Snapshot

_DATA = "model.cb"


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
