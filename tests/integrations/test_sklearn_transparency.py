"""A program that uses scikit-learn sees no difference between being tracked and not."""

from __future__ import annotations

import copy
import inspect
import pickle
import random
import subprocess
import sys
import threading
import tracemalloc
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
import pytest
import scipy.sparse
import sklearn
from packaging.version import parse
from sklearn import config_context
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.datasets import load_diabetes, load_wine
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import BaggingClassifier, RandomForestClassifier, StackingClassifier, VotingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.estimator_checks import check_estimator

import autotrack

if TYPE_CHECKING:
    from tests.integrations.conftest import Recorded

X, y = load_wine(return_X_y=True)
XD, yd = load_diabetes(return_X_y=True)


def class_attributes() -> dict[tuple[type, str], Any]:
    """Return every attribute of every estimator class, and the functions inside of conditional methods."""
    found: dict[tuple[type, str], Any] = {}
    waiting = [BaseEstimator]
    while waiting:
        owner = waiting.pop()
        waiting += owner.__subclasses__()
        for base in owner.__mro__:
            for name, value in vars(base).items():
                found[base, name] = value
                if hasattr(value, "fn"):
                    found[base, f"{name}.fn"] = value.fn
    return found


def test_disable_puts_every_attribute_back() -> None:
    before = class_attributes()
    autotrack.enable(to="memory://restore", capture=[], log_system_metrics=False)
    during = class_attributes()
    autotrack.disable()
    after = class_attributes()
    assert any(during[key] is not value for key, value in before.items())
    assert before.keys() == after.keys()
    assert [key for key, value in before.items() if after[key] is not value] == []


def test_classes_look_the_same(recorded: Recorded) -> None:
    for owner in (LogisticRegression, Pipeline, KMeans, RandomForestClassifier):
        for name in ("fit", "predict", "fit_predict"):
            method = vars(owner).get(name)
            if inspect.isfunction(method):
                assert inspect.signature(method) == inspect.signature(inspect.unwrap(method))
                assert (method.__name__, method.__module__) == (name, owner.__module__)
    assert not hasattr(make_pipeline(StandardScaler(), LogisticRegression()), "fit_predict")
    assert hasattr(make_pipeline(StandardScaler(), KMeans()), "fit_predict")


def test_the_estimator_carries_no_trace(recorded: Recorded) -> None:
    with autotrack.paused():
        bare = RandomForestClassifier(3, random_state=0).fit(X, y)
    tracked = RandomForestClassifier(3, random_state=0)
    assert tracked.fit(X, y) is tracked
    assert list(vars(tracked)) == list(vars(bare))
    assert pickle.dumps(tracked) == pickle.dumps(bare)
    assert pickle.loads(pickle.dumps(tracked.fit)).__func__ is RandomForestClassifier.fit
    assert vars(clone(tracked)).keys() == vars(RandomForestClassifier()).keys()
    assert np.array_equal(copy.deepcopy(tracked).predict(X), bare.predict(X))


def outcomes() -> list[Any]:
    """Draw random numbers between fits of estimators that draw some themselves."""
    np.random.seed(7)
    random.seed(7)
    own = np.random.RandomState(1)
    found: list[Any] = []
    for model in (
        RandomForestClassifier(3),
        SGDClassifier(random_state=own),
        DummyClassifier(strategy="stratified", random_state=own),
        KMeans(3, n_init=1),
        BaggingClassifier(n_estimators=2),
    ):
        model.fit(X, y)
        found += [model.predict(X).tolist(), np.random.random(), random.random(), own.random_sample()]
    return found


def test_no_random_number_is_drawn() -> None:
    bare = outcomes()
    autotrack.enable(to="memory://random", capture=[], log_system_metrics=False)
    tracked = outcomes()
    autotrack.disable()
    assert tracked == bare


class RandomPredictions(ClassifierMixin, BaseEstimator):
    """Draws from both global generators, warns, and counts, whenever it predicts."""

    def fit(self, X: Any, y: Any) -> RandomPredictions:
        self.classes_ = np.unique(y)
        return self

    def predict(self, X: Any) -> Any:
        self.calls_ = getattr(self, "calls_", 0) + 1
        random.random()
        warnings.warn("drawn at random", UserWarning, stacklevel=1)
        return np.random.choice(self.classes_, len(X))


def test_a_prediction_of_ours_leaves_nothing_behind(recorded: Recorded) -> None:
    filters = list(warnings.filters)
    states = np.random.get_state()[1].tolist(), random.getstate()  # type: ignore[index]
    model = RandomPredictions().fit(X, y)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == states  # type: ignore[index]
    assert list(warnings.filters) == filters
    assert not hasattr(model, "calls_")
    assert "training_accuracy_score" in recorded.only.metrics
    with pytest.warns(UserWarning, match="drawn at random"):
        model.predict(X)


def seen_warnings() -> list[tuple[str, int]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("default")
        for _ in range(3):
            LogisticRegression(max_iter=1).fit(X, y).predict(X)
            RandomPredictions().fit(X, y).predict(X)
    return [(str(one.message), one.lineno) for one in caught]


def test_the_user_sees_the_same_warnings() -> None:
    bare = seen_warnings()
    autotrack.enable(to="memory://warnings", capture=[], log_system_metrics=False)
    tracked = seen_warnings()
    autotrack.disable()
    assert tracked == bare
    assert bare


def test_progress_is_printed_once(recorded: Recorded, capfd: pytest.CaptureFixture[str]) -> None:
    def printed() -> str:
        RandomForestClassifier(3, verbose=1, random_state=0).fit(X, y)
        seen = capfd.readouterr()
        return "".join(character for character in seen.out + seen.err if not character.isdigit())

    with autotrack.paused():
        bare = printed()
    assert printed() == bare
    assert "training_accuracy_score" in recorded.only.metrics


@pytest.mark.parametrize(
    "model",
    [
        StackingClassifier([("tree", DecisionTreeClassifier()), ("linear", GaussianNB())], cv=2, n_jobs=2),
        VotingClassifier([("tree", DecisionTreeClassifier()), ("bayes", GaussianNB())], n_jobs=2),
        CalibratedClassifierCV(GaussianNB(), cv=2),
        OneVsRestClassifier(GaussianNB(), n_jobs=2),
        BaggingClassifier(GaussianNB(), n_estimators=3),
        make_pipeline(StandardScaler(), RandomForestClassifier(4, n_jobs=2)),
    ],
    ids=lambda model: type(model).__name__,
)
@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_estimators_in_estimators_are_one_run(recorded: Recorded, model: Any, backend: str) -> None:
    with joblib.parallel_backend(backend):
        clone(model).fit(X, y)
    assert [run.name for run in recorded.runs] == [type(model).__name__]
    assert recorded.only.status == "finished"
    assert "training_accuracy_score" in recorded.only.metrics


def test_a_pipeline_of_imbalanced_learn(recorded: Recorded) -> None:
    pipeline = pytest.importorskip("imblearn.pipeline")
    sampling = pytest.importorskip("imblearn.over_sampling")
    model = pipeline.make_pipeline(StandardScaler(), sampling.RandomOverSampler(random_state=0), LogisticRegression())
    model.fit(X, y)
    run = recorded.only
    assert run.params["randomoversampler__random_state"] == 0
    with autotrack.paused():
        assert run.last("training_score") == model.score(X, y)


def test_trainings_in_threads_are_four_complete_runs(recorded: Recorded) -> None:
    def train(trees: int) -> None:
        RandomForestClassifier(trees, random_state=0, n_jobs=2).fit(X, y)

    threads = [threading.Thread(target=train, args=(trees,)) for trees in (2, 3, 4, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    runs = recorded.roots
    assert sorted(run.params["n_estimators"] for run in runs) == [2, 3, 4, 5]
    for run in runs:
        assert run.status == "finished"
        assert len(run.params) > 10
        assert run.last("training_accuracy_score") > 0.8
        assert "estimator.html" in run.artifacts
        assert [model.name for model in run.models] == ["model"]


def test_a_sparse_matrix_is_never_made_dense(recorded: Recorded) -> None:
    columns = np.random.default_rng(0).integers(0, 20_000, size=40_000)
    rows = scipy.sparse.csr_matrix((np.ones(40_000), columns, np.arange(0, 40_001, 2)), shape=(20_000, 20_000))
    labels = (columns[::2] > 10_000).astype(int)
    SGDClassifier(max_iter=2, tol=None).fit(rows[:200], labels[:200])  # what is imported once is imported now
    autotrack.flush()
    tracemalloc.start()
    SGDClassifier(max_iter=2, tol=None).fit(rows, labels)
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 60e6, f"{peak / 1e6:.0f} MB; the dense matrix takes 3,200"
    assert recorded.roots[1].last("training_accuracy_score") > 0.5


@contextmanager
def tracking(name: str) -> Iterator[None]:
    autotrack.enable(to=f"memory://{name}", capture=[], log_system_metrics=False)
    try:
        yield
    finally:
        autotrack.disable()


@pytest.mark.slow
@pytest.mark.parametrize("model", [LogisticRegression(), KMeans(), StandardScaler(), LinearRegression(), GaussianNB()])
@pytest.mark.filterwarnings("ignore")
def test_checks_of_scikit_learn_pass_as_they_do_without_tracking(model: Any) -> None:
    def results() -> list[tuple[str, str]]:
        found = check_estimator(clone(model), on_fail=None, on_skip=None)
        return [(check["check_name"], check["status"]) for check in found]

    bare = results()
    with tracking("checks"):
        assert results() == bare


PROGRAM = """
import cloudpickle, numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_wine
from sklearn.model_selection import GridSearchCV
import autotrack
from autotrack.testing import MemoryBackend

if __name__ == "__main__":
    autotrack.enable(to="memory://main", capture=[], log_system_metrics=False)

class Mine(ClassifierMixin, BaseEstimator):
    def __init__(self, shift=0):
        self.shift = shift
    def fit(self, X, y):
        self.classes_ = np.unique(y)
        return self
    def predict(self, X):
        return np.full(len(X), self.classes_[0])

if __name__ == "__main__":
    X, y = load_wine(return_X_y=True)
    GridSearchCV(Mine(), {"shift": [1, 2]}, cv=2, n_jobs=2).fit(X, y)
    tracked = cloudpickle.dumps(Mine())
    autotrack.disable()
    assert b"autotrack" not in tracked
    assert len(tracked) == len(cloudpickle.dumps(Mine()))
    print([run.name for run in MemoryBackend.named("main").roots])
"""


def test_a_class_of_the_users_script_goes_to_worker_processes(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(PROGRAM)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "['GridSearchCV']\n", done.stderr


def test_a_class_in_c_and_a_class_that_refuses_are_passed_over(recorded: Recorded) -> None:
    class Odd(BaseEstimator, dict):  # type: ignore[type-arg]
        fit = property(lambda self: lambda X: self)
        predict = 3

    assert Odd().fit(X) is not None
    assert not recorded.runs


class CountingScorer:
    """A scorer of the program's own that knows how often it was asked."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, model: Any, X: Any, y: Any) -> float:
        self.calls += 1
        return 0.5


def test_a_scorer_of_the_program_is_not_called_by_us(recorded: Recorded) -> None:
    scorer = CountingScorer()
    GridSearchCV(GaussianNB(), {"var_smoothing": [1e-9]}, scoring=scorer, cv=2).fit(X, y)
    assert scorer.calls == 2
    assert "training_accuracy_score" in recorded.only.metrics
    assert any("scorer is the program's own" in note.message for note in recorded.only.notes)


@pytest.mark.skipif(parse(sklearn.__version__) < parse("1.6"), reason="it routes no metadata to StackingClassifier")
def test_predictions_that_need_routed_metadata_are_left_to_the_program(recorded: Recorded) -> None:
    with config_context(enable_metadata_routing=True):
        model = StackingClassifier([("bayes", GaussianNB().set_fit_request(sample_weight=True))], cv=2)
        model.set_params(final_estimator=LogisticRegression().set_fit_request(sample_weight=True))
        model.fit(X, y, sample_weight=np.ones(len(y)))
    assert any("metadata routing" in note.message for note in recorded.only.notes)


def test_sparse_labels_are_trained_on_as_they_are(recorded: Recorded) -> None:
    X = np.arange(60.0).reshape(20, 3)
    labels = scipy.sparse.lil_matrix(np.tile([[0, 1, 1], [1, 0, 1], [0, 1, 0], [1, 0, 0]], (5, 1)))
    model = OneVsRestClassifier(LogisticRegression()).fit(X, labels)
    assert scipy.sparse.issparse(model.predict(X))
    assert recorded.only.status == "finished"
