"""The flavor of LightGBM boosters, saved as text."""

from __future__ import annotations

from autotrack.models.flavors.base import Flavor
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import Snapshot

_DATA = "model.lgb"


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
