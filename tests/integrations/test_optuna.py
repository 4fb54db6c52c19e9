"""What is recorded of studies, and what is trained in their trials."""

from __future__ import annotations

import csv
import json
import os
import pickle
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import optuna
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score

import autotrack
from autotrack.records import FAILED, FINISHED, INTERRUPTED
from autotrack.testing import IntegrationContract, MemoryBackend, MemoryRun

pytestmark = pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")


@pytest.fixture(autouse=True)
def silent() -> Iterator[None]:
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    yield
    optuna.logging.set_verbosity(before)


def seeded(**options: Any) -> optuna.Study:
    return optuna.create_study(sampler=optuna.samplers.TPESampler(seed=3), **options)


def parabola(trial: optuna.Trial) -> float:
    x = trial.suggest_float("x", -10, 10)
    kind = trial.suggest_categorical("kind", ["near", "far"])
    return (x - 2) ** 2 + trial.suggest_int("n", 1, 4) + (kind == "far")


def table(run: MemoryRun, name: str = "trials.csv") -> list[dict[str, str]]:
    with (Path(".autotrack/artifacts") / run.id / name).open() as file:
        return list(csv.DictReader(file))


def trial_runs(recorded: Any, study_run: MemoryRun) -> dict[int, MemoryRun]:
    return {int(run.tags["optuna.trial_number"]): run for run in recorded.children(study_run)}


def test_a_study_is_recorded_as_a_whole(recorded: Any) -> None:
    study = seeded(study_name="valley", pruner=optuna.pruners.NopPruner())
    study.set_user_attr("team", "risk")
    study.enqueue_trial({"x": 2.0, "kind": "near", "n": 1})
    study.optimize(parabola, n_trials=12)
    run = recorded.only
    assert (run.name, run.source, run.status) == ("valley", "optuna", FINISHED)
    assert run.tags["user_attrs.team"] == "risk"
    told = {"study_name": "valley", "direction": "minimize", "sampler": "TPESampler", "pruner": "NopPruner"}
    assert told.items() <= run.params.items()
    assert (run.params["n_trials"], run.params["n_jobs"]) == (12, 1)
    assert (run.params["best_x"], run.params["best_kind"], run.params["best_n"]) == (2.0, "near", 1)
    assert (run.last("best_value"), run.last("best_trial")) == (1.0, 0)
    assert run.metrics["value"] == [(trial.number, trial.value) for trial in study.trials]
    assert (run.last("n_trials"), run.last("n_complete")) == (12, 12)
    assert [float(row["params_x"]) for row in table(run)] == [trial.params["x"] for trial in study.trials]
    space = json.loads((Path(".autotrack/artifacts") / run.id / "search_space.json").read_text())
    assert space["x"] == {
        "name": "FloatDistribution",
        "attributes": {"step": None, "low": -10.0, "high": 10.0, "log": False},
    }


def test_the_best_trials_get_runs_of_their_own(recorded: Any) -> None:
    study = seeded(direction="maximize")
    study.optimize(parabola, n_trials=9)
    best = sorted(study.trials, key=lambda trial: -trial.value)[:5]
    children = trial_runs(recorded, recorded.only)
    assert set(children) == {trial.number for trial in best}
    child = children[best[0].number]
    assert child.params == best[0].params
    assert isinstance(child.params["n"], int)
    assert child.last("value") == study.best_value
    assert child.tags["optuna.state"] == "COMPLETE"
    assert child.tags["x_distribution"] == str(best[0].distributions["x"])
    assert [note.message for note in recorded.only.notes if note.code == "search.children"] == [
        "4 of 9 trials have no run of their own; all are in trials.csv"
    ]


@pytest.mark.parametrize("n_jobs", [1, 3])
def test_trainings_are_nested_under_their_trial(recorded: Any, binary_data: Any, n_jobs: int) -> None:
    X, y = binary_data
    meeting = threading.Barrier(n_jobs, timeout=30)

    def objective(trial: optuna.Trial) -> float:
        meeting.wait()
        first = LogisticRegression(C=trial.suggest_float("C", 0.1, 10, log=True)).fit(X[::2], y[::2])
        LogisticRegression(C=100.0).fit(X, y)
        return accuracy_score(y[1::2], first.predict(X[1::2]))

    study = seeded(direction="maximize")
    study.optimize(objective, n_trials=6, n_jobs=n_jobs)
    children = trial_runs(recorded, recorded.only)
    assert set(children) == set(range(6))  # however many: what is not recorded when it happens is lost
    for trial in study.trials:
        run = children[trial.number]
        assert run.status == FINISHED
        assert run.params["C"] == trial.params["C"]
        assert run.tags["estimator_name"] == "LogisticRegression"
        assert run.last("value") == trial.value == run.last("test_accuracy_score")
        assert len(run.models) == 1
        (second,) = recorded.children(run)
        assert second.params["C"] == 100.0
    assert len(recorded.runs) == 1 + 6 * 2


def test_states_of_trials(recorded: Any, binary_data: Any) -> None:
    def objective(trial: optuna.Trial) -> Any:
        LogisticRegression().fit(*binary_data)
        for step in range(3):
            trial.report(1.0 / (step + 1), step)
        if trial.number == 1:
            raise optuna.TrialPruned
        if trial.number == 2:
            raise ValueError("no good")
        trial.set_user_attr("note", "kept")
        return {0: 0.5, 3: float("nan"), 4: None}[trial.number]

    study = seeded()
    study.optimize(objective, n_trials=5, catch=(ValueError,))
    run = recorded.only
    assert run.status == FINISHED
    assert [row["state"] for row in table(run)] == ["COMPLETE", "PRUNED", "FAIL", "FAIL", "FAIL"]
    assert (run.last("n_complete"), run.last("n_pruned"), run.last("n_fail")) == (1, 1, 3)
    children = trial_runs(recorded, run)
    assert [children[n].status for n in range(5)] == [FINISHED, FINISHED, FAILED, FAILED, FAILED]
    assert [children[n].tags["optuna.state"] for n in range(5)] == [trial.state.name for trial in study.trials]
    assert "no good" in children[2].error
    assert children[1].metrics["intermediate_value"] == [(0, 1.0), (1, 0.5), (2, 1 / 3)]
    assert children[0].tags["user_attrs.note"] == "kept"


def test_intermediate_values_of_a_trial_that_trains_nothing(recorded: Any) -> None:
    def objective(trial: optuna.Trial) -> float:
        for step in range(4):
            trial.report(float(step), step)
        return 1.0

    seeded().optimize(objective, n_trials=1)
    (child,) = recorded.children(recorded.only)
    assert child.metrics["intermediate_value"] == [(step, float(step)) for step in range(4)]


def test_an_exception_ends_the_study_and_goes_on(recorded: Any) -> None:
    raised = KeyboardInterrupt()

    def objective(trial: optuna.Trial) -> float:
        autotrack.log_metric("mine", 1.0)
        if trial.number == 1:
            raise raised
        return 0.0

    with pytest.raises(KeyboardInterrupt) as caught:
        seeded().optimize(objective, n_trials=3)
    assert caught.value is raised
    run = recorded.only
    assert run.status == INTERRUPTED
    assert run.last("n_trials") == 2
    assert {number: child.status for number, child in trial_runs(recorded, run).items()} == {
        0: FINISHED,
        1: INTERRUPTED,
    }


def test_what_the_objective_logs_belongs_to_its_trial(recorded: Any) -> None:
    def objective(trial: optuna.Trial) -> float:
        x = trial.suggest_float("x", 0, 1)
        autotrack.log_metric("loss", x)
        with autotrack.start_run("of the user"):  # as in a program that knows nothing of the integration
            autotrack.log_param("mine", trial.number)
        return x

    seeded().optimize(objective, n_trials=2)
    children = trial_runs(recorded, recorded.only)
    for number in range(2):
        assert children[number].last("loss") == children[number].params["x"]
        (own,) = recorded.children(children[number])
        assert (own.name, own.params["mine"]) == ("of the user", number)
    assert autotrack.active_run() is None


def test_several_objectives_have_a_pareto_front(recorded: Any) -> None:
    def objective(trial: optuna.Trial) -> tuple[float, float]:
        x = trial.suggest_float("x", 0, 3)
        return x**2, (x - 2) ** 2

    study = seeded(directions=["minimize", "minimize"])
    study.set_metric_names(["size", "error"])
    study.optimize(objective, n_trials=10)
    run = recorded.only
    assert run.params["directions"] == ["minimize", "minimize"]
    assert run.metrics["error"] == [(trial.number, trial.values[1]) for trial in study.trials]
    front = table(run, "pareto_front.csv")
    assert {int(row["number"]) for row in front} == {trial.number for trial in study.best_trials}
    assert run.last("n_pareto_front") == len(front)
    assert set(trial_runs(recorded, run)) <= {trial.number for trial in study.best_trials}


def test_ask_and_tell(recorded: Any, binary_data: Any) -> None:
    X, y = binary_data
    study = seeded(direction="maximize")

    def try_one(study: optuna.Study) -> None:
        trial = study.ask()
        model = LogisticRegression(C=trial.suggest_float("C", 0.1, 10)).fit(X, y)
        if trial.number == 2:
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, model.score(X, y))

    for _ in range(3):
        try_one(study)
    with pytest.raises(ValueError, match="Cannot tell a COMPLETE trial"):
        study.tell(0, 1.0)
    values = [trial.value for trial in study.trials]
    assert recorded.only.status == "running"
    del study  # with the study its run ends
    run = recorded.only
    assert (run.name, run.status) == ("Study", FINISHED)
    assert [value for _, value in run.metrics["value"]] == values[:2]
    assert [row["state"] for row in table(run)] == ["COMPLETE", "COMPLETE", "PRUNED"]
    children = trial_runs(recorded, run)
    assert [children[n].tags["optuna.state"] for n in range(3)] == ["COMPLETE", "COMPLETE", "PRUNED"]
    assert children[0].last("value") == values[0]
    assert all(child.tags["estimator_name"] == "LogisticRegression" for child in children.values())
    assert autotrack.active_run() is None


def test_trainings_of_trials_asked_together_belong_to_the_study(recorded: Any, binary_data: Any) -> None:
    study = seeded()
    trials = [study.ask({"x": optuna.distributions.FloatDistribution(0, 1)}) for _ in range(3)]
    for _ in trials:
        LogisticRegression().fit(*binary_data)
    for trial in trials:
        study.tell(trial.number, trial.params["x"])
    study.optimize(parabola, n_trials=1)  # is a run of its own, and ends the other
    asked, optimized = recorded.roots
    assert (asked.status, optimized.status) == (FINISHED, FINISHED)
    fits = [run for run in recorded.children(asked) if run.source == "sklearn"]
    assert [run.name for run in fits] == ["LogisticRegression"] * 3
    assert autotrack.active_run() is None


def test_a_trial_that_is_never_told_ends_with_the_study(recorded: Any) -> None:
    study = seeded()
    study.ask()
    autotrack.log_metric("mine", 1.0)
    autotrack.disable()
    (run,) = recorded.roots
    (child,) = recorded.children(run)
    assert (run.status, child.status, child.error) == (FINISHED, INTERRUPTED, "nobody told how the trial came out")


def test_no_children_means_no_children(binary_data: Any, tmp_path: Path) -> None:
    def objective(trial: optuna.Trial) -> float:
        LogisticRegression().fit(*binary_data)
        return trial.suggest_float("x", 0, 1)

    autotrack.enable(to="memory://no-children", capture=[], log_system_metrics=False, max_child_runs=0)
    try:
        seeded().optimize(objective, n_trials=2)
        autotrack.flush()
    finally:
        autotrack.disable()
    (run,) = MemoryBackend.named("no-children").runs
    assert run.last("n_trials") == 2


@hypothesis_settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**31), sampler=st.sampled_from(["TPESampler", "RandomSampler", "NSGAIISampler"]))
def test_sampling_is_never_changed(seed: int, sampler: str) -> None:
    def found() -> list[Any]:
        def objective(trial: optuna.Trial) -> float:
            trial.report(trial.suggest_float("y", 0, 1), 0)
            if trial.should_prune():
                raise optuna.TrialPruned
            return parabola(trial)

        study = optuna.create_study(sampler=getattr(optuna.samplers, sampler)(seed=seed))
        study.optimize(objective, n_trials=12)
        return [(trial.params, trial.values, trial.state, trial.distributions) for trial in study.trials]

    bare = found()
    autotrack.enable(to="memory://sampling", capture=[], log_system_metrics=False)
    try:
        assert found() == bare
    finally:
        autotrack.disable()


def test_pickled_and_stored_studies(recorded: Any, tmp_path: Path) -> None:
    stored = optuna.create_study(storage=f"sqlite:///{tmp_path}/study.db", study_name="stored")
    stored.optimize(parabola, n_trials=2)
    again = optuna.load_study(storage=f"sqlite:///{tmp_path}/study.db", study_name="stored")
    again.optimize(parabola, n_trials=2)
    copied = pickle.loads(pickle.dumps(seeded()))
    copied.optimize(parabola, n_trials=1)
    first, second, third = recorded.roots
    assert [run.last("n_trials") for run in (first, second, third)] == [2, 4, 1]
    assert [step for step, _ in second.metrics["value"]] == [2, 3]
    assert len(table(second)) == 4


def _study(objective: Callable[[optuna.Trial], Any]) -> optuna.Study:
    study = seeded(study_name="same")
    study.optimize(objective, n_trials=4)
    return study


class TestOptunaContract(IntegrationContract):
    """Trials of a study stand below it, so here they are counted out."""

    name: ClassVar[str] = "optuna"
    module: ClassVar[str] = "optuna"

    def train(self) -> Any:
        return _study(parabola)

    def train_badly(self) -> Any:
        def bad(trial: optuna.Trial) -> float:
            raise ArithmeticError(f"trial {trial.number}")

        return _study(bad)

    def train_nested(self) -> Any:
        return _study(lambda trial: _study(parabola).best_value + trial.number)

    def outcome(self, trained: Any) -> bytes:
        return pickle.dumps([(trial.params, trial.values, trial.state) for trial in trained.trials])

    def functions(self) -> Sequence[tuple[Any, str]]:
        study = optuna.study.Study
        return [(study, "optimize"), (study, "ask"), (study, "tell"), (optuna.trial.Trial, "report")]

    @pytest.fixture
    def memory(self, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[MemoryBackend]:
        if request.node.name == "test_a_run_of_the_user_takes_the_first_training":
            monkeypatch.setenv("AUTOTRACK_MAX_CHILD_RUNS", "0")
        autotrack.enable(to=f"memory://{request.node.nodeid}", only=[self.name], log_system_metrics=False)
        yield MemoryBackend.named(request.node.nodeid)
        autotrack.disable()


class BrokenStorage(optuna.storages.InMemoryStorage):
    """A database that goes away when the results of a trial are to be written; it may stay away."""

    def __init__(self, trial: int, *, for_good: bool) -> None:
        super().__init__()
        self._trial = trial
        self._for_good = for_good
        self.gone = False

    def set_trial_state_values(self, trial_id: int, state: TrialState, values: Any = None) -> bool:
        if trial_id == self._trial and state != TrialState.RUNNING and not self.gone:
            self.gone = True
            raise ConnectionError("the database is gone")
        return super().set_trial_state_values(trial_id, state, values)

    def get_all_trials(self, *args: Any, **kwargs: Any) -> Any:
        if self.gone and self._for_good:
            raise ConnectionError("the database is still gone")
        return super().get_all_trials(*args, **kwargs)


@pytest.fixture
def contained(monkeypatch: pytest.MonkeyPatch) -> Iterator[MemoryBackend]:
    """Track as users do: errors of ours are noted."""
    monkeypatch.setenv("AUTOTRACK_TESTING", "0")
    name = os.urandom(4).hex()
    autotrack.enable(to=f"memory://{name}", capture=[], log_system_metrics=False, log_level="error")
    yield MemoryBackend.named(name)
    autotrack.disable()


@pytest.mark.parametrize("for_good", [False, True])
def test_a_database_that_goes_away_fails_the_study(contained: MemoryBackend, binary_data: Any, for_good: bool) -> None:
    def objective(trial: optuna.Trial) -> float:
        LogisticRegression().fit(*binary_data)
        return 1.0

    def attempt() -> BaseException | None:
        return raised_by(lambda: seeded(storage=BrokenStorage(1, for_good=for_good)).optimize(objective, n_trials=3))

    with autotrack.paused():
        bare = attempt()
    error = attempt()
    assert [repr(each) for each in chain(error)] == [repr(each) for each in chain(bare)] != []
    autotrack.flush()
    (run,) = contained.roots
    assert run.status == FAILED
    assert "the database is gone" in run.error
    assert run.metrics["value"] == [(0, 1.0), (1, 1.0)]
    children = [child for child in contained.runs if child.parent_id == run.id]
    assert [child.status for child in children] == [FINISHED, FINISHED]
    assert ("n_trials" in run.metrics) == (not for_good)
    assert autotrack.active_run() is None


def raised_by(function: Callable[[], Any]) -> BaseException | None:
    try:
        function()
    except BaseException as error:  # noqa: BLE001 - whatever a program may raise
        return error
    return None


def chain(error: BaseException | None) -> list[BaseException]:
    return [] if error is None else [error, *chain(error.__context__)]


def test_a_trial_can_be_told_again_after_the_database_came_back(recorded: Any, binary_data: Any) -> None:
    study = seeded(storage=BrokenStorage(0, for_good=False))
    trial = study.ask()
    LogisticRegression().fit(*binary_data)
    with pytest.raises(ConnectionError):
        study.tell(trial, 0.5)
    assert recorded.only.status == "running"
    study.tell(trial, 0.5)
    del study, trial
    (child,) = recorded.children(recorded.only)
    assert (child.status, child.last("value"), recorded.only.metrics["value"]) == (FINISHED, 0.5, [(0, 0.5)])


@pytest.mark.parametrize("raised", [KeyboardInterrupt, SystemExit, optuna.TrialPruned])
def test_what_an_objective_raises_on_two_threads(recorded: Any, binary_data: Any, raised: type[BaseException]) -> None:
    meeting = threading.Barrier(2, timeout=30)

    def objective(trial: optuna.Trial) -> float:
        LogisticRegression().fit(*binary_data)
        meeting.wait()
        if trial.number == 1:
            raise raised
        return 1.0

    def attempt() -> BaseException | None:
        return raised_by(lambda: seeded().optimize(objective, n_trials=2, n_jobs=2))

    with autotrack.paused():
        bare = attempt()
    assert repr(attempt()) == repr(bare)
    ended = {KeyboardInterrupt: INTERRUPTED, SystemExit: FINISHED, optuna.TrialPruned: FINISHED}[raised]
    children = trial_runs(recorded, recorded.only)
    assert {number: child.status for number, child in children.items()} == {0: FINISHED, 1: ended}
    assert len(recorded.runs) == 3
    assert autotrack.active_run() is None


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_threads_of_an_objective_train_for_its_trial(recorded: Any, binary_data: Any, n_jobs: int) -> None:
    def train(strength: float) -> None:
        LogisticRegression(C=strength).fit(*binary_data)

    def objective(trial: optuna.Trial) -> float:
        def both() -> None:
            inner = threading.Thread(target=train, args=(trial.number + 1.0,))
            inner.start()
            inner.join()
            train(trial.number + 1.5)

        outer = threading.Thread(target=both)
        outer.start()
        outer.join()
        return 1.0

    seeded().optimize(objective, n_trials=3, n_jobs=n_jobs)
    children = trial_runs(recorded, recorded.only)
    for number in range(3):
        assert children[number].params["C"] == number + 1.0
        (second,) = recorded.children(children[number])
        assert second.params["C"] == number + 1.5
    assert len(recorded.runs) == 7


def test_a_pool_that_outlives_its_trial_trains_for_the_study(recorded: Any, binary_data: Any) -> None:
    with ThreadPoolExecutor(1) as pool:

        def objective(trial: optuna.Trial) -> float:
            if trial.number == 0:
                pool.submit(int).result()  # the pool starts its thread, and nothing is trained in this trial
            else:
                pool.submit(LogisticRegression().fit, *binary_data).result()
            return 1.0

        seeded().optimize(objective, n_trials=2)
    children = recorded.children(recorded.only)
    assert {child.source: child.status for child in children} == {"optuna": FINISHED, "sklearn": FINISHED}
