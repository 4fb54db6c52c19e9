"""What is recorded of XGBoost."""

from __future__ import annotations

import copy
import functools
import pickle
import warnings
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.metrics import accuracy_score, roc_auc_score

import autotrack
from autotrack.integrations.xgboost import AutotrackCallback
from autotrack.integrations.xgboost.booster import effective
from autotrack.recording import close_recorder
from autotrack.records import FINISHED, INTERRUPTED
from autotrack.switch import integration_status
from autotrack.testing import MemoryBackend

PARAMS = {"objective": "binary:logistic", "max_depth": 2, "nthread": 1, "eta": 0.5}
TYPES = ("weight", "gain", "cover", "total_gain", "total_cover")


@pytest.fixture
def matrices(binary_data: Any) -> tuple[xgboost.DMatrix, xgboost.DMatrix]:
    X, y = binary_data
    return xgboost.DMatrix(X[:40], y[:40]), xgboost.DMatrix(X[40:], y[40:])


def train(matrices: Any, rounds: int = 3, **options: Any) -> Any:
    data, held_out = matrices
    evals = options.pop("evals", [(data, "train"), (held_out, "eval")])
    params = {**PARAMS, **options.pop("params", {})}
    return xgboost.train(params, data, rounds, evals=evals, verbose_eval=False, **options)


def test_a_training_is_recorded_as_a_whole(recorded: Any, matrices: Any) -> None:
    history: dict[str, Any] = {}
    booster = train(matrices, params={"eval_metric": ["logloss", "auc"]}, evals_result=history)
    run = recorded.only
    assert (run.name, run.source, run.status) == ("xgboost.train", "xgboost", FINISHED)
    for data, metrics in history.items():
        for metric, values in metrics.items():
            assert run.metrics[f"{data}-{metric}"] == list(enumerate(values))
    assert run.params["num_boost_round"] == 3
    assert run.params["max_depth"] == 2
    assert run.params["learning_rate"] == 0.5
    assert run.params["min_child_weight"] == 1
    assert None not in run.params.values()
    assert run.tags["mlflow.autologging"] == "xgboost"
    assert set(run.evaluations) == {"training", "eval"}
    predicted = booster.predict(matrices[1])
    assert run.last("eval_roc_auc") == pytest.approx(roc_auc_score(matrices[1].get_label(), predicted))
    assert run.last("n_trees") == 3
    assert {f"feature_importance_{kind}.json" for kind in TYPES} < set(run.artifacts)
    assert [(data.name, data.context, data.profile["num_rows"]) for data in run.datasets] == [
        ("training", "train", 40),
        ("eval", "validation", 20),
    ]
    assert [model.flavors for model in run.models] == [["python_function", "xgboost"]]
    assert run.notes == []


def test_early_stopping_names_its_best_iteration(recorded: Any, matrices: Any) -> None:
    booster = train(matrices, 50, early_stopping_rounds=2, params={"eta": 3.0})
    run = recorded.only
    assert run.last("best_iteration") == booster.best_iteration
    assert run.last("best_score") == pytest.approx(booster.best_score)
    points = run.metrics["eval-logloss"]
    stopped = int(run.last("stopped_iteration"))
    assert [step for step, _ in points] == [*range(stopped + 1), stopped + 1]
    assert points[-1][1] == points[booster.best_iteration][1]


def test_a_callback_that_stops_leaves_no_hole(recorded: Any, matrices: Any) -> None:
    class Stop(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            return epoch == 2

    callbacks = [Stop()]
    train(matrices, 10, callbacks=callbacks)
    assert len(recorded.only.metrics["eval-logloss"]) == 3
    assert len(callbacks) == 1


def test_a_scheduled_learning_rate_is_a_series(recorded: Any, matrices: Any) -> None:
    train(matrices, callbacks=[xgboost.callback.LearningRateScheduler([0.5, 0.25, 0.125])])
    # The scheduler acts after an iteration: these are the rates that were in effect.
    assert recorded.only.metrics["learning_rate"] == [(0, 0.5), (1, 0.5), (2, 0.25)]


def test_callbacks_may_be_used_twice(recorded: Any, matrices: Any) -> None:
    callbacks = [xgboost.callback.EvaluationMonitor(period=1000)]
    train(matrices, 3, callbacks=callbacks)
    train(matrices, 6, callbacks=callbacks)
    assert [len(run.metrics["eval-logloss"]) for run in recorded.roots] == [3, 6]


def test_an_interrupt_keeps_every_point(recorded: Any, matrices: Any) -> None:
    class Interrupt(xgboost.callback.TrainingCallback):
        def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
            if epoch == 19:
                raise KeyboardInterrupt
            return False

    with pytest.raises(KeyboardInterrupt):
        train(matrices, 30, callbacks=[Interrupt()])
    run = recorded.only
    assert len(run.metrics["train-logloss"]) == 20
    assert run.status == INTERRUPTED


def test_custom_objective_and_metric(recorded: Any, matrices: Any) -> None:
    def objective(predicted: Any, data: Any) -> Any:
        return predicted - data.get_label(), np.ones_like(predicted)

    def far(predicted: Any, data: Any) -> Any:
        return "far", float(np.mean(abs(predicted - data.get_label()) > 0.5))

    train(matrices, obj=objective, custom_metric=far, params={"disable_default_eval_metric": True})
    run = recorded.only
    assert len(run.metrics["eval-far"]) == 3
    assert run.params["obj"].endswith("objective")
    assert [note.code for note in run.notes] == ["evaluation.skipped"]


def test_old_positional_arguments(recorded: Any, matrices: Any) -> None:
    data, held_out = matrices
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        xgboost.train(PARAMS, data, 3, [(held_out, "eval")], verbose_eval=False)
    assert any("keyword" in str(warning.message) for warning in seen)
    assert len(recorded.only.metrics["eval-logloss"]) == 3


def test_continued_training_names_the_earlier_run(recorded: Any, matrices: Any) -> None:
    train(matrices, xgb_model=train(matrices))
    first, second = recorded.roots
    assert second.tags["autotrack.continued_from"] == first.id


@pytest.mark.parametrize("only", [[], ["xgboost"]])
def test_an_estimator_is_one_run_whichever_integrations_are_on(binary_data: Any, only: list[str]) -> None:
    X, y = binary_data
    name = f"estimator-{only}"
    autotrack.enable(to=f"memory://{name}", only=only, capture=[], log_system_metrics=False)
    try:
        model = xgboost.XGBClassifier(n_estimators=3, n_jobs=1)
        half, labels = X[:40], y[:40]
        model.fit(half, labels, eval_set=[(half, labels), (X[40:], y[40:])], verbose=False)
        autotrack.flush()
        (run,) = MemoryBackend.named(name).runs
    finally:
        autotrack.disable()
    assert run.name == "XGBClassifier"
    assert run.params["n_estimators"] == 3
    assert run.params["max_depth"] == 6
    assert None not in run.params.values()
    assert len(run.metrics["validation_1-logloss"]) == 3
    assert set(run.evaluations) == {"training", "validation_1"}
    assert len(run.metrics["training_accuracy_score"]) == 1
    assert [model.flavors for model in run.models] == [["python_function", "xgboost"]]
    assert [data.context for data in run.datasets] == ["train", "validation"]


def test_a_ranker_is_evaluated_by_group(recorded: Any, binary_data: Any) -> None:
    X, y = binary_data
    groups = np.repeat(np.arange(6), 10)
    ranker = xgboost.XGBRanker(n_estimators=3, n_jobs=1)
    ranker.fit(X, y, qid=groups, eval_set=[(X, y[::-1])], eval_qid=[groups], verbose=False)
    run = recorded.only
    assert run.evaluations["validation_0"]["task"] == "ranking"
    assert {"training_ndcg", "validation_0_ndcg_at_3", "validation_0_map", "validation_0_mrr"} < set(run.metrics)


def test_a_native_booster_is_evaluated_when_the_user_does(recorded: Any, matrices: Any) -> None:
    booster = train(matrices)
    predicted = booster.predict(matrices[1])
    accuracy = accuracy_score(matrices[1].get_label(), predicted > 0.5)
    run = recorded.only
    assert run.last("test_accuracy_score") == pytest.approx(accuracy)
    assert "roc" in [curve["kind"] for curve in run.evaluations["test"]["curves"]]


def test_cv_has_every_fold(recorded: Any, matrices: Any) -> None:
    result = xgboost.cv(PARAMS, matrices[0], 4, nfold=3, metrics=["auc"])
    run = recorded.only
    assert run.name == "xgboost.cv"
    assert [value for _, value in run.metrics["test-auc-mean"]] == pytest.approx(list(result["test-auc-mean"]))
    assert [value for _, value in run.metrics["test-auc-std"]] == pytest.approx(list(result["test-auc-std"]))
    assert "cv_folds.csv" in run.artifacts


def test_functions_imported_before_enabling_are_observed(matrices: Any) -> None:
    from xgboost import train as imported

    globals()["imported_earlier"] = imported
    autotrack.enable(to="memory://imported", capture=[], log_system_metrics=False)
    try:
        assert imported_earlier is not imported  # type: ignore[name-defined] # noqa: F821
        imported_earlier(PARAMS, matrices[0], 2)  # type: ignore[name-defined] # noqa: F821
        autotrack.flush()
    finally:
        autotrack.disable()
    assert globals().pop("imported_earlier") is imported
    assert len(MemoryBackend.named("imported").runs) == 1


def test_a_reference_that_cannot_be_replaced_is_told_of(matrices: Any) -> None:
    def details() -> str:
        return next(status.detail for status in integration_status() if status.name == "xgboost")

    makers: list[Any] = [list, lambda: [functools.partial(xgboost.train, PARAMS)], lambda: [{"train": xgboost.train}]]
    for make in makers:
        held = make()
        autotrack.enable(to="memory://unreached", capture=[], log_system_metrics=False)
        try:
            assert details().endswith("not observed there: train" if make is not list else " patches")
        finally:
            autotrack.disable()
        del held


def test_the_callback_works_with_tracking_off(matrices: Any) -> None:
    with autotrack.start_run("mine"):
        run = autotrack.active_run()
        train(matrices, callbacks=[AutotrackCallback(learning_rate=True)])
    assert run is not None
    train(matrices, callbacks=[callback := AutotrackCallback()])
    stored = {found.name: found for found in autotrack.search_runs()}
    assert len(stored["mine"].metric_history("eval-logloss")) == 3
    assert stored["xgboost.train"].status == FINISHED
    close_recorder()
    assert copy.deepcopy(callback) is not callback
    pickle.loads(pickle.dumps(callback))


def test_effective_parameters_are_typed(matrices: Any) -> None:
    import json

    found = dict(effective(json.loads(xgboost.train(PARAMS, matrices[0], 1).save_config())))
    assert found["learning_rate"] == 0.5
    assert found["max_depth"] == 2
    assert isinstance(found["max_depth"], int)
    assert "eta" not in found
