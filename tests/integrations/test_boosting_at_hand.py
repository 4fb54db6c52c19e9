"""Native trainings are evaluated from predictions the library has anyway: the numbers are those of the model."""

from __future__ import annotations

from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sklearn.metrics import log_loss, mean_absolute_error, roc_auc_score

OBJECTIVES = ("binary", "multiclass", "regression")
XGBOOST: dict[str, dict[str, Any]] = {
    "binary": {"objective": "binary:logistic"},
    "multiclass": {"objective": "multi:softprob", "num_class": 3},
    "regression": {"objective": "reg:squarederror"},
}
pytestmark = pytest.mark.filterwarnings("ignore::lightgbm.basic.LGBMDeprecationWarning")


def data_for(objective: str) -> tuple[Any, Any]:
    rng = np.random.default_rng(5)
    X = rng.normal(size=(300, 4))
    score = X[:, 0] + X[:, 1] * X[:, 2]
    if objective == "regression":
        return X, score
    return X, (score > 0).astype(int) if objective == "binary" else np.digitize(score, [-0.5, 0.5])


def agrees(run: Any, split: str, truth: Any, predicted: Any) -> None:
    if np.ndim(predicted) == 2:
        assert run.last(f"{split}_log_loss") == pytest.approx(log_loss(truth, predicted), rel=1e-5)
    elif len(set(truth)) == 2:
        assert run.last(f"{split}_roc_auc") == pytest.approx(roc_auc_score(truth, predicted))
    else:
        expected = mean_absolute_error(truth, predicted)
        assert run.last(f"{split}_mean_absolute_error") == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("options", [{}, {"booster": "dart"}, {"tree_method": "exact"}], ids=["hist", "dart", "exact"])
def test_xgboost(recorded: Any, objective: str, options: dict[str, Any]) -> None:
    X, y = data_for(objective)
    train, held_out = xgboost.DMatrix(X[:200], y[:200]), xgboost.DMatrix(X[200:], y[200:])
    params = {**XGBOOST[objective], "nthread": 1, **options}
    booster = xgboost.train(params, train, 8, evals=[(held_out, "eval")], verbose_eval=False)
    agrees(recorded.only, "training", y[:200], booster.predict(train))
    agrees(recorded.only, "eval", y[200:], booster.predict(held_out))


def test_xgboost_whose_model_is_cut_to_its_best(recorded: Any) -> None:
    X, y = data_for("binary")
    train, held_out = xgboost.DMatrix(X[:200], y[:200]), xgboost.DMatrix(X[200:], y[200:])
    stop = xgboost.callback.EarlyStopping(rounds=2, save_best=True)
    params = {**XGBOOST["binary"], "nthread": 1, "eta": 2.0}
    booster = xgboost.train(params, train, 60, evals=[(held_out, "eval")], verbose_eval=False, callbacks=[stop])
    assert booster.num_boosted_rounds() < len(recorded.only.metrics["eval-logloss"])
    agrees(recorded.only, "eval", y[200:], booster.predict(held_out))


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize(
    "options",
    [{}, {"boosting": "dart"}, {"num_iterations": 6}, {"early_stopping_round": 2}],
    ids=str,
)
@pytest.mark.filterwarnings("ignore:Found `num_iterations` in params")  # by LightGBM before 4.6
def test_lightgbm(recorded: Any, objective: str, options: dict[str, Any]) -> None:
    X, y = data_for(objective)
    inner, outer, labels, held_labels = X[:200], X[200:], y[:200], y[200:]
    train = lightgbm.Dataset(inner, labels)
    held_out = lightgbm.Dataset(outer, held_labels, reference=train)
    params = {"objective": objective, "num_class": 3 if objective == "multiclass" else 1, "verbosity": -1}
    booster = lightgbm.train(
        {**params, "num_threads": 1, "learning_rate": 0.5, **options}, train, 40, [held_out], ["eval"]
    )
    agrees(recorded.only, "training", labels, booster.predict(inner))
    agrees(recorded.only, "eval", held_labels, booster.predict(outer))


def test_lightgbm_needs_no_raw_data(recorded: Any) -> None:
    X, y = data_for("binary")
    booster = lightgbm.train(
        {"objective": "binary", "verbosity": -1, "num_threads": 1}, lightgbm.Dataset(X.copy(), y), 4
    )
    agrees(recorded.only, "training", y, booster.predict(X))
    assert recorded.only.notes == []


def test_lightgbm_with_initial_scores(recorded: Any) -> None:
    X, y = data_for("regression")
    train = lightgbm.Dataset(X, y, init_score=np.full(300, 7.0))
    booster = lightgbm.train({"objective": "regression", "verbosity": -1, "num_threads": 1}, train, 4)
    agrees(recorded.only, "training", y, booster.predict(X))


def test_lightgbm_that_goes_on(recorded: Any) -> None:
    X, y = data_for("regression")
    params = {"objective": "regression", "verbosity": -1, "num_threads": 1}
    first = lightgbm.train(params, lightgbm.Dataset(X, y, free_raw_data=False), 4)
    second = lightgbm.train(params, lightgbm.Dataset(X, y, free_raw_data=False), 4, init_model=first)
    agrees(recorded.roots[1], "training", y, second.predict(X))
