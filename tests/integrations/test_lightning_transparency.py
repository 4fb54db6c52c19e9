"""Tracking changes nothing about a program that trains with Lightning."""

from __future__ import annotations

import io
import pickle
import random
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import lightning
import numpy as np
import pytest
import pytorch_lightning
import torch
from lightning.pytorch.callbacks import Callback, ModelCheckpoint
from lightning.pytorch.demos import boring_classes
from lightning.pytorch.loggers import CSVLogger
from lightning_models import Regression, fit, loader, trainer

import autotrack


@contextmanager
def tracking(on: bool) -> Iterator[None]:
    if on:
        autotrack.enable(to="memory://transparency", capture=[], log_system_metrics=False)
    try:
        yield
    finally:
        autotrack.disable()


def both(program: Callable[[], Any]) -> tuple[Any, Any]:
    """Return what a program returns without tracking and with it."""
    found = []
    for on in (False, True):
        with tracking(on):
            found.append(program())
    return found[0], found[1]


def random_states() -> list[bytes]:
    return [
        pickle.dumps(random.getstate()),
        pickle.dumps(np.random.get_state()),
        torch.get_rng_state().numpy().tobytes(),
    ]


def weights(module: torch.nn.Module) -> bytes:
    buffer = io.BytesIO()
    torch.save(module.state_dict(), buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "options", [{}, {"logger": True}, {"precision": "bf16-mixed"}, {"accumulate_grad_batches": 2}], ids=str
)
def test_losses_weights_and_random_states_are_bit_identical(options: dict[str, Any]) -> None:
    def program() -> Any:
        lightning.seed_everything(11, verbose=False)
        module = Regression()
        made = trainer(**options)
        made.fit(module, loader(shuffle=True), loader(32))
        tested = made.test(module, loader(), verbose=False)
        return (
            module.losses,
            weights(module),
            random_states(),
            tested,
            {k: v.item() for k, v in made.callback_metrics.items()},
        )

    bare, tracked = both(program)
    assert bare == tracked


BORING = [
    (boring_classes.BoringModel, boring_classes.BoringDataModule),
    (boring_classes.BoringModel, boring_classes.BoringDataModuleNoLen),
    (boring_classes.ManualOptimBoringModel, boring_classes.BoringDataModule),
]


@pytest.mark.parametrize(("model", "data"), BORING)
def test_lightnings_boring_models_do_the_same(model: Any, data: Any) -> None:
    def program() -> Any:
        lightning.seed_everything(5, verbose=False)
        module = model()
        made = trainer(limit_train_batches=8, limit_val_batches=2, limit_test_batches=2, limit_predict_batches=2)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made.fit(module, datamodule=data())
            stages = [made.validate, made.test, made.predict]
            results = [repr(stage(module, datamodule=data())) for stage in stages]
        return weights(module), random_states(), results

    bare, tracked = both(program)
    assert bare == tracked


def test_nothing_is_printed_and_no_warning_added(capfd: pytest.CaptureFixture[str]) -> None:
    def program() -> Any:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            fit(log_every_n_steps=50, profiler=None, enable_model_summary=True)
        output = capfd.readouterr()
        return [str(warning.message) for warning in caught], output.out, output.err

    fit()  # what Lightning says once in a process
    capfd.readouterr()
    bare, tracked = both(program)
    assert bare == tracked


class Spy(Callback):
    """Looks at its trainer while it trains."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        names = [type(callback).__name__ for callback in trainer.callbacks]
        self.seen.append((names, len(trainer.loggers), sorted(vars(trainer)), sorted(vars(pl_module))))
        assert b"autotrack" not in pickle.dumps(trainer)


def test_the_trainer_its_lists_and_its_pickle_know_nothing_of_us(tmp_path: Path) -> None:
    def program() -> Any:
        callbacks, loggers = [Spy()], [CSVLogger(tmp_path)]
        fit(callbacks=callbacks, logger=loggers)
        assert callbacks == [callbacks[0]]
        assert len(loggers) == 1
        return callbacks[0].seen

    bare, tracked = both(program)
    assert bare == tracked


def test_checkpoints_are_the_same(tmp_path: Path) -> None:
    def program() -> Any:
        lightning.seed_everything(2, verbose=False)
        made = fit(callbacks=[ModelCheckpoint(tmp_path / str(autotrack.is_enabled()))])
        content = Path(made.checkpoint_callback.best_model_path).read_bytes()
        assert b"autotrack" not in content
        loaded = torch.load(io.BytesIO(content), weights_only=False)
        return sorted(loaded), sorted(loaded["callbacks"]), loaded["loops"], weights_of(loaded)

    def weights_of(checkpoint: dict[str, Any]) -> list[bytes]:
        return [tensor.numpy().tobytes() for tensor in checkpoint["state_dict"].values()]

    bare, tracked = both(program)
    assert bare == tracked


def test_the_module_is_not_run_once_more() -> None:
    class Counting(Regression):
        def __init__(self) -> None:
            super().__init__()
            self.example_input_array = torch.zeros(1, 4)
            self.count = 0

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            self.count += 1
            return self.net(inputs)

    def program() -> int:
        module = Counting()
        fit(module)
        return module.count

    assert both(program) == (0, 0)


def test_iterators_are_asked_as_often_as_before() -> None:
    class Counted(torch.utils.data.IterableDataset[Any]):
        def __init__(self) -> None:
            self.asked = 0

        def __iter__(self) -> Iterator[Any]:
            for _ in range(10):
                self.asked += 1
                yield torch.ones(4), torch.tensor(1.0)

    def program() -> int:
        data = Counted()
        trainer(limit_val_batches=0).fit(Regression(), torch.utils.data.DataLoader(data, 5), loader())
        return data.asked

    bare, tracked = both(program)
    assert bare == tracked


def test_errors_of_user_callbacks_are_the_same_object() -> None:
    class Failing(Callback):
        def on_train_batch_end(self, *args: Any) -> None:
            raise error

    error = RuntimeError("mine")
    for on in (False, True):
        with tracking(on), pytest.raises(RuntimeError) as caught:
            fit(callbacks=[Failing()])
        assert caught.value is error
        assert error.__context__ is None


def test_modules_pickle_and_load_as_before() -> None:
    with tracking(True):
        module = Regression()
        fit(module)
        content = pickle.dumps(module)
    assert b"autotrack" not in content
    assert weights(pickle.loads(content)) == weights(module)


@pytest.mark.parametrize("package", [lightning.pytorch, pytorch_lightning])
def test_every_patch_is_taken_back(package: Any) -> None:
    connector = package.trainer.connectors.logger_connector.logger_connector._LoggerConnector
    launcher = package.strategies.launchers.multiprocessing._MultiProcessingLauncher
    places = [
        (package.Trainer, "fit"),
        (package.loops.fit_loop._FitLoop, "on_advance_end"),
        (connector, "log_metrics"),
        (launcher, "launch"),
    ]
    before = [vars(owner)[name] for owner, name in places]
    with tracking(True):
        assert all(vars(owner)[name] is not old for (owner, name), old in zip(places, before, strict=True))
    assert [vars(owner)[name] for owner, name in places] == before
