"""Lightning in several processes, and with only one of its two packages: programs of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autotrack.records import FAILED, FINISHED

PROGRAM = """
import json, os, sys, warnings
warnings.filterwarnings("ignore")
import autotrack
strategy, tracked, broken = sys.argv[1:]
if tracked == "tracked":
    autotrack.enable(to="memory://workers", capture=[], log_system_metrics=False)
import lightning, torch
from torch.utils.data import DataLoader, TensorDataset

class Network(lightning.LightningModule):
    def __init__(self, hidden=8):
        super().__init__()
        self.save_hyperparameters()
        self.net = torch.nn.Sequential(torch.nn.Linear(4, hidden), torch.nn.ReLU(), torch.nn.Linear(hidden, 1))

    def training_step(self, batch, index):
        if broken == "broken":
            raise ValueError("broken in a worker")
        loss = torch.nn.functional.mse_loss(self.net(batch[0]).squeeze(1), batch[1])
        self.log("loss", loss, on_step=True, on_epoch=True, sync_dist=True)
        autotrack.log_metric("by_hand", index) if tracked == "tracked" else None
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", torch.nn.functional.mse_loss(self.net(batch[0]).squeeze(1), batch[1]), sync_dist=True)

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)

def main():
    lightning.seed_everything(0, verbose=False)
    inputs = torch.randn(64, 4)
    loader = DataLoader(TensorDataset(inputs, inputs[:, 0]), 8)
    network = Network()
    callbacks = [lightning.pytorch.callbacks.ModelCheckpoint(monitor="val_loss")]
    callbacks.append(lightning.pytorch.callbacks.EarlyStopping("val_loss", min_delta=100.0, patience=1))
    trainer = lightning.Trainer(
        max_epochs=3, accelerator="cpu", devices=2, strategy=strategy, log_every_n_steps=1, logger=False,
        callbacks=callbacks, enable_progress_bar=False, enable_model_summary=False,
    )
    try:
        trainer.fit(network, loader, loader)
    except Exception as error:
        print("RAISED", type(error).__name__)
    if trainer.is_global_zero:
        print("WEIGHTS", [parameter.double().sum().item() for parameter in network.parameters()])
        report()

def report():
    from autotrack.testing import MemoryBackend
    autotrack.flush()
    for run in MemoryBackend.named("workers").runs:
        found = {"status": run.status, "params": run.params, "metrics": run.metrics, "artifacts": list(run.artifacts)}
        print("RUN", json.dumps(found))
    autotrack.disable()

if __name__ == "__main__":
    main()
"""


def train(directory: Path, *arguments: str) -> list[str]:
    """Run the program; return what it printed, of its main process alone."""
    script = directory / "program.py"
    script.write_text(PROGRAM)
    command = [sys.executable, str(script), *arguments]
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0 or "broken" in arguments, done.stderr
    return done.stdout.splitlines()


def runs(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line.removeprefix("RUN ")) for line in lines if line.startswith("RUN ")]


def weights(lines: list[str]) -> str:
    (found,) = (line for line in lines if line.startswith("WEIGHTS"))
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what the program prints without tracking; the strategies train alike."""
    return train(tmp_path_factory.mktemp("bare"), "ddp_fork", "bare", "whole")


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["ddp_spawn", "ddp_fork", "ddp"])
def test_two_processes_are_one_run(strategy: str, bare: list[str], tmp_path: Path) -> None:
    tracked = train(tmp_path, strategy, "tracked", "whole")
    assert weights(tracked) == weights(bare)
    (run,) = runs(tracked)
    assert run["status"] == FINISHED
    assert (run["params"]["strategy"], run["params"]["world_size"]) == (strategy, 2)
    assert (run["params"]["hidden"], run["params"]["batch_size"], run["params"]["lr"]) == (8, 8, 0.1)
    assert [step for step, _ in run["metrics"]["loss_step"]] == list(range(8))
    assert [step for step, _ in run["metrics"]["val_loss"]] == [3, 7]
    assert len(run["metrics"]["by_hand"]) == 8
    assert run["metrics"]["stopped_epoch"] == [[0, 1.0]]
    assert "best_model_score" in run["metrics"]
    assert {"model_summary.txt", "model.safetensors", "model/MLmodel"} < set(run["artifacts"])
    assert len([path for path in run["artifacts"] if path.startswith("checkpoints/")]) == 1


@pytest.mark.slow
def test_a_worker_that_fails_fails_the_run(tmp_path: Path) -> None:
    lines = train(tmp_path, "ddp_spawn", "tracked", "broken")
    assert "RAISED ProcessRaisedException" in lines
    (run,) = runs(lines)
    assert run["status"] == FAILED
    assert run["params"]["batch_size"] == 8


ALONE = """
import importlib.abc, sys
class Missing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == HIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
import autotrack
autotrack.enable(to="memory://alone", capture=[], log_system_metrics=False)
import PACKAGE as L, torch
class Network(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)
    def training_step(self, batch, index):
        loss = self.layer(batch).sum()
        self.log("loss", loss)
        return loss
    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)
options = {"accelerator": "cpu", "logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
from autotrack.integrations.lightning import AutotrackCallback, AutotrackLogger
stopping = L.callbacks.EarlyStopping("loss", patience=3) if hasattr(L, "callbacks") else None
trainer = L.Trainer(max_epochs=1, callbacks=[stopping, AutotrackCallback()], log_every_n_steps=1, **options)
trainer.fit(Network(), torch.utils.data.DataLoader(torch.ones(4, 2)))
from autotrack.testing import MemoryBackend
autotrack.flush()
(run,) = MemoryBackend.named("alone").runs
assert (run.source, run.params["patience"], len(run.metrics["loss"])) == (SOURCE, 3, 4), run
assert HIDDEN not in sys.modules
autotrack.disable()
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "hidden"), [("lightning.pytorch", "pytorch_lightning"), ("pytorch_lightning", "lightning")]
)
def test_one_package_is_enough(package: str, hidden: str, tmp_path: Path) -> None:
    source = package.partition(".")[0]
    code = ALONE.replace("PACKAGE", package).replace("HIDDEN", repr(hidden)).replace("SOURCE", repr(source))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
