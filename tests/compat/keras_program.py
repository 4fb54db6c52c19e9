"""A session with Keras that tells everything that tracking could change: `python keras_program.py [tracked]`.

Prints JSON. The backend is that of `KERAS_BACKEND`.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tempfile
import warnings
from typing import Any

import numpy as np


def digest(arrays: Any) -> str:
    """Return a digest of the bytes of arrays."""
    return hashlib.sha256(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)).hexdigest()


def program() -> dict[str, Any]:
    """Train, evaluate, predict; return what came of it, and where all random streams stand."""
    import keras

    keras.utils.set_random_seed(11)
    generator = np.random.default_rng(2)
    X = generator.normal(size=(96, 6)).astype("float32")
    y = (X[:, 0] + X[:, 1] > 0).astype(int)
    found: dict[str, Any] = {}
    model = sequential()
    callbacks = [
        keras.callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("loss", patience=1),
        keras.callbacks.ModelCheckpoint(f"{tempfile.mkdtemp()}/best.keras", save_best_only=True),
    ]
    before = list(callbacks)
    history = model.fit(X, y, 16, 4, verbose=0, callbacks=callbacks, validation_data=(X[:40], y[:40]))
    found["history"] = {name: [repr(float(value)) for value in values] for name, values in history.history.items()}
    found["callbacks"] = callbacks == before
    found["evaluate"] = [repr(float(value)) for value in model.evaluate(X, y, verbose=0)]
    found["predict"] = digest([model.predict(X, verbose=0)])
    found["batch"] = [repr(float(value)) for value in model.train_on_batch(X[:16], y[:16])]
    model.fit(X, y, 32, 2, verbose=0, validation_split=0.25)
    own = own_model()
    own.fit(X, y, 32, 2, verbose=0, validation_data=(X, y))
    found["state"] = [
        digest(np.asarray(variable.value) for variable in [*each.variables, *each.optimizer.variables])
        if keras.config.backend() != "torch"
        else digest(variable.value.detach().numpy() for variable in [*each.variables, *each.optimizer.variables])
        for each in (model, own)
    ]
    found["attributes"] = [sorted(vars(model)), sorted(vars(own))]
    found["refused"] = refused(model, X[:, :2], y)
    found["random"] = [random.random(), float(np.random.random()), *draws(keras)]
    return found


def sequential() -> Any:
    """Return a model with everything that has state or draws random numbers."""
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((6,)), layers.Dense(8), layers.BatchNormalization(), layers.Dropout(0.4), layers.Dense(2)]
    )
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.Adam(0.01), loss, metrics=["accuracy"])
    return model


def own_model() -> Any:
    """Return a model of the program's own, with a schedule."""
    import keras

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.inner = keras.layers.Dense(4)
            self.noise = keras.layers.GaussianNoise(0.1)
            self.last = keras.layers.Dense(1, activation="sigmoid")

        def call(self, inputs: Any, training: bool = False) -> Any:
            return self.last(self.noise(self.inner(inputs), training=training))

    own = Own()
    own.compile(keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 6)), "binary_crossentropy")
    return own


def refused(model: Any, X: Any, y: Any) -> list[str]:
    """Return what the model says of data that do not fit."""
    try:
        model.fit(X, y, verbose=0)
    except Exception as error:  # noqa: BLE001 - whichever it is
        return [type(error).__name__, str(error)[:60], repr(error.__cause__), repr(error.__context__)]
    raise AssertionError("the data were accepted")


def draws(keras: Any) -> list[float]:
    """Return the next numbers of the backend's own streams."""
    found = [float(keras.random.uniform(()))]
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        found.append(float(tf.random.uniform(())))
    if keras.config.backend() == "torch":
        import torch

        found.append(float(torch.rand(())))
    return found


def main() -> None:
    """Run the program, tracked if asked to."""
    import autotrack

    loaded = "tensorflow" in sys.modules
    if sys.argv[1:] == ["tracked"]:
        autotrack.enable(to="memory://program", log_system_metrics=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = program()
    found["warnings"] = sorted({f"{each.category.__name__}: {str(each.message)[:80]}" for each in caught})
    found["tensorflow"] = [loaded, "tensorflow" in sys.modules]
    runs = []
    if sys.argv[1:] == ["tracked"]:
        from autotrack.testing import MemoryBackend

        autotrack.disable()
        runs = [
            [
                run.status,
                run.params.get("backend"),
                sorted(run.metrics),
                [model.name for model in run.models],
                [f"{note.code}: {note.message}" for note in run.notes],
            ]
            for run in MemoryBackend.named("program").runs
        ]
    print(json.dumps({"found": found, "runs": runs}))


if __name__ == "__main__":
    main()
