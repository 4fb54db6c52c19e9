"""The flavor of Keras models, saved in Keras' own `.keras` format, and the signature that Keras knows of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from autotrack.models.flavors.base import Flavor, Predict
from autotrack.models.integrity import require_trust
from autotrack.models.requirements import installed_version
from autotrack.models.snapshot import Snapshot
from autotrack.models.stored import StoredModel

_FOLDER = "data"
_MODULE = f"{_FOLDER}/keras_module.txt"

Tensor = tuple[str, str, Sequence[Any]]
"""Name, type and shape; a size of None is free."""


def keras_flavor(snapshot: Snapshot) -> Flavor:
    """Describe a saved model as `mlflow.keras` does."""
    import keras

    backend = keras.config.backend()
    return Flavor(
        name="keras",
        data=f"{_FOLDER}/model.{snapshot.format}",
        settings={
            "data": _FOLDER,
            "keras_backend": backend,
            "keras_version": installed_version("keras"),
            "save_exported_model": False,
        },
        python_function={"loader_module": "mlflow.keras"},
        packages=("keras", "mlflow", "numpy", backend),
        pickle=False,
        texts={_MODULE: "keras"},
    )


def signature_of_tensors(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> dict[str, Any]:
    """Return the signature of a model that takes and returns tensors.

    Args:
        inputs: What it takes. A single one goes without its name, so that a bare array may be given.
        outputs: What it returns.

    Example:
        >>> signature_of_tensors([("x", "float32", (None, 3))], [("y", "float32", (None, 1))])["inputs"]
        '[{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}]'
    """
    return {"inputs": json.dumps(_specs(inputs)), "outputs": json.dumps(_specs(outputs)), "params": None}


def _specs(tensors: Sequence[Tensor]) -> list[dict[str, Any]]:
    found = []
    for name, dtype, shape in tensors:
        sizes = [-1 if size is None else int(size) for size in shape]
        spec = {"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": sizes}}
        found.append({"name": name, **spec} if len(tensors) > 1 else spec)
    return found


def load(model: StoredModel, *, trust: bool) -> Any:
    """Load a model that we or MLflow saved, not compiled; without trust, layers that hold code are refused.

    Raises:
        UntrustedModelError: It was exported as a TensorFlow program, and is not trusted.
    """
    settings = model.flavors["keras"]
    folder = settings.get("data") or _FOLDER
    if settings.get("save_exported_model"):
        require_trust(model, folder, "holds a TensorFlow program", trust=trust)
        import tensorflow as tf

        return tf.saved_model.load(str(model.file(f"{folder}/model")))
    import keras

    path = model.file(f"{folder}/model.keras")
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=not trust)
    except ValueError as error:
        if trust or "unsafe" not in str(error):
            raise
        require_trust(model, f"{folder}/model.keras", "has layers that hold Python code", trust=trust)
        raise


def predictor(found: Any, model: StoredModel) -> Predict:  # noqa: ARG001 - all flavors are asked alike
    """Return how the model predicts; an exported one has only its `serve`."""
    if not hasattr(found, "predict"):
        return lambda data, params: found.serve(_array(data), **params)
    return lambda data, params: found.predict(_array(data), verbose=0, **params)


def _array(data: Any) -> Any:
    """Return a table as one array; arrays, and dicts of them, stay."""
    return data.to_numpy() if hasattr(data, "iloc") else data
