"""What is recorded of CatBoost."""

from __future__ import annotations

import csv
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import catboost
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, log_loss

import autotrack
from autotrack.integrations.catboost import AutotrackCallback
from autotrack.integrations.catboost.training import rows_after_training
from autotrack.recording import close_recorder
from autotrack.records import FAILED, FINISHED
from autotrack.testing import MemoryBackend

OPTIONS = {"depth": 2, "verbose": False, "allow_writing_files": False, "thread_count": 1}


@pytest.fixture
def arrays(binary_data: Any) -> tuple[np.ndarray, ...]:
    X, y = binary_data
    return X[:40], y[:40], X[40:], y[40:]


def fit(arrays: Any, iterations: int = 3, **fit_options: Any) -> catboost.CatBoostClassifier:
    model = catboost.CatBoostClassifier(iterations=iterations, **OPTIONS)
    return model.fit(arrays[0], arrays[1], eval_set=(arrays[2], arrays[3]), **fit_options)


def test_a_fit_is_recorded_as_a_whole(recorded: Any, arrays: Any) -> None:
    model = fit(arrays)
    run = recorded.only
    assert (run.name, run.source, run.status) == ("CatBoostClassifier", "catboost", FINISHED)
    for data, metrics in model.evals_result_.items():
        for metric, values in metrics.items():
            assert [value for _, value in run.metrics[f"{data}-{metric}"]][:3] == values
    assert run.params["iterations"] == 3
    assert run.params["l2_leaf_reg"] == 3
    assert None not in run.params.values()
    assert run.last("best_iteration") == model.best_iteration_
    assert set(run.evaluations) == {"training", "validation"}
    expected = log_loss(arrays[3], model.predict_proba(arrays[2]))
    assert run.last("validation_log_loss") == pytest.approx(expected)
    assert "feature_importance_PredictionValuesChange.json" in run.artifacts
    assert [data.context for data in run.datasets] == ["train", "validation"]
    assert [model.flavors for model in run.models] == [["catboost", "python_function"]]


def test_pools_and_train(recorded: Any, arrays: Any) -> None:
    pools = catboost.Pool(arrays[0], arrays[1]), catboost.Pool(arrays[2], arrays[3])
    catboost.train(
        pools[0], {**OPTIONS, "loss_function": "Logloss", "iterations": 5, "metric_period": 2}, eval_set=[*pools]
    )
    run = recorded.only
    assert [step for step, _ in run.metrics["validation_1-Logloss"]][:3] == [0, 2, 4]
    assert set(run.evaluations) == {"training", "validation_0", "validation_1"}


def test_metrics_come_after_the_training_where_callbacks_cannot_be(arrays: Any) -> None:
    model = fit(arrays, 5)
    rows = rows_after_training(model, {})
    assert [step for step, _ in rows] == [0, 1, 2, 3, 4]
    assert rows[4][1]["validation-Logloss"] == model.evals_result_["validation"]["Logloss"][4]


def test_a_long_training_has_no_callback_of_ours_and_all_points(recorded: Any, arrays: Any) -> None:
    model = catboost.CatBoostClassifier(n_estimators=400, **OPTIONS).fit(arrays[0], arrays[1])
    points = recorded.only.metrics["learn-Logloss"]
    assert points == list(enumerate(model.evals_result_["learn"]["Logloss"]))


def test_an_interrupt_keeps_every_point(recorded: Any, arrays: Any) -> None:
    class Interrupt:
        def after_iteration(self, info: Any) -> bool:
            if info.iteration == 20:
                raise KeyboardInterrupt
            return True

    callbacks = [Interrupt()]
    with ThreadPoolExecutor(1) as pool:  # CatBoost leaves the interrupt behind as the thread's exception for ever
        error = pool.submit(fit, arrays, 30, callbacks=callbacks).exception()
    assert isinstance(error, (catboost.CatBoostError, SystemError))  # which is what CatBoost makes of it, now and once
    run = recorded.only
    assert len(run.metrics["validation-Logloss"]) == 20
    assert run.status == FAILED
    assert len(callbacks) == 1


def test_a_callback_may_stop_the_training(recorded: Any, arrays: Any) -> None:
    class Stop:
        def after_iteration(self, info: Any) -> bool:
            return info.iteration < 4

    fit(arrays, 30, callbacks=[Stop()])
    assert len(recorded.only.metrics["learn-Logloss"]) == 4 + 1  # and the best once more


def test_continued_training_names_the_earlier_run(recorded: Any, arrays: Any) -> None:
    fit(arrays, init_model=fit(arrays))
    first, second = recorded.roots
    assert second.tags["autotrack.continued_from"] == first.id


@pytest.mark.parametrize("kind", ["CatBoostRegressor", "CatBoostRanker"])
def test_other_tasks(recorded: Any, regression_data: Any, binary_data: Any, kind: str) -> None:
    if kind == "CatBoostRegressor":
        catboost.CatBoostRegressor(iterations=3, **OPTIONS).fit(*regression_data)
        wanted = "training_r2_score"
    else:
        pool = catboost.Pool(*binary_data, group_id=np.repeat(np.arange(6), 10))
        catboost.CatBoostRanker(iterations=3, **OPTIONS).fit(pool)
        wanted = "training_ndcg"
    assert wanted in recorded.only.metrics


def test_categories(recorded: Any, binary_data: Any) -> None:
    import pandas as pd

    X, y = binary_data
    frame = pd.DataFrame(X, columns=list("abcd")).assign(e=np.where(X[:, 0] > 0, "up", "down"))
    catboost.CatBoostClassifier(iterations=3, **OPTIONS).fit(frame, y, cat_features=["e"])
    run = recorded.only
    assert run.params["cat_features"] == ["e"]
    assert '"name": "e"' in run.models[0].signature["inputs"]


def test_predictions_are_evaluated_when_the_user_does(recorded: Any, arrays: Any) -> None:
    accuracy = accuracy_score(arrays[3], fit(arrays).predict(arrays[2]))
    assert recorded.only.last("test_accuracy_score") == pytest.approx(accuracy)


def test_cv(recorded: Any, arrays: Any) -> None:
    params = {**OPTIONS, "loss_function": "Logloss", "iterations": 3}
    del params["allow_writing_files"], params["verbose"]
    result = catboost.cv(catboost.Pool(arrays[0], arrays[1]), {**params, "logging_level": "Silent"}, fold_count=3)
    run = recorded.only
    points = [value for _, value in run.metrics["test-Logloss-mean"]]
    assert points == pytest.approx(list(result["test-Logloss-mean"]))
    assert "cv_results.csv" in run.artifacts


def folds_of(run: Any) -> list[dict[str, float]]:
    with (Path(".autotrack/artifacts") / run.id / "cv_folds.csv").open(newline="") as file:
        return [{key: float(cell) for key, cell in row.items() if cell} for row in csv.DictReader(file)]


def test_cv_has_the_folds_that_catboost_writes_down(recorded: Any, arrays: Any) -> None:
    params = {"loss_function": "Logloss", "custom_metric": "F:beta=2", "iterations": 5, "thread_count": 1}
    params.update({"logging_level": "Silent", "train_dir": "elsewhere"})
    pool = catboost.Pool(arrays[0], arrays[1])
    catboost.cv(pool, params, fold_count=4)  # leaves files of a fourth fold
    result = catboost.cv(pool, params, fold_count=3, metric_period=2)
    first, second = recorded.roots
    assert {row["fold"] for row in folds_of(first)} == {0, 1, 2, 3}
    rows = folds_of(second)
    assert {row["fold"] for row in rows} == {0, 1, 2}
    assert sorted({int(row["iteration"]) for row in rows}) == [int(step) for step in result["iterations"]]
    for name in ("test-Logloss", "train-Logloss", "test-F:beta=2"):
        for step, mean in zip(result["iterations"], result[f"{name}-mean"], strict=True):
            assert np.mean([row[name] for row in rows if row["iteration"] == step]) == pytest.approx(mean)


def test_cv_without_files_says_that_the_folds_are_missing(recorded: Any, arrays: Any) -> None:
    params = {**OPTIONS, "loss_function": "Logloss", "iterations": 2}
    catboost.cv(catboost.Pool(arrays[0], arrays[1]), params, fold_count=2)
    assert "cv_folds.csv" not in recorded.only.artifacts
    assert "wrote no files" in str(recorded.only.notes)


def test_nothing_of_ours_is_in_the_model(arrays: Any) -> None:
    autotrack.enable(to="memory://catboost-clean", capture=[], log_system_metrics=False)
    try:
        model = fit(arrays)
    finally:
        autotrack.disable()
    assert MemoryBackend.named("catboost-clean").runs
    assert "callbacks" not in model.get_params()
    assert "callbacks" not in model.__getstate__()


def test_the_callback_works_with_tracking_off(arrays: Any) -> None:
    with autotrack.start_run("mine"):
        fit(arrays, callbacks=[AutotrackCallback()])
    (run,) = autotrack.search_runs()
    assert len(run.metric_history("learn-Logloss")) == 3
    close_recorder()
