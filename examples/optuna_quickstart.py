"""Search with Optuna as always; the study, its trials and the models they train are one tree of runs.

Run it with `python examples/optuna_quickstart.py`, then look around with `autotrack ls` and `autotrack show @last`.
"""

import optuna
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split

import autotrack

autotrack.enable(experiment="search")

X, y = load_breast_cancer(return_X_y=True)
X = (X - X.mean(axis=0)) / X.std(axis=0)
X_train, X_val, y_train, y_val = train_test_split(X, y, random_state=0)


def objective(trial: optuna.Trial) -> float:
    """Train one model, and report how it goes after each of five longer trainings."""
    alpha = trial.suggest_float("alpha", 1e-6, 1.0, log=True)
    model = SGDClassifier(loss="log_loss", alpha=alpha, tol=None, random_state=0)
    loss = 0.0
    for step, epochs in enumerate((1, 2, 4, 8, 16)):
        with autotrack.paused():  # only the last one is to be recorded
            loss = log_loss(y_val, model.set_params(max_iter=epochs).fit(X_train, y_train).predict_proba(X_val))
        trial.report(loss, step)
        if trial.should_prune():
            raise optuna.TrialPruned
    model.fit(X_train, y_train)
    return loss


optuna.logging.set_verbosity(optuna.logging.WARNING)
study = optuna.create_study(study_name="regularization", sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(objective, n_trials=12)

runs = autotrack.search_runs(experiment="search", order_by="start_time")
(root,) = [run for run in runs if run.parent_id is None]
print(f"{root.name} {root.status}: best value {root.metrics['best_value']:.4f}, alpha {root.params['best_alpha']:.2g}")
for run in runs:
    if run.parent_id == root.id:
        print(f"  {run.name:9} {run.status:9} {run.tags['optuna.state']:8} alpha {run.params['alpha']:.2g}")
