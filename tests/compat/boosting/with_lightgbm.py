"""What the guides of LightGBM show: each way to train, with what it prints."""

import hashlib
import pickle
import warnings

import lightgbm as lgb
import numpy as np
import optuna
from sklearn.datasets import load_breast_cancer, load_diabetes
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

warnings.simplefilter("ignore", lgb.basic.LGBMDeprecationWarning)
X, y = load_breast_cancer(return_X_y=True)
params = {"objective": "binary", "metric": ["auc", "binary_logloss"], "num_leaves": 7, "num_threads": 1, "seed": 3}
params["force_row_wise"] = True  # else LightGBM measures which is faster, and says so


def show(what: str, value: object) -> None:
    print(what, hashlib.sha256(pickle.dumps(value)).hexdigest()[:16])


def sets() -> tuple[lgb.Dataset, lgb.Dataset]:
    train = lgb.Dataset(X[:400], y[:400])
    return train, lgb.Dataset(X[400:], y[400:], reference=train)


train, test = sets()
booster = lgb.train(
    params, train, 8, valid_sets=[train, test], valid_names=["train", "test"], callbacks=[lgb.log_evaluation(2)]
)
show("booster", booster)
print(roc_auc_score(y[400:], booster.predict(X[400:])))
train, test = sets()
stopping = [lgb.early_stopping(3), lgb.log_evaluation(5)]
stopped = lgb.train({**params, "learning_rate": 0.9}, train, 60, valid_sets=[test], callbacks=stopping)
print(stopped.best_iteration, dict(stopped.best_score), [callback.order for callback in stopping])
show("early stopping", stopped)
show("continued", lgb.train(params, sets()[0], 3, init_model=booster))
show("decay", lgb.train(params, sets()[0], 3, callbacks=[lgb.reset_parameter(learning_rate=lambda i: 0.3 * 0.9**i)]))


def objective(predicted: np.ndarray, data: lgb.Dataset) -> tuple[np.ndarray, np.ndarray]:
    share = 1 / (1 + np.exp(-predicted))
    return share - data.get_label(), share * (1 - share)


def error(predicted: np.ndarray, data: lgb.Dataset) -> tuple[str, float, bool]:
    return "my_error", float(np.mean((predicted > 0) != data.get_label())), False


train, test = sets()
options = {**params, "objective": objective, "metric": "None"}
show("custom", lgb.train(options, train, 3, valid_sets=[test], feval=error, callbacks=[lgb.log_evaluation()]))
train, test = sets()
kept = lgb.train(params, train, 3, valid_sets=[test], keep_training_booster=True)
print(kept.eval_valid())
print({key: np.round(values, 6).tolist() for key, values in lgb.cv(params, sets()[0], 4, nfold=3).items()})
classifier = lgb.LGBMClassifier(
    n_estimators=5, n_jobs=1, force_row_wise=True, min_data_in_leaf=5, min_child_samples=9, random_state=0
)
names = np.array(["benign", "malign"])[y]
classifier.fit(X[:400], names[:400], eval_set=[(X[400:], names[400:])], callbacks=[lgb.log_evaluation(1)])
show("classifier", classifier)
print(classifier.score(X[400:], names[400:]), classifier.predict(X[:3]), classifier.evals_result_)
show("regressor", lgb.LGBMRegressor(n_estimators=4, n_jobs=1, force_row_wise=True).fit(*load_diabetes(return_X_y=True)))
ranker = lgb.LGBMRanker(n_estimators=3, n_jobs=1, force_row_wise=True)
show("ranker", ranker.fit(X[:560], y[:560], group=[20] * 28, eval_set=[(X[:560], y[:560])], eval_group=[[20] * 28]))
model = lgb.LGBMClassifier(n_estimators=3, n_jobs=1, force_row_wise=True, verbosity=-1)
print(GridSearchCV(model, {"num_leaves": [3, 5]}, cv=3).fit(X, y).best_params_)


def tried(trial: optuna.Trial) -> float:
    leaves = trial.suggest_int("num_leaves", 2, 8)
    fitted = lgb.train({**params, "num_leaves": leaves, "verbosity": -1}, sets()[0], 3)
    return float(roc_auc_score(y[400:], fitted.predict(X[400:])))


optuna.logging.set_verbosity(optuna.logging.ERROR)
study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=0))
study.optimize(tried, n_trials=4)
print(study.best_params, study.best_value)
