"""What is recorded of Ray Train and Tune: here on one process, and what travels to others."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest
import ray.cloudpickle
from hypothesis import given
from hypothesis import strategies as st
from ray import train, tune
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from autotrack.integrations.ray.mailbox import mailbox, reporter
from autotrack.integrations.ray.results import numbers_of, params_of
from autotrack.integrations.ray.workers import in_trial, in_worker
from autotrack.records import FINISHED
from autotrack.testing import IntegrationContract


def descend(config: dict[str, Any]) -> float:
    """Halve a number, and report each time."""
    loss = 1.0
    for epoch in range(config["epochs"]):
        loss *= config["rate"]
        train.report({"loss": loss, "epoch": epoch, "said": "hello", "eval": {"loss": 2 * loss}})
    return loss


def trainer(**config: Any) -> DataParallelTrainer:
    return DataParallelTrainer(
        descend,
        train_loop_config={"epochs": 3, "rate": 0.5, **config},
        scaling_config=train.ScalingConfig(num_workers=0),
    )


class TestContract(IntegrationContract):
    name: ClassVar[str] = "ray"
    module: ClassVar[str] = "ray"

    def train(self) -> Any:
        return trainer().fit()

    def train_badly(self) -> Any:
        return trainer(rate=None).fit()

    def outcome(self, trained: Any) -> bytes:
        return pickle.dumps((trained.metrics, getattr(trained, "return_value", None)))  # which Ray 2.51 lacks

    def functions(self) -> Sequence[tuple[Any, str]]:
        return [(tune.tune, "run"), (DataParallelTrainer, "fit")]


def test_reports_are_metrics_and_the_configuration_is_params(recorded: Any) -> None:
    trainer(optimizer={"name": "sgd"}).fit()
    run = recorded.only
    assert (run.name, run.source, run.status) == ("DataParallelTrainer", "ray", FINISHED)
    assert run.metrics["loss"] == [(1, 0.5), (2, 0.25), (3, 0.125)]
    assert run.metrics["eval/loss"] == [(1, 1.0), (2, 0.5), (3, 0.25)]
    told = {"num_workers": 0, "rate": 0.5, "optimizer/name": "sgd", "trainer": "DataParallelTrainer"}
    assert told.items() <= run.params.items()


def test_what_a_program_imported_before_is_observed(recorded: Any) -> None:
    assert tune.run is tune.tune.run is ray.tune.impl.tuner_internal.run
    assert tune.run.__name__ == "run"
    assert tune.run.__wrapped__ is not tune.run


@pytest.mark.slow
def test_what_travels_needs_no_autotrack(recorded: Any, tmp_path: Path) -> None:
    """A worker may have another environment: what is sent there is loaded and run in one without autotrack."""

    def add_one(number: int) -> int:
        return number + 1

    with mailbox(lambda message: None) as address:
        sent = ray.cloudpickle.dumps((reporter(address), in_trial(add_one, "f" * 32), in_worker(add_one, "f" * 32)))
    (tmp_path / "sent").write_bytes(sent)
    program = (
        "import sys; sys.modules['autotrack'] = None\n"
        "import ray.cloudpickle as pickle\n"
        f"reporter, *functions = pickle.loads(open({str(tmp_path / 'sent')!r}, 'rb').read())\n"
        "reporter.after_report(None, [{'loss': 1.0}], None)\n"  # nobody listens any more
        "print([function(41) for function in functions], sys.modules['autotrack'])\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert ended.stdout.strip() == "[42, 42] None", ended.stderr


def test_functions_in_workers_raise_what_they_raise(recorded: Any) -> None:
    def fails(config: Any) -> None:
        raise ValueError("no good")

    placed = in_trial(fails, "f" * 32)
    with pytest.raises(ValueError, match="no good") as caught:
        placed({})
    names = [entry.name for entry in caught.traceback]
    if sys.version_info >= (3, 11):
        assert names[1:] == ["fails"]
    assert caught.value.__context__ is None


def test_what_is_no_plain_function_stays_as_it_is(recorded: Any) -> None:
    def generator(config: Any) -> Any:
        yield {"loss": 1.0}

    for trainable in ("PPO", generator, tune.Trainable):
        assert in_trial(trainable, "f" * 32) is trainable


def test_messages_arrive_in_order_and_before_the_end() -> None:
    import numpy as np

    found: list[Any] = []
    with mailbox(found.append) as address:
        callback = reporter(address)
        for step in range(200):
            callback.after_report(None, [{"step": step, "array": np.ones(3), "nested": {"x": np.float32(0.5)}}], None)
        callback.after_exception(None, {1: ValueError("no good")})
        callback.after_report(None, [{f"metric {at}" * 100: 1.0 for at in range(2000)}], None)
    assert [message["metrics"] for message in found[:200]] == [{"step": at, "nested/x": 0.5} for at in range(200)]
    assert found[200:] == [{"errors": {"1": "no good"}}, {"lost": True}]
    assert not os.path.exists(os.path.dirname(address))


@given(
    st.recursive(
        st.none() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=3) | st.lists(st.integers()),
        lambda below: st.dictionaries(st.text("abc", min_size=1), below, max_size=3),
    ).filter(lambda value: isinstance(value, dict))
)
def test_any_report_can_be_recorded(report: dict[str, Any]) -> None:
    numbers = numbers_of(report)
    assert all(isinstance(value, float) for value in numbers.values())
    assert set(numbers) <= set(params_of(report))
