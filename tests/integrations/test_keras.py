"""What is recorded of Keras."""

from __future__ import annotations

import copy
import gc
import json
import pickle
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

import autotrack
from autotrack.integrations.keras import AutotrackCallback
from autotrack.recording import close_recorder
from autotrack.records import FAILED, FINISHED, INTERRUPTED
from autotrack.testing import MemoryBackend

Arrays = tuple[np.ndarray, np.ndarray]
pytestmark = [
    # What Keras 3.15 says with and without us.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:`shuffle=True` was passed, but will be ignored:UserWarning"),
]


@pytest.fixture
def data(multiclass_data: Arrays) -> Arrays:
    X, y = multiclass_data
    return X.astype("float32"), y


def classifier(*, eager: bool = True, **options: Any) -> Any:
    keras.utils.set_random_seed(3)
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(5, activation="relu"),
            keras.layers.Dropout(0.2),
            keras.layers.Dense(3, activation="softmax"),
        ],
        name="small",
    )
    settings = {"optimizer": "adam", "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], **options}
    model.compile(run_eagerly=eager, **settings)
    return model


def regressor(loss: Any = "mse", outputs: int = 1, **options: Any) -> Any:
    keras.utils.set_random_seed(3)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(outputs)], name="line")
    model.compile("sgd", loss, run_eagerly=True, **options)
    return model


def codes(run: Any) -> list[str]:
    return [note.code for note in run.notes]


def test_a_training_is_recorded_as_a_whole(recorded: Any, data: Arrays) -> None:
    X, y = data
    model = classifier(eager=False)
    history = model.fit(X, y, 16, 3, verbose=0, validation_data=(X[:20], y[:20]))
    run = recorded.only
    assert (run.name, run.source, run.status) == ("small", "keras", FINISHED)
    assert run.tags["mlflow.autologging"] == "keras"
    assert {
        key: run.params[key] for key in ("batch_size", "epochs", "shuffle", "initial_epoch", "steps_per_epoch")
    } == {
        "batch_size": 16,
        "epochs": 3,
        "shuffle": True,
        "initial_epoch": 0,
        "steps_per_epoch": None,
    }
    assert run.params["optimizer_name"] == "adam"
    assert run.params["optimizer_learning_rate"] == 0.001
    assert run.params["loss"] == "sparse_categorical_crossentropy"
    assert run.params["metrics"] == ["accuracy"]
    assert (run.params["n_layers"], run.params["n_params"]) == (3, model.count_params())
    for name, values in history.history.items():
        assert run.metrics[name] == list(enumerate(values))
    assert [step for step, _ in run.metrics["epoch_seconds"]] == [0, 1, 2]
    assert all(value > 0 for _, value in run.metrics["samples_per_second"])
    assert run.metrics["learning_rate"] == [(epoch, pytest.approx(0.001)) for epoch in range(3)]
    assert {"model_summary.txt", "model/MLmodel", "model/data/model.keras"} <= set(run.artifacts)
    assert [(found.name, found.context, found.profile["num_rows"]) for found in run.datasets] == [
        ("training", "train", 60),
        ("validation", "validation", 20),
    ]
    assert run.notes == []


def test_validation_data_are_evaluated_as_predict_would(recorded: Any, data: Arrays) -> None:
    X, y = data
    model = classifier()
    model.fit(X, y, 10, 2, verbose=0, validation_data=(X[:20], y[:20]))
    run = recorded.only
    with autotrack.paused():
        scores = model.predict(X[:20], verbose=0).astype(float)
    scores /= scores.sum(axis=1, keepdims=True)
    assert run.last("validation_accuracy_score") == accuracy_score(y[:20], scores.argmax(axis=1))
    assert run.last("validation_log_loss") == pytest.approx(log_loss(y[:20], scores, labels=[0, 1, 2]), 1e-5)
    assert run.evaluations["validation"]["n_rows"] == 20


@pytest.mark.parametrize("logits", [False, True])
def test_binary_outputs_are_scores(recorded: Any, binary_data: Arrays, logits: bool) -> None:
    X, y = binary_data
    model = regressor(keras.losses.BinaryCrossentropy(from_logits=True))
    if not logits:
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1, activation="sigmoid")])
        model.compile("sgd", "binary_crossentropy", run_eagerly=True)
    model.fit(X, y, 10, verbose=0, validation_split=0.5)
    with autotrack.paused():
        scores = model.predict(X[30:], verbose=0)
    run = recorded.only
    assert run.last("validation_roc_auc") == pytest.approx(roc_auc_score(y[30:], scores), abs=1e-6)
    assert run.evaluations["validation"]["task"] == "binary"
    assert [found.profile["num_rows"] for found in run.datasets] == [30, 30]


def test_values_and_labels_are_known_by_the_loss(recorded: Any, regression_data: Arrays) -> None:
    X, y = regression_data
    regressor("mae").fit(X, y, 10, verbose=0, validation_data=(X, y))
    regressor("mse", 2).fit(X, np.c_[y, y], 10, verbose=0, validation_data=(X, np.c_[y, y]))
    regressor(keras.losses.BinaryCrossentropy(from_logits=True), 2).fit(
        X, X[:, :2] > 0, 10, verbose=0, validation_split=0.3
    )
    regressor(lambda truth, guess: keras.ops.mean(keras.ops.abs(truth - guess))).fit(
        X, y, verbose=0, validation_data=(X, y)
    )
    tasks = [run.evaluations.get("validation", {}).get("task") for run in recorded.roots]
    assert tasks == ["regression", "multioutput_regression", "multilabel", None]
    assert "it is not known what outputs mean" in recorded.roots[3].notes[0].message


@pytest.mark.parametrize("given", ["none", "empty", "list", "tuple", "one", "list of the user's own making"])
def test_callbacks_stay_the_users(recorded: Any, data: Arrays, given: str) -> None:
    X, y = data
    called = []
    own = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: called.append((epoch, sorted(logs))))
    model = classifier()
    callbacks: Any = {"none": None, "empty": [], "list": [own], "tuple": (own,), "one": own}.get(given)
    if given.startswith("list of"):
        callbacks = keras.callbacks.CallbackList([own], add_history=True, model=model, epochs=2, steps=2)
    before = list(callbacks) if isinstance(callbacks, (list, tuple)) else callbacks
    for _ in range(2):
        model.fit(X, y, epochs=2, verbose=0, callbacks=callbacks)
    assert (list(callbacks) if isinstance(callbacks, (list, tuple)) else callbacks) == before
    assert called == ([] if given in {"none", "empty"} else [(0, ["accuracy", "loss"]), (1, ["accuracy", "loss"])] * 2)
    assert [run.status for run in recorded.roots] == [FINISHED] * 2
    for run in recorded.roots:
        assert [step for step, _ in run.metrics["loss"]] == [0, 1]
        assert codes(run) == []
    assert recorded.roots[1].tags["autotrack.continued_from"] == recorded.roots[0].id


def test_early_stopping_and_checkpoints(recorded: Any, data: Arrays, tmp_path: Path) -> None:
    X, y = data
    stopping = keras.callbacks.EarlyStopping("loss", mode="max", patience=1, restore_best_weights=True)
    saving = keras.callbacks.ModelCheckpoint(str(tmp_path / "{epoch:02d}.weights.h5"), save_weights_only=True)
    last = keras.callbacks.ModelCheckpoint(tmp_path / "last.keras")
    history = classifier().fit(X, y, epochs=9, verbose=0, callbacks=[stopping, saving, last])
    run = recorded.only
    assert run.params["callbacks"] == ["EarlyStopping", "ModelCheckpoint", "ModelCheckpoint"]
    assert (run.params["monitor"], run.params["patience"], run.params["restore_best_weights"]) == ("loss", 1, True)
    assert run.last("stopped_epoch") == stopping.stopped_epoch == history.epoch[-1]
    assert run.last("restored_epoch") == stopping.best_epoch
    assert run.metrics["loss"][-1] == (history.epoch[-1] + 1, history.history["loss"][stopping.best_epoch])
    assert {"checkpoints/01.weights.h5", "checkpoints/last.keras"} <= set(run.artifacts)
    assert codes(run) == []


def test_checkpoints_are_listed_with_their_epochs(data: Arrays, tmp_path: Path) -> None:
    X, y = data
    autotrack.enable(capture=[], log_system_metrics=False, log_models=False)
    try:
        classifier().fit(X, y, epochs=2, verbose=0, callbacks=[keras.callbacks.ModelCheckpoint(tmp_path / "m.keras")])
    finally:
        autotrack.disable()
    (run,) = autotrack.search_runs()
    table = json.loads(run.download("checkpoints.json", tmp_path / "downloaded").read_text())["checkpoints"]
    assert [(Path(row["path"]).name, row["epochs"]) for row in table] == [("m.keras", [0, 1])]
    assert not [path for path in run.artifacts() if "m.keras" in str(path) or "MLmodel" in str(path)]


def test_the_learning_rate_of_each_epoch(recorded: Any, data: Arrays) -> None:
    X, y = data
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    classifier(optimizer=keras.optimizers.SGD(schedule)).fit(X, y, 30, 3, verbose=0)
    reduced = keras.callbacks.LearningRateScheduler(lambda epoch: 0.5 / (epoch + 1))
    classifier(optimizer="sgd").fit(X, y, 30, 2, verbose=0, callbacks=[reduced])
    by_schedule, by_callback = recorded.roots
    assert sorted(by_schedule.metrics["learning_rate"]) == [
        (0, pytest.approx(0.05)),
        (1, pytest.approx(0.025)),
        (2, pytest.approx(0.0125)),
    ]
    assert by_schedule.params["optimizer_learning_rate"]["class_name"] == "ExponentialDecay"
    assert by_callback.metrics["learning_rate"] == [(0, 0.5), (1, 0.25)]


def test_batches_on_request(data: Arrays) -> None:
    X, y = data
    name = "memory://keras-batches"
    autotrack.enable(to=name, capture=[], log_system_metrics=False, log_every_n_steps=2)
    classifier().fit(X, y, 10, 2, verbose=0)
    autotrack.disable()
    (run,) = MemoryBackend.named("keras-batches").runs
    assert [step for step, _ in run.metrics["batch/loss"]] == [2, 4, 6, 8, 10, 12]
    assert [step for step, _ in run.metrics["loss"]] == [0, 1]


def test_steps_count_from_the_initial_epoch(recorded: Any, data: Arrays) -> None:
    model = classifier()
    model.fit(*data, epochs=5, initial_epoch=3, verbose=0)
    assert [step for step, _ in recorded.only.metrics["loss"]] == [3, 4]


class Counted:
    """A generator function's generator that counts what is taken from it."""

    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        self.taken = 0
        self._data = X, y

    def __iter__(self) -> Iterator[Arrays]:
        return self

    def __next__(self) -> Arrays:
        self.taken += 1
        return self._data[0][:10], self._data[1][:10]


def batches(X: np.ndarray, y: np.ndarray) -> Iterator[Arrays]:
    while True:
        yield X[:10], y[:10]


def pipeline(X: np.ndarray, y: np.ndarray) -> Any:
    return tf.data.Dataset.from_tensor_slices((X, y)).batch(10)


class Sequence(keras.utils.PyDataset):
    def __init__(self, X: np.ndarray, y: np.ndarray) -> None:
        super().__init__()
        self._data = X, y

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Arrays:
        return self._data[0][:10], self._data[1][:10]


SOURCES: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "generator": (batches, {"steps_per_epoch": 3}),
    "pipeline": (pipeline, {}),
    "endless pipeline": (lambda X, y: pipeline(X, y).repeat(), {"steps_per_epoch": 3}),
    "PyDataset": (Sequence, {}),
    "tensors": (lambda X, y: (tf.constant(X), tf.constant(y)), {}),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_sources_of_batches_do_no_harm(recorded: Any, data: Arrays, kind: str) -> None:
    make, options = SOURCES[kind]
    given = make(*data)
    inputs = given if isinstance(given, tuple) else (given,)
    classifier().fit(*inputs, epochs=2, verbose=0, **options)
    run = recorded.only
    assert run.status == FINISHED
    assert [step for step, _ in run.metrics["loss"]] == [0, 1]
    assert ("samples_per_second" in run.metrics) == (kind == "tensors")
    assert ("batches_per_second" in run.metrics) == (kind != "tensors")
    assert run.datasets[0].digest
    if "pipeline" in kind:
        assert run.params["batch_size"] is None or run.params["batch_size"] == 10
        assert [entry["type"] for entry in run.datasets[0].schema] == ["float32", "int64"]


def test_tensors_are_not_cut_once_more(recorded: Any, data: Arrays) -> None:
    classifier().fit(tf.constant(data[0]), tf.constant(data[1]), 10, verbose=0, validation_split=0.5)
    run = recorded.only
    assert [found.name for found in run.datasets] == ["training"]
    assert "val_loss" in run.metrics


def test_nothing_more_is_taken_from_a_generator(data: Arrays) -> None:
    def taken() -> int:
        source = Counted(*data)
        stream = (batch for batch in source)
        classifier().fit(stream, epochs=2, steps_per_epoch=3, verbose=0)
        return source.taken

    bare = taken()
    autotrack.enable(to="memory://keras-generator", capture=[], log_system_metrics=False)
    try:
        assert taken() == bare
    finally:
        autotrack.disable()


def test_a_subclassed_model_is_called_no_more_than_without(recorded: Any, data: Arrays) -> None:
    calls = []

    class Own(keras.Model):
        def __init__(self) -> None:
            super().__init__(name="own")
            self.dense = keras.layers.Dense(3, activation="softmax")

        def call(self, inputs: Any) -> Any:
            calls.append(1)
            return self.dense(inputs)

    X, y = data
    X_val, y_val = X[:20], y[:20]

    def train() -> Any:
        model = Own()
        model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
        model.fit(X, y, verbose=0, validation_data=(X_val, y_val))
        return model

    model = train()
    tracked = len(calls)
    with autotrack.paused():
        train()
    assert len(calls) == 2 * tracked
    run = recorded.only
    assert "evaluation.skipped" in codes(run)
    assert "validation" not in run.evaluations
    scores = model.predict(X_val, verbose=0)
    run = recorded.only
    assert run.last("validation_accuracy_score") == accuracy_score(y_val, scores.argmax(axis=1))


def test_complex_numbers_several_outputs_and_sample_weights_do_no_harm(recorded: Any, data: Arrays) -> None:
    X, y = data
    inputs = keras.Input((4,))
    two = keras.Model(
        inputs, {"a": keras.layers.Dense(1, name="a")(inputs), "b": keras.layers.Dense(1, name="b")(inputs)}
    )
    two.compile("sgd", {"a": "mse", "b": "mae"}, run_eagerly=True)
    targets = {"a": X[:, :1], "b": X[:, 1:2]}
    two.fit(X, targets, verbose=0, validation_data=(X, targets))
    classifier().fit(
        X, y, 10, verbose=0, sample_weight=np.ones(60), class_weight=None, validation_data=(X, y, np.ones(60))
    )

    class Complex(keras.layers.Layer):
        def call(self, values: Any) -> Any:
            return tf.math.real(tf.complex(values, values))

    complex_model = keras.Sequential([keras.Input((4,)), Complex(), keras.layers.Dense(1)])
    complex_model.compile("sgd", "mse", run_eagerly=True)
    complex_model.fit(X, X[:, 0], verbose=0)
    several, weighted, last = recorded.roots
    assert [run.status for run in recorded.roots] == [FINISHED] * 3
    assert {"a_loss", "b_loss", "val_loss"} <= set(several.metrics)
    assert several.params["loss"] == {"a": "mse", "b": "mae"}
    assert "evaluation.skipped" in codes(several)
    assert weighted.params["sample_weight"] is True
    assert weighted.evaluations["validation"]["n_rows"] == 60
    assert "loss" in last.metrics


@pytest.mark.slow
def test_compiled_steps(recorded: Any, data: Arrays) -> None:
    X, y = data
    model = classifier(eager=False, steps_per_execution=2)
    model.fit(X, y, 10, 2, verbose=0)
    model = classifier(eager=False, jit_compile=True)
    model.fit(X, y, 10, 2, verbose=0)
    stepped, compiled = recorded.roots
    assert (stepped.params["steps_per_execution"], compiled.params["jit_compile"]) == (2, True)
    assert [len(run.metrics["loss"]) for run in recorded.roots] == [2, 2]


def test_evaluate_logs_under_the_name_of_the_split(recorded: Any, data: Arrays) -> None:
    X, y = data
    model = classifier()
    X_val, y_val = X[:20], y[:20]
    X_test, y_test = X[20:45], y[20:45]
    model.fit(X, y, verbose=0, validation_data=(X_val, y_val))
    loss, accuracy = model.evaluate(X_test, y_test, verbose=0)
    other = model.evaluate(X_test[:20], y_test[:20], verbose=0, return_dict=True)
    again = model.evaluate(X_val, y_val, verbose=0)
    run = recorded.only
    assert (run.last("test_loss"), run.last("test_accuracy")) == (loss, accuracy)
    assert run.last("test_2_loss") == other["loss"]
    assert run.last("validation_loss") == again[0]
    assert run.evaluations["test"]["n_rows"] == 25
    assert {found.name for found in run.datasets} == {"training", "validation", "test", "test_2"}


def test_metrics_of_predictions_are_recorded_on_the_models_run(recorded: Any, data: Arrays) -> None:
    X, y = data
    model = classifier()
    model.fit(X, y, verbose=0)
    y_test = y[:30]
    guess = model.predict(X[:30], verbose=0).argmax(axis=1)
    value = accuracy_score(y_test, guess)
    run = recorded.only
    assert run.last("test_accuracy_score") == value


def test_evaluate_of_a_model_from_elsewhere_goes_to_the_users_run(recorded: Any, data: Arrays) -> None:
    X, y = data
    classifier().evaluate(X, y, verbose=0)
    assert recorded.roots == []
    with autotrack.start_run("mine"):
        loss, _ = classifier().evaluate(X, y, verbose=0)
    assert recorded.only.last("test_loss") == loss


def test_train_on_batch_is_a_run_of_steps(recorded: Any, data: Arrays) -> None:
    X, y = data
    model = classifier()
    losses = [model.train_on_batch(X[at : at + 10], y[at : at + 10])[0] for at in range(0, 60, 10)]
    model.train_on_batch(X, y, return_dict=True)
    run = recorded.only
    assert run.metrics["loss"][:6] == list(enumerate(losses))
    assert run.params["optimizer_name"] == "adam"
    model.fit(X, y, verbose=0)
    loop, fit = recorded.roots
    assert (loop.status, loop.params["train_on_batch.calls"]) == (FINISHED, 7)
    assert [found.name for found in loop.models] == ["model"]
    assert fit.tags["autotrack.continued_from"] == loop.id


def test_a_failing_batch_fails_the_run(recorded: Any, data: Arrays) -> None:
    model = classifier()
    with pytest.raises(ValueError, match="incompatible"):
        model.train_on_batch(np.zeros((2, 7)), np.zeros(2))
    assert recorded.only.status == FAILED


def test_an_interrupted_training_keeps_its_epochs(recorded: Any, data: Arrays) -> None:
    def interrupt(epoch: int, logs: Any) -> None:
        if epoch == 2:
            raise KeyboardInterrupt

    stop = keras.callbacks.LambdaCallback(on_epoch_end=interrupt)
    with pytest.raises(KeyboardInterrupt):
        classifier().fit(*data, epochs=9, verbose=0, callbacks=[stop])
    assert recorded.only.status == INTERRUPTED
    assert [step for step, _ in recorded.only.metrics["loss"]] == [0, 1]


def test_models_and_data_are_let_go(recorded: Any, data: Arrays) -> None:
    X, y = data[0].copy(), data[1].copy()
    model = classifier()
    model.fit(X, y, verbose=0, validation_data=(X, y))
    model.evaluate(X, y, verbose=0)
    references = [weakref.ref(model), weakref.ref(X)]
    autotrack.flush()
    del model, X, y
    keras.backend.clear_session()
    gc.collect()
    assert [reference() for reference in references] == [None, None]


def test_a_large_model_is_not_written(data: Arrays) -> None:
    inputs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(60_000), keras.layers.Dense(3)])
    inputs.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    autotrack.enable(to="memory://keras-large", capture=[], log_system_metrics=False, max_model_size=1)
    inputs.fit(*data, verbose=0)
    autotrack.disable()
    (run,) = MemoryBackend.named("keras-large").runs
    assert run.models == []
    assert "model.skipped" in codes(run)


@pytest.fixture
def by_hand() -> Iterator[MemoryBackend]:
    """Runs without `enable`, which go to the store; read through the API."""
    yield MemoryBackend.named("by-hand")
    close_recorder()


def test_the_callback_alone(by_hand: Any, data: Arrays) -> None:
    model = classifier()
    history = model.fit(*data, epochs=2, verbose=0, callbacks=[AutotrackCallback()])
    with autotrack.start_run("mine"):
        model.fit(*data, epochs=1, verbose=0, callbacks=[AutotrackCallback(log_every_n_steps=1)])
    autotrack.flush()
    first, mine = autotrack.search_runs(order_by="start_time")
    assert (first.name, first.status, mine.name) == ("small", FINISHED, "mine")
    assert first.metrics["loss"] == history.history["loss"][-1]
    assert first.params["optimizer_name"] == "adam"
    assert "batch/loss" in mine.metrics


def test_the_callback_beside_enable_logs_nothing_twice(recorded: Any, data: Arrays) -> None:
    classifier().fit(*data, epochs=2, verbose=0, callbacks=[AutotrackCallback()])
    with autotrack.start_run("mine") as run:
        classifier().fit(*data, epochs=2, verbose=0, callbacks=[AutotrackCallback(run)])
    assert [len(run.metrics["loss"]) for run in recorded.runs] == [2, 2]


def test_the_callback_travels_without_its_run(data: Arrays) -> None:
    callback = AutotrackCallback()
    assert isinstance(pickle.loads(pickle.dumps(callback)), AutotrackCallback)
    assert isinstance(copy.deepcopy(callback), AutotrackCallback)
    classifier().fit(*data, verbose=0, callbacks=[pickle.loads(pickle.dumps(callback))])
    assert autotrack.active_run() is None
    assert not Path(".autotrack").exists()


def test_tf_keras_is_the_same(recorded: Any, data: Arrays) -> None:
    model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", run_eagerly=True)
    model.fit(*data, verbose=0)
    assert recorded.only.status == FINISHED
