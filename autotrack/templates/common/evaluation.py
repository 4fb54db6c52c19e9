"""Evaluate on rows that no model has seen, and say what is good enough."""

import autotrack
import pandas as pd

from data import TARGET, features
from model import predict_probability

CRITERIA = ["test_accuracy_score >= 0.92", "test_roc_auc >= 0.97", "test_recall_score >= 0.9"]


def evaluate(model, test: pd.DataFrame) -> None:
    """Record metrics, confusion matrix and curves on the active run."""
    probability = predict_probability(model, features(test))
    autotrack.evaluate(test[TARGET], (probability >= 0.5).astype(int), probability, split="test")
