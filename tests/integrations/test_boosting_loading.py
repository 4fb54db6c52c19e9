"""Estimators of the boosting libraries come back from their runs, in another process, and predict the same labels."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest
from catboost import CatBoostClassifier
from lightgbm import LGBMClassifier, LGBMRanker, LGBMRegressor
from xgboost import XGBClassifier

import autotrack
from autotrack.errors import UnsupportedValueError
from autotrack.models.flavors.lightgbm_estimator import attributes_of, read_estimator_text, write_estimator

pytestmark = pytest.mark.filterwarnings("ignore:The argument 'eval_set' is deprecated")

GENERATOR = np.random.default_rng(0)
X = GENERATOR.normal(size=(120, 4))
TABLE = pd.DataFrame(X, columns=list("abcd")).assign(kind=pd.Categorical(np.where(X[:, 3] > 0, "left", "right")))
UP = X[:, 0] > 0
LEVEL = np.digitize(X[:, 1], [-0.5, 0.5])
LGBM: dict[str, Any] = {"n_estimators": 4, "verbosity": -1, "n_jobs": 1, "min_child_samples": 5}
CATBOOST: dict[str, Any] = {"iterations": 3, "verbose": False, "allow_writing_files": False, "thread_count": 1}
LOAD = """
import pickle, sys
import autotrack
runs, data = pickle.load(open("asked.pickle", "rb"))
found = {}
for name, run in runs.items():
    model = autotrack.models.load(f"runs:/{run}/model")
    predictor = autotrack.models.load_predictor(f"runs:/{run}/model")
    found[name] = [type(model).__name__, model.predict(data[name]), predictor.predict(data[name])]
pickle.dump(found, open("found.pickle", "wb"))
"""


class Mine(LGBMClassifier):  # type: ignore[misc]
    """A class that another process cannot import."""


def cases() -> dict[str, tuple[Any, Any, Any, dict[str, Any]]]:
    """Return, for each kind of model: the estimator, its data, its target, and further arguments of `fit`."""
    stopping = {"callbacks": [lightgbm.early_stopping(1, verbose=False)], "eval_set": [(X[:40], LEVEL[:40])]}
    words = np.array(["low", "middle", "high"], dtype=object)
    return {
        "texts": (LGBMClassifier(**LGBM), TABLE, np.where(UP, "yes", "no"), {}),
        "series of texts": (LGBMClassifier(**LGBM), TABLE, pd.Series(np.where(UP, "yes", "no")), {}),
        "truth values": (LGBMClassifier(**LGBM), X, UP, {}),
        "floats": (LGBMClassifier(**LGBM, class_weight="balanced"), X, np.where(UP, 1.0, 2.0), {}),
        "levels": (LGBMClassifier(**{**LGBM, "n_estimators": 50}), X, LEVEL, stopping),
        "of mine": (Mine(**LGBM), X, words[LEVEL], {}),
        "regressor": (LGBMRegressor(**LGBM, random_state=3), X, X[:, 2], {}),
        "ranker": (LGBMRanker(**LGBM), X, LEVEL, {"group": [60, 60]}),
        "catboost": (CatBoostClassifier(**CATBOOST), X, words[LEVEL], {}),
        "catboost of two": (CatBoostClassifier(**CATBOOST), X, np.where(UP, "yes", "no"), {}),
        "xgboost": (XGBClassifier(n_estimators=3, n_jobs=1), X, LEVEL, {}),
        "xgboost with categories": (XGBClassifier(n_estimators=3, n_jobs=1, enable_categorical=True), TABLE, LEVEL, {}),
    }


@pytest.mark.slow
def test_another_process_loads_estimators_that_predict_the_same_labels() -> None:
    runs, data, models = {}, {}, {}
    autotrack.enable(capture=[], log_system_metrics=False, log_evaluation=False)
    try:
        for name, (estimator, features, target, arguments) in cases().items():
            with autotrack.start_run(name) as run:
                models[name] = estimator.fit(features, target, **arguments)
            runs[name], data[name] = run.id, features
    finally:
        autotrack.disable()
    Path("asked.pickle").write_bytes(pickle.dumps((runs, data)))
    subprocess.run([sys.executable, "-c", LOAD], check=True, timeout=120)
    found = pickle.loads(Path("found.pickle").read_bytes())
    for name, model in models.items():
        kind, loaded, served = found[name]
        expected = model.predict(data[name])
        assert kind == ("LGBMClassifier" if name == "of mine" else type(model).__name__)
        for predicted in (loaded, served):
            assert predicted.dtype == expected.dtype, name
            np.testing.assert_array_equal(predicted, expected, err_msg=name)


def test_what_an_estimator_of_lightgbm_knows_comes_back() -> None:
    model = LGBMClassifier(**LGBM, importance_type="gain", extra_trees=True)
    model.fit(TABLE, np.where(UP, "yes", "no"), eval_set=[(TABLE[:40], np.where(UP, "yes", "no")[:40])])
    booster = lightgbm.Booster(model_str=model.booster_.model_to_string())
    restored = read_estimator_text(write_estimator("LGBMClassifier", attributes_of(model)), booster)
    assert restored.get_params() == model.get_params()
    assert restored.evals_result_ == model.evals_result_
    assert restored.best_score_ == model.best_score_
    assert restored.objective_ == model.objective_
    assert restored.n_classes_ == 2
    np.testing.assert_array_equal(restored.classes_, model.classes_)
    np.testing.assert_array_equal(restored.feature_importances_, model.feature_importances_)
    np.testing.assert_array_equal(restored.feature_names_in_, model.feature_names_in_)
    np.testing.assert_array_equal(restored.predict_proba(TABLE), model.predict_proba(TABLE))
    assert restored.score(TABLE, np.where(UP, "yes", "no")) == model.score(TABLE, np.where(UP, "yes", "no"))
    restored.fit(X, LEVEL)
    assert list(restored.classes_) == [0, 1, 2]


def test_an_objective_of_ones_own_is_loaded_as_a_booster_and_the_run_says_so() -> None:
    def squared(truth: Any, predicted: Any) -> tuple[Any, Any]:
        return predicted - truth, np.ones_like(truth)

    autotrack.enable(capture=[], log_system_metrics=False)
    model = LGBMRegressor(**LGBM, objective=squared).fit(X, X[:, 2])
    autotrack.disable()
    (run,) = autotrack.search_runs()
    loaded = autotrack.models.load(f"runs:/{run.id}/model")
    assert type(loaded) is lightgbm.Booster
    np.testing.assert_array_equal(loaded.predict(X), model.booster_.predict(X))
    assert "its attribute objective is a function" in str([note for note in run.notes if "estimator" in str(note)])


def test_no_other_class_is_made_of_a_file() -> None:
    with pytest.raises(UnsupportedValueError, match="'Booster' is no estimator of LightGBM"):
        read_estimator_text('{"class": "Booster", "attributes": {}}', None)
