"""Searches and trainings on a real local cluster of Ray, with workers in processes of their own."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import train, tune
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer
from ray.train.v2.api.exceptions import TrainingFailedError

import autotrack
from autotrack import recording
from autotrack.integrations.ray.callback import AutotrackCallback
from autotrack.records import FAILED, FINISHED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Ray's own
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),  # sockets and log files of a cluster that goes down
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    with tempfile.TemporaryDirectory(prefix="ray-", dir="/tmp") as folder:  # paths of sockets must be short
        options = {"include_dashboard": False, "logging_level": "ERROR", "log_to_driver": False}
        ray.init(num_cpus=2, _node_ip_address="127.0.0.1", _temp_dir=folder, **options)
        yield
        ray.shutdown()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Path]:
    autotrack.enable(to=tmp_path / "store", capture=[], log_system_metrics=False)
    yield tmp_path / "store"
    autotrack.disable()


def runs() -> dict[str, Any]:
    autotrack.flush()
    return {run.name: run for run in autotrack.search_runs()}


def series(run: Any, key: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in run.metric_history(key)]


def storage(tmp_path: Path, name: str) -> dict[str, str]:
    return {"storage_path": str(tmp_path / "results"), "name": name}


def test_a_search_is_a_tree(store: Path, tmp_path: Path) -> None:
    def objective(config: dict[str, Any]) -> None:
        if config["rate"] == 3:
            raise ArithmeticError("no good")
        for step in range(4):
            tune.report({"loss": config["rate"] / (step + 1), "eval": {"step": step}})
        if config["rate"] == 2:
            import autotrack  # in a worker, where nobody has enabled it

            autotrack.log_metric("mine", 7.0, step=5)

    mine: list[Any] = []
    config = tune.RunConfig(**storage(tmp_path, "valley"), verbose=0, callbacks=mine)
    tuner = tune.Tuner(
        objective,
        param_space={"rate": tune.grid_search([1, 2, 3]), "optimizer": {"momentum": tune.uniform(0, 1)}},
        tune_config=tune.TuneConfig(metric="loss", mode="min"),
        run_config=config,
    )
    grid = tuner.fit()
    found = runs()
    study = found.pop("valley")
    assert mine == []
    assert (study.status, study.params["num_samples"], study.params["best_rate"]) == (FINISHED, 1, 1)
    assert study.metrics["best_loss"] == grid.get_best_result().metrics["loss"] == 0.25
    assert {"n_trials": 3, "n_terminated": 2, "n_error": 1}.items() <= study.metrics.items()
    space = json.loads((store / "artifacts" / study.id / "search_space.json").read_text())
    assert space["optimizer/momentum"] == {"type": "Float", "sampler": "Uniform", "values": "(0, 1)"}
    table = (store / "artifacts" / study.id / "trials.csv").read_text().splitlines()
    assert len(table) == 4
    assert sorted(found) == ["trial 0", "trial 1", "trial 2"]
    assert all(run.parent_id == study.id for run in found.values())
    by_rate = {run.params["rate"]: run for run in found.values()}
    assert series(by_rate[1], "loss") == [(1, 1.0), (2, 0.5), (3, pytest.approx(1 / 3)), (4, 0.25)]
    assert "eval/step" in by_rate[1].metrics
    assert series(by_rate[2], "mine") == [(5, 7.0)]
    assert [by_rate[rate].status for rate in (1, 2, 3)] == [FINISHED, FINISHED, FAILED]
    assert "ArithmeticError: no good" in by_rate[3].error
    assert "autotrack" not in by_rate[3].error  # no frame of ours in the traceback of the program


def test_a_scheduler_stops_trials_early(store: Path, tmp_path: Path) -> None:
    def objective(config: dict[str, Any]) -> None:
        for step in range(20):
            tune.report({"loss": config["level"] + 1 / (step + 1)})

    tune.run(
        objective,
        config={"level": tune.grid_search([0, 5])},
        stop={"training_iteration": 3},
        callbacks=[AutotrackCallback(metric="loss", mode="min")],  # the user's own: not a second time
        verbose=0,
        **storage(tmp_path, "stopped"),
    )
    found = runs()
    study = found.pop("stopped")
    assert len(found) == 2
    for run in found.values():
        assert run.tags["tune.stopped_early"] == "true"
        assert [step for step, _ in series(run, "loss")] == [1, 2, 3]
    assert study.params["trainable"] == "objective"


def test_the_callback_alone_records_a_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_LOG_SYSTEM_METRICS", "0")

    def objective(config: dict[str, Any]) -> dict[str, float]:
        return {"loss": config["x"]}

    callback = AutotrackCallback(metric="loss", mode="min")
    tune.run(objective, config={"x": 2}, callbacks=[callback], verbose=0, **storage(tmp_path, "alone"))
    autotrack.flush()
    (trial, study) = autotrack.search_runs(order_by="start_time desc")
    recording.close_recorder()
    assert (study.status, study.metrics["best_loss"], trial.parent_id) == (FINISHED, 2.0, study.id)


def test_a_training_is_one_run(store: Path, tmp_path: Path) -> None:
    def loop(config: dict[str, Any]) -> None:
        import autotrack

        autotrack.enable()  # on each worker; only that of rank 0 records by itself
        rank = train.get_context().get_world_rank()
        for epoch in range(3):
            with tempfile.TemporaryDirectory() as folder:
                kept = train.Checkpoint.from_directory(folder) if epoch == 2 and rank == 0 else None
                train.report({"loss": config["rate"] ** epoch, "rank": rank}, checkpoint=kept)
        if autotrack.is_enabled():
            autotrack.log_param("said_by", rank)

    trainer = DataParallelTrainer(
        loop,
        train_loop_config={"rate": 0.5},
        scaling_config=train.ScalingConfig(num_workers=2),
        run_config=train.RunConfig(**storage(tmp_path, "training")),
    )
    before = dict(vars(trainer)), dict(vars(trainer.run_config))
    result = trainer.fit()
    assert (dict(vars(trainer)), dict(vars(trainer.run_config))) == before
    found = runs()
    (run,) = found.values()  # no loose runs of workers
    assert (run.name, run.status, run.params["num_workers"]) == ("DataParallelTrainer", FINISHED, 2)
    assert series(run, "loss") == [(1, 1.0), (2, 0.5), (3, 0.25)]
    assert series(run, "rank") == [(1, 0.0), (2, 0.0), (3, 0.0)]
    assert run.params["said_by"] == 0
    assert run.tags["ray.path"] == result.path
    table = (store / "artifacts" / run.id / "checkpoints.csv").read_text()
    assert result.checkpoint.path in table
    assert not run.notes


def test_a_training_that_fails_is_a_failed_run(store: Path, tmp_path: Path) -> None:
    def loop() -> None:
        train.report({"loss": 1.0})
        raise ArithmeticError("no good")

    trainer = DataParallelTrainer(
        loop,
        scaling_config=train.ScalingConfig(num_workers=1),
        run_config=train.RunConfig(**storage(tmp_path, "failing")),
    )
    with contextlib.redirect_stderr(io.StringIO()), pytest.raises(TrainingFailedError, match="no good") as caught:
        trainer.fit()
    (run,) = runs().values()
    assert (run.status, series(run, "loss")) == (FAILED, [(1, 1.0)])
    assert "no good" in run.error
    assert [note.code for note in run.notes] == ["ray.worker_failed"]
    assert "autotrack" not in str(caught.value)


def test_a_search_that_ray_refuses_is_a_failed_run(store: Path) -> None:
    with pytest.raises(ValueError, match="mode"):
        tune.run(lambda config: None, config={}, metric="loss", mode="lowest")
    (run,) = runs().values()
    assert run.status == FAILED
    assert autotrack.active_run() is None
