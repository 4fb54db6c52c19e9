"""Keras fed by arrays, by a generator and by `tf.data`, each batch counted."""

from collections.abc import Iterator

import keras
import numpy as np
import tensorflow as tf

keras.utils.set_random_seed(0)
X = np.random.normal(size=(96, 4)).astype("float32")
y = (X[:, 0] > 0).astype("int32")


def build() -> keras.Model:
    """Return a small network."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(8), keras.layers.Dropout(0.3), keras.layers.Dense(2)]
    )
    model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


def batches() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield batches without end."""
    while True:
        for at in range(0, 96, 32):
            yield X[at : at + 32], y[at : at + 32]


arrays = build()
from_arrays = arrays.fit(X, y, 32, 2, verbose=0, validation_split=0.25).history
generated = build()
from_generator = generated.fit(counted(batches()), steps_per_epoch=3, epochs=2, verbose=2).history  # type: ignore[name-defined]  # noqa: F821
piped = build()
from_pipeline = piped.fit(tf.data.Dataset.from_tensor_slices((X, y)).batch(32), epochs=2, verbose=0).history
weights = [each.get_weights() for each in (arrays, generated, piped)]
predicted = arrays.predict(X, verbose=0)
del arrays, generated, piped
