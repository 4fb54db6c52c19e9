"""Keras keeps what every integration promises."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import pytest

from autotrack.integrations.keras import definer
from autotrack.testing import IntegrationContract

generator = np.random.default_rng(5)
X = generator.normal(size=(40, 4)).astype("float32")
y = (X[:, 0] > 0).astype(int)
# What Keras 3.15 says with and without us.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


def model() -> Any:
    layers = [
        keras.Input((4,)),
        keras.layers.Dense(4, "relu", kernel_initializer=keras.initializers.GlorotUniform(seed=1), name="first"),
        keras.layers.Dropout(0.3, seed=2),
        keras.layers.Dense(1, "sigmoid", kernel_initializer=keras.initializers.GlorotUniform(seed=3), name="last"),
    ]
    made = keras.Sequential(layers, name="small")
    made.compile("adam", "binary_crossentropy", metrics=["accuracy"], run_eagerly=True)
    return made


class TestKeras(IntegrationContract):
    name = "keras"
    module = "keras"

    def train(self) -> Any:
        trained = model()
        trained.fit(X, y, 20, 2, verbose=0, shuffle=False, validation_data=(X[:20], y[:20]))
        return trained

    def train_badly(self) -> Any:
        return model().fit(X[:, :3], y, verbose=0)

    def train_nested(self) -> Any:
        inner = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: self.train())
        trained = model()
        trained.fit(X, y, 20, 1, verbose=0, callbacks=[inner])
        return trained

    def outcome(self, trained: Any) -> bytes:
        weights = b"".join(np.asarray(variable.value).tobytes() for variable in trained.variables)
        optimizer = b"".join(np.asarray(variable.value).tobytes() for variable in trained.optimizer.variables)
        return weights + optimizer + bytes(repr(trained.history.history), "ascii")

    def functions(self) -> Sequence[tuple[Any, str]]:
        trainer = definer(keras.Model, "fit")
        methods = ("fit", "evaluate", "predict", "train_on_batch")
        return [*((trainer, method) for method in methods), (keras.Model, "save"), (keras.Model, "save_weights")]
