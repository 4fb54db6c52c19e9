"""What tracking adds to an epoch of Keras: autotrack beside MLflow, W&B offline, the TensorBoard callback and nothing.

    python benchmarks/keras_epochs.py [--rounds 7] [--epochs 20]

A small MLP on 1,500 rows, 20 epochs a training. In one process all of them train the same compiled model in turn, round
after round, so that a machine that slows down slows all of them down. What a tracker adds is the difference to the bare
training of the same round; the median of all rounds is printed, by the clock and by the processor time of the training
thread. Everything a tracker does by default is on: autotrack evaluates the validation data and saves the model, MLflow
saves the model. What they do in the background after a training is waited for, and not counted.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ["AUTOTRACK_TESTING"] = "0"

TRACKERS = ("bare", "autotrack", "autotrack, epochs only", "TensorBoard", "W&B offline", "MLflow")


def main() -> None:
    """Train in turn and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--epochs", type=int, default=20)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        os.chdir(directory)
        os.environ["MLFLOW_TRACKING_URI"] = f"sqlite:///{directory}/mlflow.db"
        train = make_training(options.epochs)
        for tracker in TRACKERS:  # what is imported and connected at the first training does not count
            measure(tracker, train)
        rounds = [{tracker: measure(tracker, train) for tracker in TRACKERS} for _ in range(options.rounds)]
        os.chdir("/")
    print_table(rounds, options.epochs)


def make_training(epochs: int) -> Callable[[list[Any]], None]:
    """Return a function that trains the model with some callbacks."""
    import keras
    import numpy as np

    generator = np.random.default_rng(0)
    X = generator.normal(size=(1500, 64)).astype("float32")
    y = generator.integers(0, 10, 1500)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((64,)), layers.Dense(64, "relu"), layers.Dropout(0.2), layers.Dense(10, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])

    def train(callbacks: list[Any]) -> None:
        model.fit(X, y, epochs=epochs, verbose=0, validation_data=(X[:300], y[:300]), callbacks=callbacks)

    return train


def measure(tracker: str, train: Callable[[list[Any]], None]) -> tuple[float, float]:
    """Return the seconds of one training, by the clock and of the thread's processor time."""
    callbacks, stop = switch_on(tracker)
    clock, processor = time.perf_counter(), time.thread_time()
    train(callbacks)
    found = time.perf_counter() - clock, time.thread_time() - processor
    stop()
    return found


def switch_on(tracker: str) -> tuple[list[Any], Callable[[], Any]]:
    """Switch a tracker on; return the callbacks it wants and what ends it."""
    if tracker.startswith("autotrack"):
        import autotrack

        everything = tracker == "autotrack"
        autotrack.enable(only=["keras"], log_models=everything, log_evaluation=everything)
        return [], autotrack.disable
    if tracker == "MLflow":
        import mlflow

        logging.getLogger("mlflow").setLevel(logging.ERROR)
        mlflow.tensorflow.autolog(silent=True)

        def stop() -> None:
            mlflow.flush_async_logging()
            mlflow.tensorflow.autolog(disable=True, silent=True)

        return [], stop
    if tracker == "W&B offline":
        import wandb
        from wandb.integration.keras import WandbMetricsLogger

        run = wandb.init(mode="offline", dir=".", settings=wandb.Settings(silent=True))
        return [WandbMetricsLogger()], run.finish
    if tracker == "TensorBoard":
        import keras

        return [keras.callbacks.TensorBoard(tempfile.mkdtemp(dir="."))], lambda: None
    return [], lambda: None


def print_table(rounds: list[dict[str, tuple[float, float]]], epochs: int) -> None:
    """Print what each tracker adds to an epoch, by the clock and by processor time."""
    bare = [statistics.median(found["bare"][kind] for found in rounds) / epochs * 1e3 for kind in (0, 1)]
    print(f"bare: {bare[0]:.1f} ms an epoch, {bare[1]:.1f} ms of the thread's processor time")
    print(f"{'':24}{'adds ms an epoch':>18}{'of bare':>9}{'adds processor ms':>20}{'of bare':>9}")
    for tracker in TRACKERS[1:]:
        added = [
            statistics.median(found[tracker][kind] - found["bare"][kind] for found in rounds) / epochs * 1e3
            for kind in (0, 1)
        ]
        shares = [f"{value / whole:9.1%}" for value, whole in zip(added, bare, strict=True)]
        print(f"{tracker:24}{added[0]:18.2f}{shares[0]}{added[1]:20.2f}{shares[1]}")


if __name__ == "__main__":
    main()
