"""Transform and train: gradient boosting, ended early by the validation rows. Trees need no scaling."""

import autotrack
import numpy as np
import pandas as pd
from xgboost import XGBClassifier

from data import TARGET, features


def train(train: pd.DataFrame, validation: pd.DataFrame, seed: int) -> XGBClassifier:
    """Fit on the training rows until the validation rows get no better."""
    model = XGBClassifier(
        n_estimators=300,
        learning_rate=0.1,
        max_depth=3,
        early_stopping_rounds=20,
        eval_metric="logloss",
        random_state=seed,
    )
    return model.fit(
        features(train), train[TARGET], eval_set=[(features(validation), validation[TARGET])], verbose=False
    )


def predict_probability(model: XGBClassifier, rows: pd.DataFrame) -> np.ndarray:
    """Return the probability of the class 1, of shape (rows,)."""
    return model.predict_proba(rows)[:, 1]


def log(model: XGBClassifier, example: pd.DataFrame) -> str:
    """Keep the model with the active run; return its URI."""
    return autotrack.models.log(model, "classifier", inputs=example, input_example=example.head())
