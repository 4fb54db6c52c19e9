"""What the integrations of gradient boosting libraries share: iterations, evaluation sets, importances, models."""
