"""Search with Ray Tune as always; the search and its trials are one tree of runs, whatever process a trial runs in.

Run it with `python examples/ray_quickstart.py`, then look around with `autotrack ls` and `autotrack show @last`.
"""

import tempfile

import ray
from ray import tune
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import autotrack

autotrack.enable(experiment="search")


def train(config: dict[str, float]) -> None:
    """Train one model, and report how it does after each epoch."""
    X, y = load_breast_cancer(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)
    model = SGDClassifier(loss="log_loss", alpha=config["alpha"], random_state=0)
    for _ in range(5):
        model.partial_fit(X_train, y_train, classes=[0, 1])
        tune.report({"loss": log_loss(y_val, model.predict_proba(X_val))})


ray.init(num_cpus=2, include_dashboard=False, logging_level="ERROR", log_to_driver=False)
tuner = tune.Tuner(
    train,
    param_space={"alpha": tune.grid_search([0.001, 0.01, 0.1])},
    tune_config=tune.TuneConfig(metric="loss", mode="min"),
    run_config=tune.RunConfig(name="regularization", storage_path=tempfile.mkdtemp(), verbose=0),
)
tuner.fit()
ray.shutdown()

runs = autotrack.search_runs(experiment="search", order_by="start_time")
(root,) = [run for run in runs if run.parent_id is None]
print(f"{root.name} {root.status}: best loss {root.metrics['best_loss']:.4f}, alpha {root.params['best_alpha']}")
for run in runs:
    if run.parent_id == root.id:
        print(f"  {run.name} {run.status}: alpha {run.params['alpha']}, loss {run.metrics['loss']:.4f}")
