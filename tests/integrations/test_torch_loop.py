"""Plain PyTorch loops: what is recorded, and that nothing changes."""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - its name everywhere
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

import autotrack
from autotrack.testing import MemoryBackend, MemoryRun


@pytest.fixture
def memory() -> Iterator[MemoryBackend]:
    name = os.urandom(4).hex()
    autotrack.enable(to=f"memory://{name}", only=["torch"], log_system_metrics=False, capture=[])
    yield MemoryBackend.named(name)
    autotrack.disable()


def recorded(memory: MemoryBackend) -> MemoryRun:
    """Return the only root run, after its end."""
    autotrack.end_run()
    autotrack.flush(30)
    (run,) = memory.roots
    return run


def data(rows: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    X = torch.randn(rows, 4, generator=generator)
    return X, (X[:, 0] > 0).long() + (X[:, 1] > 1).long()


def network(outputs: int = 3) -> nn.Sequential:
    return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.1), nn.Linear(8, outputs))


def train(epochs: int = 2) -> tuple[nn.Module, list[float], list[float]]:
    """Train as programs do; return the model, the losses of the steps and those of the validations."""
    torch.manual_seed(0)
    X, y = data()
    train_loader = DataLoader(TensorDataset(X[:48], y[:48]), batch_size=16, shuffle=True)
    val_loader = DataLoader(TensorDataset(X[48:], y[48:]), batch_size=8)
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)
    criterion = nn.CrossEntropyLoss()
    losses, validations = [], []
    for _ in range(epochs):
        model.train()
        for inputs, target in train_loader:
            optimizer.zero_grad()
            loss = criterion(model(inputs), target)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        scheduler.step()
        model.eval()
        total = 0.0
        with torch.no_grad():
            for inputs, target in val_loader:
                total += F.cross_entropy(model(inputs), target, reduction="sum").item()
        validations.append(total / 16)
    return model, losses, validations


def steps_of(model: nn.Module, count: int, optimizer: torch.optim.Optimizer | None = None) -> None:
    optimizer = optimizer or torch.optim.SGD(model.parameters(), lr=0.01)
    X, y = data(8)
    for _ in range(count):
        optimizer.zero_grad()
        F.cross_entropy(model(X), y).backward()
        optimizer.step()


def test_a_loop_is_one_run_with_all_it_did(memory: MemoryBackend) -> None:
    model, losses, validations = train()
    run = recorded(memory)
    assert (run.status, run.source, run.tags["mlflow.autologging"]) == ("finished", "torch", "pytorch")
    assert run.metrics["loss"] == list(enumerate(losses))
    assert run.metrics["train_loss"] == [
        (0, pytest.approx(sum(losses[:3]) / 3)),
        (1, pytest.approx(sum(losses[3:]) / 3)),
    ]
    assert run.metrics["val_loss"] == [(0, pytest.approx(validations[0])), (1, pytest.approx(validations[1]))]
    assert run.metrics["learning_rate"] == [(0, 0.1), (3, 0.05)]
    assert len(run.metrics["samples_per_second"]) == len(run.metrics["data_wait_seconds"]) == 2
    expected = {"optimizer_name": "SGD", "lr": 0.1, "momentum": 0.9, "lr_scheduler_name": "StepLR", "batch_size": 16}
    expected |= {"n_train_samples": 48, "shuffle": True, "loss_function": "cross_entropy", "model": "Sequential"}
    assert {key: run.params[key] for key in expected} == expected
    assert [point[0] for point in run.metrics["validation_accuracy_score"]] == [0, 1]
    assert run.evaluations["validation"]["n_rows"] == 16
    assert [dataset.profile["rows"] for dataset in run.datasets if "rows" in dataset.profile] in ([48], [])
    assert {"model.safetensors", "model/MLmodel", "model/data/model.pth", "model_summary.txt"} <= set(run.artifacts)
    assert model.training is False


def test_the_evaluation_is_that_of_the_program(memory: MemoryBackend) -> None:
    model, _, _ = train(1)
    X, y = data()
    with torch.no_grad():
        correct = (model(X[48:]).argmax(dim=1) == y[48:]).float().mean().item()
    run = recorded(memory)
    assert run.last("validation_accuracy_score") == pytest.approx(correct)
    assert run.last("validation_log_loss") == pytest.approx(run.last("val_loss"), rel=1e-5)
    assert {curve["kind"] for curve in run.evaluations["validation"]["curves"]} >= {"roc"}


def test_a_dataset_may_refuse_to_tell_its_length(memory: MemoryBackend) -> None:
    class Stream(IterableDataset[torch.Tensor]):
        def __iter__(self) -> Iterator[torch.Tensor]:
            yield from data()[0]

        def __len__(self) -> int:
            raise NotImplementedError

    model, stream = network(), DataLoader(Stream(), batch_size=16)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for batch in stream:
        optimizer.zero_grad()
        model(batch).square().mean().backward()
        optimizer.step()
    run = recorded(memory)
    assert (run.params["dataset"], run.params["batch_size"]) == ("Stream", 16)
    assert "n_train_samples" not in run.params


def test_results_are_bit_identical() -> None:
    def outcome() -> tuple[Any, ...]:
        model, losses, validations = train()
        weights = b"".join(value.numpy().tobytes() for value in model.state_dict().values())
        return weights, losses, validations, torch.get_rng_state().numpy().tobytes()

    bare = outcome()
    autotrack.enable(to="memory://identical", only=["torch"], log_system_metrics=False, capture=[])
    try:
        assert outcome() == bare
    finally:
        autotrack.disable()
    assert outcome() == bare


class Counting(TorchDispatchMode):
    """Counts what waits for a device: reads of a value, and copies to the program's memory.

    Under it no value is at hand: main memory is treated as the memory of an accelerator is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.name()
        self.reads += name.startswith(("aten::_local_scalar_dense", "aten::_to_copy", "aten::copy_", "aten::item"))
        return func(*args, **(kwargs or {}))


def test_no_step_waits_for_the_device(memory: MemoryBackend) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    steps_of(model, 1, optimizer)
    with autotrack.paused(), Counting() as bare:
        steps_of(model, 200, optimizer)
    with Counting() as counting:
        steps_of(model, 200, optimizer)
    assert counting.reads == bare.reads  # those of the data
    assert len(recorded(memory).metrics["loss"]) == 201


def test_norms_and_evaluations_do_not_wait_for_the_device() -> None:
    """Gradient norms, accumulated outputs and the losses of evaluation passes stay where they are, too."""

    def train_and_evaluate() -> int:
        X, y = data(8)
        with Counting() as counting:
            for _ in range(3):
                steps_of(model, 20, optimizer)
                model.eval()
                with torch.no_grad():
                    F.cross_entropy(model(X), y)
                model.train()
        return counting.reads

    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    bare = train_and_evaluate()
    name = os.urandom(4).hex()
    autotrack.enable(
        to=f"memory://{name}", only=["torch"], log_gradient_norm=True, log_system_metrics=False, capture=[]
    )
    assert train_and_evaluate() == bare
    autotrack.disable()
    (run,) = MemoryBackend.named(name).roots
    assert len(run.metrics["gradient_norm"]) == 60
    assert len(run.metrics["validation_accuracy_score"]) == len(run.metrics["val_loss"]) == 3


def test_transfers_are_made_in_groups(memory: MemoryBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    stacked: list[int] = []
    stack = torch.stack
    monkeypatch.setattr(torch, "stack", lambda tensors, *rest: (stacked.append(len(tensors)), stack(tensors, *rest))[1])
    with Counting():
        steps_of(network(), 256)
    assert len(stacked) <= 5
    assert max(stacked) >= 64
    fetched = len(stacked)
    steps_of(network(), 256)
    assert len(stacked) <= fetched + 2  # what is in main memory is not fetched


def test_losses_on_both_sides_stay_in_order(memory: MemoryBackend) -> None:
    """A stretch of steps whose losses lie partly in main memory, partly elsewhere."""
    model, (X, y) = network(), data(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    for number in range(30):
        with Counting() if number % 3 else nullcontext():
            optimizer.zero_grad()
            loss = F.cross_entropy(model(X), y)
            loss.backward()
            optimizer.step()
        losses.append(loss.item())
    assert recorded(memory).metrics["loss"] == list(enumerate(losses))


def test_long_loops_are_thinned_out(memory: MemoryBackend) -> None:
    steps_of(nn.Linear(4, 3), 1200)
    recorded_steps = [step for step, _ in recorded(memory).metrics["loss"]]
    assert recorded_steps == [*range(1000), *range(1000, 1200, 10)]


@pytest.mark.parametrize("elsewhere", [False, True])
def test_what_is_written_over_before_it_is_fetched_is_left_out(memory: MemoryBackend, elsewhere: bool) -> None:
    model, (X, y) = network(), data(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    losses = []
    with Counting() if elsewhere else nullcontext():
        for number in range(6):
            loss = F.cross_entropy(model(X), y)
            losses.append((number, loss.item()))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            if number == 3:
                loss.detach_().mul_(1000)
    assert recorded(memory).metrics["loss"] == [point for point in losses if point[0] != 3 or not elsewhere]


def test_losses_add_up_until_the_step(memory: MemoryBackend) -> None:
    model, (X, y) = nn.Linear(4, 3), data(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    whole = F.cross_entropy(model(X), y).item()
    for half in (slice(0, 4), slice(4, 8)):
        (F.cross_entropy(model(X[half]), y[half]) / 2).backward()
    optimizer.step()
    assert recorded(memory).metrics["loss"] == [(0, pytest.approx(whole, rel=1e-6))]


class Generator(nn.Linear):
    pass


class Critic(nn.Linear):
    pass


def test_a_gan_keeps_its_losses_apart(memory: MemoryBackend) -> None:
    torch.manual_seed(0)
    generator, critic = Generator(2, 4), Critic(4, 1)
    opt_g = torch.optim.Adam(generator.parameters(), lr=1e-3)
    opt_c = torch.optim.Adam(critic.parameters(), lr=2e-3)
    expected: dict[str, list[float]] = {"err_real": [], "err_fake": [], "err_g": []}
    for _ in range(3):
        opt_c.zero_grad()
        err_real = critic(torch.randn(8, 4)).mean()
        err_real.backward()
        err_fake = -critic(generator(torch.randn(8, 2)).detach()).mean()
        err_fake.backward()
        opt_c.step()
        opt_g.zero_grad()
        err_g = critic(generator(torch.randn(8, 2))).mean()
        err_g.backward()
        opt_g.step()
        for name, loss in (("err_real", err_real), ("err_fake", err_fake), ("err_g", err_g)):
            expected[name].append(loss.item())
    run = recorded(memory)
    assert {name: run.metrics[name] for name in expected} == {name: [*enumerate(v)] for name, v in expected.items()}
    assert run.metrics["learning_rate_Critic"] == [(0, 2e-3)]
    assert run.metrics["learning_rate_Generator"] == [(0, 1e-3)]
    assert run.params["optimizer_2/lr"] == 1e-3
    assert {"model.safetensors", "model_2.safetensors"} <= set(run.artifacts)


def test_every_group_has_its_learning_rate(memory: MemoryBackend) -> None:
    model = network()
    groups = [{"params": model[0].parameters()}, {"params": model[3].parameters(), "lr": 0.5}]
    steps_of(model, 2, torch.optim.SGD(groups, lr=0.1))
    run = recorded(memory)
    assert run.metrics["learning_rate/pg1"] == [(0, 0.1)]
    assert run.metrics["learning_rate/pg2"] == [(0, 0.5)]
    assert (run.params["lr/pg1"], run.params["lr/pg2"], run.params["momentum"]) == (0.1, 0.5, 0)


def test_the_norm_of_gradients_on_request() -> None:
    autotrack.enable(to="memory://norms", only=["torch"], log_system_metrics=False, capture=[], log_gradient_norm=True)
    try:
        model = nn.Linear(4, 3)
        steps_of(model, 2)
        norms = [own.grad.norm() for own in model.parameters() if own.grad is not None]
        expected = torch.stack(norms).norm().item()
        run = recorded(MemoryBackend.named("norms"))
    finally:
        autotrack.disable()
    assert run.metrics["gradient_norm"][-1] == (1, pytest.approx(expected, rel=1e-6))


def test_scaled_losses_are_recorded_unscaled(memory: MemoryBackend) -> None:
    model, (X, y) = network(), data(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    losses = []
    for _ in range(3):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.cross_entropy(model(X), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    run = recorded(memory)
    assert run.metrics["loss"] == list(enumerate(losses))
    assert run.last("grad_scale") == 1024.0


def test_a_new_loop_is_a_new_run(memory: MemoryBackend) -> None:
    for _ in range(3):
        steps_of(network(), 5)
    autotrack.end_run()
    autotrack.flush(30)
    assert [len(run.metrics["loss"]) for run in memory.roots] == [5, 5, 5]
    assert {run.status for run in memory.roots} == {"finished"}


def test_an_optimizer_made_anew_goes_on(memory: MemoryBackend) -> None:
    model = network()
    for _ in range(2):
        steps_of(model, 5)
    assert len(recorded(memory).metrics) > 0


def test_models_and_optimizers_stay_collectable(memory: MemoryBackend) -> None:
    model = network()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    steps_of(model, 5, optimizer)
    weights = model[0].weight.detach().clone()
    alive = [weakref.ref(model), weakref.ref(optimizer), weakref.ref(model[0].weight)]
    del model, optimizer
    gc.collect()
    assert [reference() for reference in alive] == [None, None, None]
    run = recorded(memory)  # and yet the model is there, as it was when the program let go of it
    assert {"model.safetensors", "model/MLmodel"} <= set(run.artifacts)
    assert weights.numel() == 32


def test_inside_another_training_nothing_is_recorded(memory: MemoryBackend) -> None:
    from autotrack.patching.call import Call
    from autotrack.patching.nesting import enter, leave

    token = enter(Call("keras", train, (), {}, None))
    try:
        train(1)
    finally:
        leave(token)
    with autotrack.paused():
        train(1)
    autotrack.flush(30)
    assert memory.runs == []


def test_threads_do_not_mix(memory: MemoryBackend) -> None:
    threads = [threading.Thread(target=steps_of, args=(network(), count)) for count in (3, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    autotrack.flush(30)
    assert sorted(len(run.metrics["loss"]) for run in memory.roots) == [3, 5]
    assert {run.status for run in memory.roots} == {"finished"}


def test_runs_of_the_user(memory: MemoryBackend) -> None:
    with autotrack.start_run("mine"):
        steps_of(network(), 3)
        steps_of(network(), 4)
    steps_of(network(), 2)
    with autotrack.start_run("after"):  # the loop before it ends
        pass
    autotrack.flush(30)
    mine, loop, after = memory.roots
    (child,) = [run for run in memory.runs if run.parent_id == mine.id]
    assert (mine.name, after.name) == ("mine", "after")
    assert [len(run.metrics["loss"]) for run in (mine, child, loop)] == [3, 4, 2]
    assert {run.status for run in memory.runs} == {"finished"}


def test_checkpoints_are_known_from_other_tensors(memory: MemoryBackend, tmp_path: Path) -> None:
    model = network()
    steps_of(model, 2)
    torch.save({"noise": torch.randn(3)}, tmp_path / "noise.pt")
    torch.save({"model": model.state_dict(), "epoch": 1}, tmp_path / "last.pt")
    run = recorded(memory)
    assert run.artifacts["checkpoints/last.pt"] == (tmp_path / "last.pt").stat().st_size
    assert "checkpoints/noise.pt" not in run.artifacts
    assert run.tags["mlflow.latest_checkpoint_artifact"] == "checkpoints/last.pt"


@pytest.mark.parametrize(
    ("criterion", "target", "outputs", "metric"),
    [
        (nn.NLLLoss(), lambda y: y, lambda z: torch.log_softmax(z, dim=1), "validation_accuracy_score"),
        (nn.BCEWithLogitsLoss(), lambda y: (y > 0).float(), lambda z: z[:, 0], "validation_roc_auc"),
        (nn.BCELoss(), lambda y: (y > 0).float(), lambda z: z[:, 0].sigmoid(), "validation_roc_auc"),
        (nn.MSELoss(), lambda y: y.float() + 0.5, lambda z: z[:, 0], "validation_r2_score"),
        (nn.L1Loss(), lambda y: y.float() + 0.5, lambda z: z[:, 0], "validation_r2_score"),
    ],
)
def test_losses_tell_the_task(
    memory: MemoryBackend, criterion: Any, target: Callable[..., Any], outputs: Callable[..., Any], metric: str
) -> None:
    model, (X, y) = network(), data()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    criterion(outputs(model(X)), target(y)).backward()
    optimizer.step()
    model.eval()
    loss = criterion(outputs(model(X)), target(y))  # gradients on, but the model is in evaluation mode
    run = recorded(memory) if loss.requires_grad is False else None
    with torch.inference_mode():
        criterion(outputs(model(X)), target(y))
    run = recorded(memory)
    assert run.last("val_loss") == pytest.approx(loss.item(), rel=1e-5)
    assert metric in run.metrics


def test_training_in_evaluation_mode_is_no_evaluation(memory: MemoryBackend) -> None:
    model = network().train()
    steps_of(model, 1)
    model.eval()
    steps_of(model, 20)
    run = recorded(memory)
    assert "val_loss" not in run.metrics
    assert not run.evaluations


def test_compiled_models_and_steps(memory: MemoryBackend) -> None:
    model, (X, y) = torch.compile(network(), backend="eager"), data(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)

    @torch.compile(backend="eager", fullgraph=True)
    def loss_of(inputs: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return F.cross_entropy(model(inputs), target)

    for _ in range(3):
        optimizer.zero_grad()
        loss_of(X, y).backward()
        optimizer.step()
    run = recorded(memory)
    assert len(run.metrics["loss"]) == 3
    assert "model/MLmodel" in run.artifacts


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_loss_functions_can_be_scripted(memory: MemoryBackend) -> None:
    scripted = torch.jit.script(nn.CrossEntropyLoss())
    X, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    assert torch.equal(scripted(X, y), F.cross_entropy(X, y))


def test_tracers_see_the_loss_function(memory: MemoryBackend) -> None:
    graph = torch.fx.symbolic_trace(nn.CrossEntropyLoss())
    X, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    assert torch.equal(graph(X, y), F.cross_entropy(X, y))


def test_function_transforms_inside_a_loop(memory: MemoryBackend) -> None:
    model, (X, y) = nn.Linear(4, 3), data(8)
    steps_of(model, 1)
    with torch.no_grad():
        losses = torch.vmap(lambda x, t: F.cross_entropy(model(x), t))(X, y)
    assert losses.shape == (8,)
    assert "val_loss" not in recorded(memory).metrics


def test_disable_ends_the_loop_and_puts_everything_back() -> None:
    names = ["cross_entropy", "mse_loss"]
    before = [torch.autograd.backward, torch.save, nn.Module.train, *(getattr(F, name) for name in names)]
    name = os.urandom(4).hex()
    autotrack.enable(to=f"memory://{name}", only=["torch"], log_system_metrics=False, capture=[])
    steps_of(network(), 3)
    autotrack.disable()
    assert before == [torch.autograd.backward, torch.save, nn.Module.train, *(getattr(F, name) for name in names)]
    (run,) = MemoryBackend.named(name).roots
    assert (run.status, len(run.metrics["loss"])) == ("finished", 3)
    steps_of(network(), 3)
    assert len(MemoryBackend.named(name).roots) == 1
