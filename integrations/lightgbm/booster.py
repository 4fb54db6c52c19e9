"""What a trained booster says about itself: parameters in effect, importances, how it predicts, its file."""

from __future__ import annotations

import re
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from autotrack.boosting.importance import log_importances
from autotrack.boosting.parameters import log_effective, typed
from autotrack.boosting.rows import take_rows
from autotrack.boosting.runs import Shape
from autotrack.boosting.splits import CLASSIFICATION, RANKING, REGRESSION, Predictor, Split
from autotrack.evaluation.budget import count_rows
from autotrack.models.snapshot import Snapshot, take_native_snapshot
from autotrack.run import Run

IMPORTANCE_TYPES = ("split", "gain")
MODEL_CLASS = "lightgbm.basic.Booster"
_PARAMETER = re.compile(r"^\[([^:\]]+): (.+)\]$", re.MULTILINE)
_RANKINGS = ("lambdarank", "rank_xendcg")


def describe(run: Run, booster: Any, known: Mapping[str, Any]) -> None:
    """Log the parameters in effect, the number of trees and both importances."""
    run.log_metric("n_trees", booster.num_trees())
    head = booster.model_to_string(num_iteration=1)  # the parameters stand behind the trees
    log_effective(run, {name: typed(text) for name, text in _PARAMETER.findall(head)}, known)
    names = booster.feature_name()
    log_importances(
        run,
        {
            kind: dict(zip(names, booster.feature_importance(importance_type=kind).tolist(), strict=True))
            for kind in IMPORTANCE_TYPES
        },
    )


def predictor_of(booster: Any) -> Predictor | str:
    """Return how a booster predicts for features, or why that cannot be evaluated."""
    objective = str(booster.dump_model(num_iteration=1).get("objective", "")).partition(" ")[0]

    if not objective or objective == "custom":
        return "with a custom objective it is not known what predictions mean"
    if objective == "binary":
        return Predictor(CLASSIFICATION, booster.predict, np.arange(2))
    if objective.startswith("multiclass"):
        return Predictor(CLASSIFICATION, booster.predict, np.arange(booster.num_model_per_iteration()))
    return Predictor(RANKING if objective in _RANKINGS else REGRESSION, booster.predict)


class Source:
    """The raw data of a Dataset, known weakly: LightGBM lets go of them once it has binned them.

    Args:
        name: What the set is called.
        dataset: The Dataset, before the training.
    """

    def __init__(self, name: str, dataset: Any) -> None:
        self.name = name
        self._dataset = dataset
        self._data: Callable[[], Any] = lambda: None
        data = dataset.data
        if data is not None and not isinstance(data, (str, Path)):
            try:
                self._data = weakref.ref(data)
            except TypeError:  # a list
                self._data = lambda: data

    @property
    def data(self) -> Any:
        """The raw data, None once they are gone."""
        return self._data()

    def split(self, known: Mapping[int, Any]) -> Split | str:
        """Return the split, or why there is none.

        Args:
            known: Predictions for whole sets, by the id of the Dataset.
        """
        predicted, labels = known.get(id(self._dataset)), self._dataset.label
        if labels is None:
            return f"{self.name}: it has no labels"
        data, _ = self.fingerprinted()
        rows = count_rows(data)
        if predicted is None and (self.data is None or not rows):
            return f"{self.name}: its raw data are gone; keep them in a variable to have them evaluated"
        return Split(
            self.name,
            rows,
            labels,
            data,
            lambda positions: take_rows(data, positions),
            self._dataset.weight,
            self._dataset.group,
            predicted=predicted,
        )

    def fingerprinted(self) -> tuple[Any, Any]:
        """Return what can be fingerprinted, and the labels."""
        data = self.data
        if data is None:
            data = Shape((self._dataset.num_data(), self._dataset.num_feature()), "float64")
        return data, self._dataset.label


def booster_snapshot(booster: Any, path: Path) -> Snapshot:
    """Write a booster as text, up to its best iteration as `predict` uses it."""
    return take_native_snapshot(
        booster, path, booster.save_model, suffix=".txt", model_class=MODEL_CLASS, module="lightgbm"
    )
