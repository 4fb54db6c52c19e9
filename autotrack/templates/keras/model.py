"""Transform and train: a small network, ended early by the validation rows. It scales its inputs itself."""

from pathlib import Path

import autotrack
import keras
import numpy as np
import pandas as pd

from data import TARGET, features


def train(train: pd.DataFrame, validation: pd.DataFrame, seed: int) -> keras.Model:
    """Fit on the training rows until the validation rows get no better."""
    keras.utils.set_random_seed(seed)
    inputs = features(train).to_numpy(dtype="float32")
    scaling = keras.layers.Normalization()
    scaling.adapt(inputs)
    model = keras.Sequential(
        [
            keras.Input((inputs.shape[1],)),
            scaling,
            keras.layers.Dense(16, activation="relu"),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(0.01), loss="binary_crossentropy", metrics=["accuracy"])
    held_out = features(validation).to_numpy(dtype="float32"), validation[TARGET].to_numpy()
    patience = keras.callbacks.EarlyStopping(patience=5, restore_best_weights=True)
    model.fit(inputs, train[TARGET].to_numpy(), validation_data=held_out, epochs=40, verbose=0, callbacks=[patience])
    return model


def predict_probability(model: keras.Model, rows: pd.DataFrame) -> np.ndarray:
    """Return the probability of the class 1, of shape (rows,)."""
    return model.predict(rows.to_numpy(dtype="float32"), verbose=0)[:, 0]


class Classifier:
    """What the registry keeps: it predicts classes for a table."""

    def __init__(self, network: keras.Model) -> None:
        self.network = network

    def predict(self, model_input: pd.DataFrame) -> np.ndarray:
        """Return the class of each row."""
        return (predict_probability(self.network, features(model_input)) >= 0.5).astype(int)


def log(model: keras.Model, example: pd.DataFrame) -> str:
    """Keep the model with the active run, with the code that it needs; return its URI."""
    code = [Path(__file__), Path(__file__).with_name("data.py")]
    return autotrack.models.log(
        Classifier(model), "classifier", inputs=example, input_example=example.head(), code=code
    )
