"""Raise at lines of ours that run on the user's thread around Keras, one at a time: the program must not notice.

Every fifth line, because a session with Keras takes a second or more under a tracer.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from fault_tracing import FaultTracer

import autotrack

HERE = str(Path(autotrack.__file__).parent / "integrations" / "keras")
THERE = str((Path(autotrack.__file__).parent / "integrations").resolve() / "keras")
EVERY = 5
# What Keras 3.15 says with and without us.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"
)


class Program:
    """What a user does with one model, over and over, always from the same state."""

    def __init__(self) -> None:
        self.X = np.random.default_rng(5).normal(size=(40, 4)).astype("float32")
        self.y = (self.X[:, 0] > 0).astype(int)
        self.X_test, self.y_test = self.X[:20].copy(), self.y[:20].copy()
        layers = [keras.Input((4,)), keras.layers.Dropout(0.3, seed=2), keras.layers.Dense(1, "sigmoid")]
        self.model = keras.Sequential(layers, name="small")
        self.model.compile("sgd", "binary_crossentropy")
        self.run()
        self.state = [np.array(variable.numpy()) for variable in self.variables()]

    def variables(self) -> list[Any]:
        return [*self.model.variables, *self.model.optimizer.variables]

    def fresh(self) -> list[Any]:
        for variable, value in zip(self.variables(), self.state, strict=True):
            variable.assign(value)
        np.random.seed(3)
        return self.run()

    def run(self) -> list[Any]:
        stopping = keras.callbacks.EarlyStopping("loss", patience=1, restore_best_weights=True)
        options = {"verbose": 0, "shuffle": False, "callbacks": [stopping]}
        history = self.model.fit(self.X, self.y, 20, 2, validation_data=(self.X_test, self.y_test), **options)
        found = [history.history, self.model.evaluate(self.X_test, self.y_test, verbose=0)]
        found += [self.model.predict(self.X_test, verbose=0).tobytes(), self.model.train_on_batch(self.X, self.y)]
        try:
            self.model.fit(self.X, self.y[:3], verbose=0)
        except ValueError as error:
            found.append((str(error), error.__context__, error.__cause__))
        found.append([np.array(variable.numpy()).tobytes() for variable in self.variables()])
        return [*found, float(np.random.random())]


@pytest.fixture
def tracked(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AUTOTRACK_TESTING", "0")
    name = f"memory://{os.urandom(4).hex()}"
    autotrack.enable(to=name, only=["keras"], log_system_metrics=False, capture=[], log_level="error")
    yield
    autotrack.disable()


@pytest.mark.slow
def test_a_fault_at_some_lines_is_never_seen(request: pytest.FixtureRequest) -> None:
    program = Program()
    bare = program.fresh()
    request.getfixturevalue("tracked")
    assert program.fresh() == bare
    FaultTracer(program.fresh, (HERE, THERE)).inject(EVERY)
