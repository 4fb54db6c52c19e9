"""Runs go to a server that speaks the MLflow REST protocol; the mlflow package is not needed."""

from autotrack.backends.mlflow.backend import MlflowBackend

__all__ = ["MlflowBackend"]
