"""Keras 3 on TensorFlow, PyTorch and JAX, as `keras` and as `tf.keras`: training and evaluation."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from autotrack.held_out import fitted, predictions
from autotrack.integration import Integration, Patcher, UnsupportedLibraryError
from autotrack.integrations.keras import batches
from autotrack.integrations.keras.callback import AutotrackCallback
from autotrack.integrations.keras.checkpoints import watch_saves
from autotrack.integrations.keras.evaluating import observe_evaluate
from autotrack.integrations.keras.fitting import observe_fit
from autotrack.integrations.keras.predicting import observer_of_predictions

__all__ = ["AutotrackCallback", "Keras"]


class Keras(Integration):
    """Observes what models train on, evaluate and predict."""

    name: ClassVar[str] = "keras"
    requires: ClassVar[str] = "keras>=3.5"

    def install(self, patcher: Patcher, module: ModuleType) -> None:
        """Patch the methods of all models, in the class of the backend that defines them."""
        model = module.Model
        fit = definer(model, "fit")
        patcher.require(vars(fit)["fit"], "x", "y", "batch_size", "callbacks", "validation_data", "validation_split")
        patcher.observe(fit, "fit", observe_fit)
        patcher.observe(definer(model, "evaluate"), "evaluate", observe_evaluate)
        patcher.observe(definer(model, "predict"), "predict", observer_of_predictions(patcher))
        patcher.observe(definer(model, "train_on_batch"), "train_on_batch", batches.observe_train_on_batch)
        watch_saves(patcher, model)

    def uninstall(self) -> None:
        """End the runs of loops, and forget the models that were trained."""
        batches.open_loops.close_all()
        fitted.forget_all()
        predictions.forget_all()


def definer(model: type, method: str) -> type:
    """Return the class that defines a method of models; which one, depends on the backend.

    Raises:
        UnsupportedLibraryError: There is none.
    """
    for kind in model.__mro__:
        if method in vars(kind):
            return kind
    raise UnsupportedLibraryError(f"models have no method {method}")
