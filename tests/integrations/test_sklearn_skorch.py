"""skorch is recorded through scikit-learn: its networks are estimators, and keep the numbers of each epoch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

import autotrack
from autotrack.records import FINISHED

torch: Any = pytest.importorskip("torch")
NeuralNetClassifier: Any = pytest.importorskip("skorch").NeuralNetClassifier


class Layers(torch.nn.Module):
    """Four features, two classes."""

    def __init__(self, hidden: int = 5) -> None:
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(4, hidden), torch.nn.Dropout(0.2), torch.nn.ReLU(), torch.nn.Linear(hidden, 2)
        )

    def forward(self, x: Any) -> Any:
        return torch.softmax(self.layers(x), dim=-1)


@pytest.fixture
def rows(binary_data: Any) -> tuple[np.ndarray, np.ndarray]:
    X, y = binary_data
    return X.astype(np.float32), y.astype(np.int64)


def network(**options: Any) -> Any:
    torch.manual_seed(1)
    return NeuralNetClassifier(Layers, module__hidden=7, max_epochs=3, lr=0.5, verbose=0, **options)


def test_a_network_is_one_run(recorded: Any, rows: Any) -> None:
    net = network().fit(*rows)
    accuracy = net.score(*rows)
    run = recorded.only
    assert (run.name, run.source, run.status) == ("NeuralNetClassifier", "sklearn", FINISHED)
    assert (run.params["lr"], run.params["max_epochs"], run.params["module__hidden"]) == (0.5, 3, 7)
    assert run.params["callbacks__valid_acc"] == "skorch.callbacks.scoring.EpochScoring"  # and not where it lies
    for key in ("train_loss", "valid_loss", "valid_acc"):
        assert run.metrics[key] == [(step, pytest.approx(value)) for step, value in enumerate(net.history_[:, key])]
    assert run.last("training_score") == accuracy
    assert "estimator.html" in run.artifacts
    assert "evaluation.skipped" in {note.code for note in run.notes}
    assert [model.flavors for model in run.models] == [["python_function", "sklearn"]]


def test_a_search_over_networks_is_one_run(recorded: Any, rows: Any) -> None:
    search = GridSearchCV(network(train_split=None), {"lr": [0.1, 0.5]}, cv=2).fit(*rows)
    run = recorded.only
    assert run.params["best_lr"] == search.best_params_["lr"]
    assert len(recorded.children(run)) == 2


def test_random_numbers_and_the_mode_of_the_network_are_left_alone(rows: Any) -> None:
    def trained() -> list[Any]:
        net = network(train_split=None).fit(*rows)
        mode, drawn = net.module_.training, torch.rand(3).tolist()
        scored = net.score(*rows), net.predict_proba(rows[0]).tolist()
        return [mode, drawn, scored, net.module_.training, torch.rand(3).tolist()]

    bare = trained()
    autotrack.enable(to="memory://skorch", capture=[], log_system_metrics=False)
    try:
        assert trained() == bare
    finally:
        autotrack.disable()
