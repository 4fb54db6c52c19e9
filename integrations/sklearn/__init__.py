"""scikit-learn: every estimator, search and cross-validation, and what is measured on held-out data."""

from __future__ import annotations

from types import ModuleType
from typing import ClassVar

from autotrack.integration import Integration, Patcher
from autotrack.integrations.sklearn import fitted
from autotrack.integrations.sklearn.classes import for_each_class
from autotrack.integrations.sklearn.estimators import patch_fits


class Sklearn(Integration):
    """Observes fits, searches, cross-validation, predictions and metrics."""

    name: ClassVar[str] = "sklearn"
    requires: ClassVar[str] = "scikit-learn>=1.4"

    def install(self, patcher: Patcher, module: ModuleType) -> None:  # noqa: ARG002 - what is patched finds itself
        """Patch the estimator classes that exist, and each new one."""
        for_each_class(patcher, patch_fits)

    def uninstall(self) -> None:
        """Forget the estimators that were fitted."""
        fitted.forget_all()
