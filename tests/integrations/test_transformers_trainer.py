"""transformers' Trainer: one run a training, nothing twice, nothing touched; a tiny random BERT, without a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import autotrack
from autotrack.testing import MemoryBackend

transformers = pytest.importorskip("transformers")

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # what transformers and accelerate say of each other and of torch
    pytest.mark.slow,  # importing the trainer takes several seconds
]


class Rows(torch.utils.data.Dataset[Any]):
    """Token ids whose label is whether the first one is large."""

    def __init__(self, seed: int, rows: int = 24) -> None:
        self.ids = torch.randint(0, 50, (rows, 8), generator=torch.Generator().manual_seed(seed))

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, place: int) -> dict[str, Any]:
        return {"input_ids": self.ids[place], "labels": int(self.ids[place, 0] > 25)}


def make_trainer(folder: Path, **options: Any) -> Any:
    transformers.set_seed(3)
    config = transformers.BertConfig(
        vocab_size=50, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=2,
        per_device_train_batch_size=8,
        logging_steps=1,
        eval_strategy="epoch",
        save_strategy="epoch",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
        learning_rate=0.01,
    )
    return transformers.Trainer(
        model=transformers.BertForSequenceClassification(config),
        args=arguments,
        train_dataset=Rows(1),
        eval_dataset=Rows(2),
        compute_metrics=lambda output: {"accuracy": float((output.predictions.argmax(1) == output.label_ids).mean())},
        **options,
    )


@pytest.fixture
def memory() -> Iterator[MemoryBackend]:
    name = os.urandom(4).hex()
    only = ["torch", "transformers"]
    autotrack.enable(to=f"memory://{name}", only=only, log_system_metrics=False, capture=[])
    yield MemoryBackend.named(name)
    autotrack.disable()


def test_a_training_is_one_run(memory: MemoryBackend, tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    callbacks, report_to = list(trainer.callback_handler.callbacks), trainer.args.report_to
    trainer.train()
    history = trainer.state.log_history
    trainer.evaluate()
    trainer.predict(Rows(4))
    autotrack.flush(30)
    (run,) = memory.runs
    assert (run.status, run.source, run.tags["mlflow.autologging"]) == ("finished", "transformers", "transformers")
    expected = {"hidden_size": 16, "per_device_train_batch_size": 8, "learning_rate": 0.01, "num_train_epochs": 2}
    assert {key: run.params[key] for key in expected} == expected
    assert run.params["model"] == "BertForSequenceClassification"
    assert run.metrics["loss"] == [(entry["step"], entry["loss"]) for entry in history if "loss" in entry]
    assert [step for step, _ in run.metrics["eval_loss"]] == [3, 6, 6]
    assert "test_accuracy" in run.metrics
    assert run.metrics["validation_accuracy_score"][-1] == (6, pytest.approx(run.last("eval_accuracy")))
    assert run.evaluations["test"]["n_rows"] == 24
    assert run.tags["mlflow.latest_checkpoint_artifact"].endswith("checkpoint-6")
    assert {"model.safetensors", "model/MLmodel"} <= set(run.artifacts)
    assert trainer.callback_handler.callbacks == callbacks
    assert trainer.args.report_to == report_to == []


def test_results_are_bit_identical(tmp_path: Path) -> None:
    def outcome(name: str) -> tuple[Any, ...]:
        trainer = make_trainer(tmp_path / name)
        trainer.train()
        losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
        weights = b"".join(value.numpy().tobytes() for value in trainer.model.state_dict().values())
        return losses, weights, torch.get_rng_state().numpy().tobytes(), np.random.get_state()[1].tobytes()

    bare = outcome("bare")
    autotrack.enable(to="memory://transformers", only=["torch", "transformers"], capture=[])
    try:
        assert outcome("tracked") == bare
    finally:
        autotrack.disable()


def test_a_callback_of_the_program_is_not_doubled(memory: MemoryBackend, tmp_path: Path) -> None:
    from autotrack.integrations.transformers.callback import AutotrackCallback

    make_trainer(tmp_path, callbacks=[AutotrackCallback()]).train()
    autotrack.flush(30)
    runs = [run for run in memory.runs if run.source == "transformers"]
    assert [len(run.metrics["loss"]) for run in runs] == [6]
    assert runs[0].status == "finished"
