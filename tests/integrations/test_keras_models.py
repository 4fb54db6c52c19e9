"""A Keras model is kept as a folder that MLflow loads, generically and as Keras."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest

import autotrack

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # what importing mlflow warns of
]


def saved(model: keras.Model, *data: np.ndarray) -> Path:
    model.compile("adam", "mse", run_eagerly=True)
    autotrack.enable(capture=[], log_system_metrics=False)
    try:
        model.fit(*data, verbose=0)
    finally:
        autotrack.disable()
    (run,) = autotrack.search_runs()
    return run.download("model", "downloaded")


def test_mlflow_loads_the_folder(regression_data: tuple[np.ndarray, np.ndarray]) -> None:
    import mlflow

    X, y = regression_data[0].astype("float32"), regression_data[1]
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)])
    path = saved(model, X, y)
    expected = model.predict(X, verbose=0)
    loaded = mlflow.pyfunc.load_model(str(path))
    np.testing.assert_array_equal(loaded.predict(X), expected)
    assert loaded.metadata.signature.inputs.inputs[0].shape == (-1, 4)
    again = mlflow.keras.load_model(str(path))
    again.fit(X, y, verbose=0)  # with the state of its optimizer
    assert "keras==" in (path / "requirements.txt").read_text()


@keras.saving.register_keras_serializable("tests")
class Doubled(keras.layers.Layer):
    """A layer of the program's own."""

    def call(self, inputs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN201
        return 2 * inputs


def test_a_layer_of_the_programs_own_is_named_in_the_folder(regression_data: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = regression_data[0].astype("float32"), regression_data[1]
    model = keras.Sequential([keras.Input((4,)), Doubled(), keras.layers.Dense(1)])
    path = saved(model, X, y)
    again = keras.saving.load_model(path / "data" / "model.keras")
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
