"""What is recorded of LightGBM."""

from __future__ import annotations

import inspect
import re
from typing import Any

import lightgbm
import numpy as np
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

import autotrack
from autotrack.integrations.lightgbm import AutotrackCallback
from autotrack.recording import close_recorder
from autotrack.records import FAILED, FINISHED, INTERRUPTED
from autotrack.testing import MemoryBackend

PARAMS = {"objective": "binary", "verbosity": -1, "num_threads": 1, "min_data_in_leaf": 3, "metric": ["auc", "error"]}
pytestmark = pytest.mark.filterwarnings("ignore::lightgbm.basic.LGBMDeprecationWarning")


@pytest.fixture
def arrays(binary_data: Any) -> tuple[np.ndarray, ...]:
    X, y = binary_data
    return X[:40], y[:40], X[40:], y[40:]


def train(arrays: Any, rounds: int = 3, **options: Any) -> Any:
    data = lightgbm.Dataset(arrays[0], arrays[1])
    held_out = lightgbm.Dataset(arrays[2], arrays[3], reference=data)
    params = {**PARAMS, **options.pop("params", {})}
    return lightgbm.train(params, data, rounds, [data, held_out], ["train", "eval"], **options)


def test_a_training_is_recorded_as_a_whole(recorded: Any, arrays: Any) -> None:
    history: dict[str, Any] = {}
    booster = train(arrays, callbacks=[lightgbm.record_evaluation(history)])
    run = recorded.only
    assert (run.name, run.source, run.status) == ("lightgbm.train", "lightgbm", FINISHED)
    for data, metrics in history.items():
        for metric, values in metrics.items():
            assert run.metrics[f"{data}-{metric}"] == list(enumerate(values))
    assert run.params["num_boost_round"] == 3
    assert run.params["learning_rate"] == 0.1
    assert run.params["min_data_in_leaf"] == 3
    assert None not in run.params.values()
    assert set(run.evaluations) == {"training", "eval"}
    assert run.last("eval_roc_auc") == pytest.approx(roc_auc_score(arrays[3], booster.predict(arrays[2])))
    assert {"feature_importance_split.json", "feature_importance_gain.json"} < set(run.artifacts)
    assert [(data.name, data.profile["num_rows"]) for data in run.datasets] == [("training", 40), ("eval", 20)]
    assert [model.flavors for model in run.models] == [["lightgbm", "python_function"]]
    assert run.notes == []


def test_early_stopping_names_its_best_iteration(recorded: Any, arrays: Any) -> None:
    booster = train(arrays, 60, callbacks=[lightgbm.early_stopping(2, verbose=False)], params={"learning_rate": 0.9})
    run = recorded.only
    assert run.last("best_iteration") == booster.best_iteration - 1
    assert run.params["early_stopping_rounds"] == 2
    points = run.metrics["eval-auc"]
    assert [step for step, _ in points] == list(range(len(points)))
    assert points[-1][1] == points[booster.best_iteration - 1][1]


def test_the_order_of_the_users_callbacks_is_theirs(recorded: Any, arrays: Any) -> None:
    def one(env: Any) -> None: ...

    def two(env: Any) -> None: ...

    callbacks = [one, two]
    train(arrays, callbacks=callbacks)
    assert [callback.order for callback in (one, two)] == [-2, -1]
    assert callbacks == [one, two]


def test_a_scheduled_learning_rate_is_a_series(recorded: Any, arrays: Any) -> None:
    train(arrays, callbacks=[lightgbm.reset_parameter(learning_rate=[0.5, 0.25, 0.125])])
    assert recorded.only.metrics["learning_rate"] == [(0, 0.5), (1, 0.25), (2, 0.125)]


def test_an_interrupt_keeps_every_point(recorded: Any, arrays: Any) -> None:
    def interrupt(env: Any) -> None:
        if env.iteration == 19:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(arrays, 30, callbacks=[interrupt])
    run = recorded.only
    assert len(run.metrics["eval-auc"]) == 20
    assert run.status == INTERRUPTED


def test_custom_objective_and_metric(recorded: Any, arrays: Any) -> None:
    def objective(predicted: Any, data: Any) -> Any:
        return predicted - data.get_label(), np.ones_like(predicted)

    def far(predicted: Any, data: Any) -> Any:
        return "far", float(np.mean(abs(predicted - data.get_label()) > 0.5)), False

    train(arrays, feval=far, params={"objective": objective, "metric": "None"})
    run = recorded.only
    assert len(run.metrics["eval-far"]) == 3
    assert [note.code for note in run.notes] == ["evaluation.skipped"]


def test_continued_training_names_the_earlier_run(recorded: Any, arrays: Any) -> None:
    train(arrays, init_model=train(arrays))
    first, second = recorded.roots
    assert second.tags["autotrack.continued_from"] == first.id
    assert [step for step, _ in second.metrics["eval-auc"]] == [3, 4, 5]


def test_raw_data_that_are_gone_leave_a_note(recorded: Any, binary_data: Any) -> None:
    X, y = binary_data
    lightgbm.train({**PARAMS, "boosting": "dart"}, lightgbm.Dataset(X.copy(), y), 2)
    assert any("raw data are gone" in note.message for note in recorded.only.notes)


@pytest.mark.parametrize("only", [[], ["lightgbm"]])
def test_an_estimator_is_one_run_whichever_integrations_are_on(arrays: Any, only: list[str]) -> None:
    name = f"lightgbm-{only}"
    autotrack.enable(to=f"memory://{name}", only=only, capture=[], log_system_metrics=False)
    try:
        model = lightgbm.LGBMClassifier(n_estimators=3, n_jobs=1, verbosity=-1)
        labels = np.array(["no", "yes"])
        model.fit(arrays[0], labels[arrays[1]], eval_set=[(arrays[2], labels[arrays[3]])], eval_names=["held"])
        autotrack.flush()
        (run,) = MemoryBackend.named(name).runs
    finally:
        autotrack.disable()
    assert run.name == "LGBMClassifier"
    assert len(run.metrics["held-binary_logloss"]) == 3
    assert run.evaluations["held"]["labels"] == ["no", "yes"]
    assert set(run.evaluations) == {"training", "held"}
    assert len(run.metrics["training_accuracy_score"]) == 1
    assert [model.flavors for model in run.models] == [["lightgbm", "python_function"]]


def test_our_predictions_print_nothing(binary_data: Any, capfd: Any) -> None:
    def printed() -> str:
        model = lightgbm.LGBMClassifier(n_estimators=2, n_jobs=1, min_data_in_leaf=5, min_child_samples=7, verbosity=0)
        model.fit(*binary_data)
        accuracy_score(binary_data[1], model.predict(binary_data[0]))
        said: str = capfd.readouterr().out
        return re.sub(r"[\d.]+ seconds", "so many seconds", said)  # LightGBM before 4.6 times itself

    bare = printed()
    autotrack.enable(to="memory://silent", capture=[], log_system_metrics=False)
    try:
        tracked = printed()
    finally:
        autotrack.disable()
    assert "min_data_in_leaf is set" in bare
    assert tracked == bare


def test_a_ranker_is_evaluated_by_group(recorded: Any, binary_data: Any) -> None:
    X, y = binary_data
    ranker = lightgbm.LGBMRanker(n_estimators=3, n_jobs=1, verbosity=-1)
    ranker.fit(X, y, group=[10] * 6, eval_set=[(X, y)], eval_group=[[10] * 6], eval_at=[3])
    run = recorded.only
    assert "training-ndcg_at_3" in run.metrics
    assert run.evaluations["training"]["task"] == "ranking"


def test_a_native_booster_is_evaluated_when_the_user_does(recorded: Any, arrays: Any) -> None:
    predicted = train(arrays).predict(arrays[2])
    accuracy = accuracy_score(arrays[3], predicted > 0.5)
    assert recorded.only.last("test_accuracy_score") == pytest.approx(accuracy)


def test_cv_has_every_fold(recorded: Any, arrays: Any) -> None:
    result = lightgbm.cv(PARAMS, lightgbm.Dataset(arrays[0], arrays[1]), 4, nfold=3)
    run = recorded.only
    assert [value for _, value in run.metrics["valid-auc-mean"]] == pytest.approx(result["valid auc-mean"])
    assert [value for _, value in run.metrics["valid-auc-stdv"]] == pytest.approx(result["valid auc-stdv"])
    assert "cv_folds.csv" in run.artifacts


def test_the_callback_works_with_tracking_off(arrays: Any) -> None:
    train(arrays, callbacks=[AutotrackCallback()])
    (run,) = autotrack.search_runs()
    assert len(run.metric_history("eval-auc")) == 3
    assert run.status == FINISHED
    close_recorder()


@pytest.mark.parametrize(("features", "targets"), [((0, 0), 0), (0, (0, 0)), ((0, 0, 0), (0, 0))])
def test_validation_sets_that_do_not_match_are_refused_by_lightgbm(
    recorded: Any, arrays: Any, features: Any, targets: Any
) -> None:
    if "eval_X" not in inspect.signature(lightgbm.LGBMRegressor.fit).parameters:
        pytest.skip("LightGBM before 4.7 has no eval_X")
    wanted = ((arrays[2], features), (arrays[3], targets))
    given = [(rows,) * len(shape) if isinstance(shape, tuple) else rows for rows, shape in wanted]
    with pytest.raises(ValueError, match="eval_X is a tuple"):
        lightgbm.LGBMRegressor().fit(arrays[0], arrays[1], eval_X=given[0], eval_y=given[1])
    assert recorded.only.status == FAILED
