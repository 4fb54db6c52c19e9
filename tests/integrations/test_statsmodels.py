"""What is recorded of statsmodels."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import statsmodels.formula.api as smf
from sklearn.metrics import mean_absolute_error, roc_auc_score
from statsmodels.base.model import Model
from statsmodels.regression.linear_model import OLS
from statsmodels.tsa.arima.model import ARIMA

import autotrack
from autotrack.errors import UntrustedModelError
from autotrack.records import FINISHED
from autotrack.testing import IntegrationContract


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    found = pd.DataFrame(rng.normal(size=(80, 2)), columns=["age", "dose"])
    found["effect"] = 2 * found.age - found.dose + rng.normal(size=80)
    found["cured"] = (found.effect > 0).astype(int)
    return found


def test_a_regression_is_recorded_as_a_whole(recorded: Any, frame: Any) -> None:
    results = sm.OLS(frame.effect, sm.add_constant(frame[["age", "dose"]])).fit(cov_type="HC1")
    run = recorded.only
    assert (run.name, run.source, run.status) == ("OLS", "statsmodels", FINISHED)
    assert run.params["cov_type"] == "HC1"
    assert run.params["endog_names"] == "effect"
    assert not [name for name, value in run.params.items() if "empty" in str(value)]  # R19
    for name in ("rsquared", "rsquared_adj", "aic", "bic", "llf", "fvalue", "mse_resid", "condition_number"):
        assert run.last(name) == pytest.approx(getattr(results, name))
    assert run.last("training_mean_absolute_error") == pytest.approx(abs(results.resid).mean())
    assert {"coefficients.json", "coefficients.csv", "model_summary.txt"} <= set(run.artifacts)
    written = json.loads((Path(".autotrack/artifacts") / run.id / "coefficients.json").read_text())
    assert written == pytest.approx(results.params.to_dict())
    assert [(data.name, data.profile["num_rows"]) for data in run.datasets] == [("training", 80)]
    assert [model.flavors for model in run.models] == [["python_function", "statsmodels"]]
    assert [note.code for note in run.notes] == ["model.format"]


def test_a_formula_is_a_param(recorded: Any, frame: Any) -> None:
    smf.ols("effect ~ age + dose", frame).fit()
    assert recorded.only.params["formula"] == "effect ~ age + dose"
    assert recorded.only.last("rsquared") > 0.5


@pytest.mark.parametrize(
    "make", [sm.Logit, lambda y, X: sm.GLM(y, X, family=sm.families.Binomial())], ids=["Logit", "GLM"]
)
def test_a_classification_is_evaluated_as_one(recorded: Any, frame: Any, make: Any) -> None:
    X = sm.add_constant(frame[["age", "dose"]])
    fit = make(frame.cured, X).fit
    results = fit(disp=0) if make is sm.Logit else fit()
    run = recorded.only
    assert run.evaluations["training"]["task"] == "binary"
    assert run.last("training_roc_auc") == pytest.approx(roc_auc_score(frame.cured, results.predict()))
    assert run.last("converged" if make is sm.Logit else "deviance") == (1.0 if make is sm.Logit else results.deviance)
    assert (run.params["family"], run.params["link"]) == ("Binomial", "Logit")


def test_regularized_fits_are_observed(recorded: Any, frame: Any) -> None:
    sm.OLS(frame.effect, frame[["age", "dose"]]).fit_regularized(alpha=0.1, L1_wt=0.5)
    run = recorded.only
    assert (run.params["alpha"], run.params["L1_wt"]) == (0.1, 0.5)
    assert "coefficients.json" in run.artifacts


def test_a_time_series_is_one_run(recorded: Any, frame: Any) -> None:
    ARIMA(frame.effect, order=(1, 0, 0)).fit()
    run = recorded.only
    assert run.params["order"] == [1, 0, 0]
    assert run.last("aic") is not None
    assert run.last("training_mean_absolute_error") > 0


def test_models_of_the_user_are_observed(recorded: Any, frame: Any) -> None:
    class Mine(OLS):
        def fit(self, strength: float = 1.0) -> Any:
            return super().fit()

    Mine(frame.effect, frame[["age"]]).fit(2.0)
    assert recorded.only.params["strength"] == 2.0
    assert recorded.only.params["model"] == "Mine"


def test_held_out_metrics_are_those_of_the_model(recorded: Any, frame: Any) -> None:
    train, test = frame[:60], frame[60:]
    results = smf.ols("effect ~ age", train).fit()
    error = mean_absolute_error(test.effect, results.predict(test))
    assert recorded.only.last("test_mean_absolute_error") == pytest.approx(error)


def test_nothing_is_left_in_the_users_results(recorded: Any, frame: Any) -> None:
    X, y = frame[["age", "dose"]], frame.cured
    with autotrack.paused():
        bare = sm.Probit(y, X).fit(disp=0)
    tracked = sm.Probit(y, X).fit(disp=0)
    assert vars(tracked._results).keys() == vars(bare._results).keys()
    assert tracked._results._cache.keys() == bare._results._cache.keys()
    assert vars(tracked.model).keys() == vars(bare.model).keys()
    assert len(pickle.dumps(tracked)) == len(pickle.dumps(bare))


@pytest.mark.filterwarnings("ignore:.*Any type hint is inferred as AnyType:UserWarning")
def test_the_model_comes_back_as_it_was(recorded: Any, frame: Any) -> None:
    results = smf.ols("effect ~ age + dose", frame).fit()
    autotrack.flush()
    folder = Path(".autotrack/artifacts") / recorded.only.id / "model"
    ours = autotrack.models.load(folder, trust=True)
    theirs = pytest.importorskip("mlflow.pyfunc").load_model(str(folder))
    for loaded in (ours, theirs):
        assert np.array_equal(loaded.predict(frame), results.predict(frame))
    with pytest.raises(UntrustedModelError):
        autotrack.models.load(folder)


class TestOLS(IntegrationContract):
    name: ClassVar[str] = "statsmodels"
    module: ClassVar[str] = "statsmodels"

    def train(self) -> Any:
        rng = np.random.default_rng(3)
        X = rng.normal(size=(30, 2))
        return sm.OLS(X @ [1.0, 2.0] + rng.normal(size=30), X).fit()

    def train_badly(self) -> Any:
        return sm.OLS([1.0, 2.0, 3.0], [[1.0], [2.0], [3.0]]).fit(method="no such method")

    def outcome(self, trained: Any) -> bytes:
        return np.asarray(trained.params).tobytes() + trained.summary().tables[1].as_csv().encode()

    def functions(self) -> Sequence[tuple[Any, str]]:
        return [(Model, "fit"), (OLS, "fit_regularized")]
