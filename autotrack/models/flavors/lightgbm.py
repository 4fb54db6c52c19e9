"""The flavor of LightGBM boosters, saved as text, and of its estimators."""

from __future__ import annotations

from typing import Any

from autotrack.models.flavors.base import Flavor, Predict
from autotrack.models.flavors.lightgbm_estimator import read_estimator_text
from autotrack.models.flavors.sklearn import data_file, read_estimator, trusted_types
from autotrack.models.requirements import installed_version
from autotrack.models.skops_file import FORMAT as SKOPS
from autotrack.models.snapshot import CLOUDPICKLE, PICKLE, Snapshot
from autotrack.models.stored import StoredModel

_DATA = "model.lgb"
_ESTIMATOR = "estimator.json"
_BOOSTER = "lightgbm.basic.Booster"


def lightgbm_flavor(snapshot: Snapshot, around: str | None = None) -> Flavor:
    """Describe a saved booster or estimator as `mlflow.lightgbm` does.

    Args:
        snapshot: What was written.
        around: The estimator around a booster, as `write_estimator` returns it. MLflow, which loads the booster, has no
            use for it.
    """
    estimator = snapshot.format in (PICKLE, CLOUDPICKLE, SKOPS)
    data = data_file(snapshot) if estimator else _DATA
    return Flavor(
        name="lightgbm",
        data=data,
        settings={
            "code": None,
            "data": data,
            "lgb_version": installed_version("lightgbm"),
            "model_class": snapshot.model_class,
            "serialization_format": snapshot.format if estimator else None,
            **({"skops_trusted_types": None} | trusted_types(snapshot)),
            **({"estimator": _ESTIMATOR} if around else {}),
        },
        python_function={"loader_module": "mlflow.lightgbm", "data": data},
        packages=("lightgbm", "mlflow", "numpy", *(("scikit-learn",) if estimator or around else ())),
        pickle=snapshot.format in (PICKLE, CLOUDPICKLE),
        texts={_ESTIMATOR: around} if around else {},
    )


def load(model: StoredModel, *, trust: bool) -> Any:
    """Load a booster or estimator that we or MLflow saved; an estimator too whose booster is what MLflow loads.

    Raises:
        UntrustedModelError: It is a pickle, and not trusted.
    """
    settings = model.flavors["lightgbm"]
    if settings.get("model_class", _BOOSTER) != _BOOSTER:
        file_format = settings.get("serialization_format") or "cloudpickle"
        return read_estimator(model, settings["data"], file_format, trust=trust)
    import lightgbm

    booster = lightgbm.Booster(model_file=model.file(settings["data"]))
    around = settings.get("estimator")
    return booster if around is None else read_estimator_text(model.file(around).read_text(), booster)


def predictor(found: Any, model: StoredModel) -> Predict:  # noqa: ARG001 - all flavors are asked alike
    """Return how the model predicts."""
    return lambda data, params: found.predict(data, **params)
