"""Transform and train: a logistic regression, its strength chosen by cross-validation."""

import autotrack
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from data import TARGET, features

STRENGTHS = [0.01, 0.1, 1.0, 10.0]


def train(train: pd.DataFrame, validation: pd.DataFrame, seed: int) -> Pipeline:
    """Fit on the training and validation rows: the cross-validation chooses."""
    rows = pd.concat([train, validation])
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000, random_state=seed))
    search = GridSearchCV(pipeline, {"logisticregression__C": STRENGTHS}, scoring="roc_auc")
    return search.fit(features(rows), rows[TARGET]).best_estimator_


def predict_probability(model: Pipeline, rows: pd.DataFrame) -> np.ndarray:
    """Return the probability of the class 1, of shape (rows,)."""
    return model.predict_proba(rows)[:, 1]


def log(model: Pipeline, example: pd.DataFrame) -> str:
    """Keep the model with the active run; return its URI."""
    return autotrack.models.log(model, "classifier", inputs=example, input_example=example.head())
