"""The flavor of scikit-learn estimators and of everything that follows their interface, saved as a pickle."""

from __future__ import annotations

from autotrack.models.flavors.base import Flavor
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import Snapshot

_DATA = "model.pkl"


def sklearn_flavor(snapshot: Snapshot) -> Flavor:
    """Describe a pickled estimator as `mlflow.sklearn` does.

    An estimator without `predict` (a scaler, DBSCAN) gets no generic python_function: MLflow's could not call it.

    Args:
        snapshot: The estimator's pickle.

    Returns:
        The flavor; its packages are scikit-learn with the compiled parts a pickle depends on, and MLflow, whose
        module loads it.
    """
    generic = {"loader_module": "mlflow.sklearn", "model_path": _DATA, "predict_fn": "predict"}
    return Flavor(
        name="sklearn",
        data=_DATA,
        settings={
            "code": None,
            "pickled_model": _DATA,
            "serialization_format": snapshot.format,
            "sklearn_version": installed_version("scikit-learn"),
        },
        python_function=generic if snapshot.predicts else None,
        packages=("mlflow", "numpy", "scikit-learn", "scipy"),
        pickle=True,
    )
