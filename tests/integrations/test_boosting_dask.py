"""Training on a Dask cluster of two workers is one run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autotrack
from autotrack.testing import MemoryBackend, MemoryRun

dask_array = pytest.importorskip("dask.array")
distributed = pytest.importorskip("distributed")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore"),  # of dask, distributed and both libraries about each other
]


@pytest.fixture(params=[False, True], ids=["threads", "processes"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "dashboard_address": None,
        "host": "127.0.0.1",
        "protocol": "tcp",
    }
    with (
        distributed.LocalCluster(processes=request.param, **options) as cluster,
        distributed.Client(cluster) as connected,
    ):
        yield connected


@pytest.fixture
def data(binary_data: Any) -> tuple[Any, Any]:
    X, y = (np.concatenate([part] * 4) for part in binary_data)
    return dask_array.from_array(X, chunks=(120, 4)), dask_array.from_array(y, chunks=120)


def recorded(train: Any, name: str, only: list[str]) -> MemoryRun:
    autotrack.enable(to=f"memory://{name}", only=only, capture=[], log_system_metrics=False)
    try:
        train()
        autotrack.flush()
    finally:
        autotrack.disable()
    (run,) = MemoryBackend.named(name).runs
    assert not [note for note in run.notes if note.level == "error"]
    return run


def test_xgboost_train(client: Any, data: Any) -> None:
    from xgboost import dask as xgboost_dask

    def train() -> None:
        matrix = xgboost_dask.DaskDMatrix(client, *data)
        params = {"objective": "binary:logistic", "max_depth": 2}
        result = xgboost_dask.train(client, params, matrix, 3, evals=[(matrix, "train")])
        history.update(result["history"])

    history: dict[str, Any] = {}
    run = recorded(train, f"xgboost-dask-{id(client)}", [])
    assert run.name == "xgboost.dask.train"
    assert [value for _, value in run.metrics["train-logloss"]] == list(history["train"]["logloss"])
    assert len(run.models) == 1


@pytest.mark.parametrize("only", [[], ["xgboost"]])
def test_xgboost_estimator(client: Any, data: Any, only: list[str]) -> None:
    from xgboost import dask as xgboost_dask

    model = xgboost_dask.DaskXGBClassifier(n_estimators=3, max_depth=2)
    run = recorded(lambda: model.fit(*data, eval_set=[data]), f"xgboost-fit-{only}-{id(client)}", only)
    assert run.name == "DaskXGBClassifier"
    assert len(run.metrics["validation_0-logloss"]) == 3


@pytest.mark.parametrize("only", [[], ["lightgbm"]])
def test_lightgbm_estimator(client: Any, data: Any, only: list[str]) -> None:
    import lightgbm

    model = lightgbm.DaskLGBMClassifier(client=client, n_estimators=3, num_leaves=4, verbosity=-1)
    run = recorded(lambda: model.fit(*data), f"lightgbm-fit-{only}-{id(client)}", only)
    assert run.name == "DaskLGBMClassifier"
    assert run.last("n_trees") == 3
    assert len(run.models) == 1
    restored = autotrack.models.load(Path(".autotrack/artifacts") / run.id / "model")
    assert type(restored) is lightgbm.LGBMClassifier
    X = data[0].compute()
    np.testing.assert_array_equal(restored.predict(X), model.to_local().predict(X))
