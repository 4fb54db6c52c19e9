"""The flavor of scikit-learn estimators and of everything that follows their interface, saved as a pickle."""

from __future__ import annotations

import pickle
from typing import Any

from autotrack.errors import ModelError
from autotrack.models.flavors.base import Flavor, Predict
from autotrack.models.integrity import require_trust
from autotrack.models.requirements import installed_version
from autotrack.models.skops_file import FORMAT as SKOPS
from autotrack.models.skops_file import read_skops, read_skops_trusted
from autotrack.models.snapshot import Snapshot
from autotrack.models.stored import StoredModel


def sklearn_flavor(snapshot: Snapshot) -> Flavor:
    """Describe a saved estimator as `mlflow.sklearn` does.

    An estimator without `predict` (a scaler, DBSCAN) gets no generic python_function: MLflow's could not call it.

    Args:
        snapshot: The estimator's pickle, or a skops file.

    Returns:
        The flavor; its packages are scikit-learn with the compiled parts a pickle depends on, and MLflow, whose
        module loads it.
    """
    data = data_file(snapshot)
    generic = {"loader_module": "mlflow.sklearn", "model_path": data, "predict_fn": "predict"}
    return Flavor(
        name="sklearn",
        data=data,
        settings={
            "code": None,
            "pickled_model": data,
            "serialization_format": snapshot.format,
            "sklearn_version": installed_version("scikit-learn"),
            **trusted_types(snapshot),
        },
        python_function=generic if snapshot.predicts else None,
        packages=("mlflow", "numpy", "scikit-learn", "scipy"),
        pickle=snapshot.format != SKOPS,
    )


def data_file(snapshot: Snapshot) -> str:
    """Return the name of the file with an estimator, by its format."""
    return "model.skops" if snapshot.format == SKOPS else "model.pkl"


def trusted_types(snapshot: Snapshot) -> dict[str, list[str]]:
    """Return the setting that tells MLflow which types a skops file may build; for us, our own list counts."""
    return {"skops_trusted_types": list(snapshot.needed_types)} if snapshot.format == SKOPS else {}


def load(model: StoredModel, *, trust: bool) -> Any:
    """Load an estimator that we or MLflow saved.

    Raises:
        UntrustedModelError: It is a pickle, or a skops file with types of its own, and not trusted.
    """
    settings = model.flavors["sklearn"]
    data = settings["pickled_model"]
    return read_estimator(model, data, settings.get("serialization_format", "pickle"), trust=trust)


def read_estimator(model: StoredModel, data: str, file_format: str, *, trust: bool) -> Any:
    """Read a file with an estimator in one of the formats that MLflow knows, too."""
    if file_format == SKOPS:
        return read_skops_trusted(model.file(data)) if trust else read_skops(model.file(data), model.uri)
    require_trust(model, data, "is a pickle", trust=trust)
    with model.file(data).open("rb") as file:
        return pickle.load(file)  # noqa: S301 - the user trusts it; what cloudpickle wrote, pickle reads


def predictor(estimator: Any, model: StoredModel) -> Predict:
    """Return how the estimator predicts: with the method that MLmodel names, `predict` where it names none."""
    name = model.generic.get("predict_fn", "predict")
    method = getattr(estimator, name, None)
    if method is None:
        raise ModelError(f"{model.uri}: {type(estimator).__name__} has no method {name!r}; load() returns it as it is")
    return lambda data, params: method(data, **params)
