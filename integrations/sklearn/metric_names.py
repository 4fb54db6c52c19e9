"""What a number that the user asked a metric function for is called in the run.

The key is the function's name, after it what differs from the function's defaults: `f1_score_macro`,
`fbeta_score_binary_beta_2.0`. The averages follow the names of `autotrack.evaluation`, where the plain name is the
weighted average as MLflow has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from autotrack.held_out.split_names import name_of
from autotrack.patching.call import signature

_AVERAGED = frozenset({"f1_score", "fbeta_score", "jaccard_score", "precision_score", "recall_score"})
_SAME_NUMBER = {
    "average_precision_score": "average_precision",
    "brier_score_loss": "brier_score",
    "roc_auc_score": "roc_auc",
}
"""Functions whose number, all arguments being defaults, an evaluation has under a name of its own."""
_NO_NUMBER = ("report", "matrix", "curve", "support", "samples", "thresholds", "ratios", "v_measure")
_SCORES = frozenset({"y_score", "y_proba", "y_prob", "pred_decision"})
_TAKE_PROBABILITIES = frozenset({"log_loss", "d2_log_loss_score"})  # before scikit-learn 1.8 as y_pred


class Metric(NamedTuple):
    """A call of a metric function.

    Attributes:
        function: The function, without scikit-learn's check of parameters.
        params: Its arguments by name, defaults included.
        truth: Name of the argument with the true values (of clusterings without truth: the data).
        guess: Name of the argument with the predictions.
    """

    function: Callable[..., Any]
    params: Mapping[str, Any]
    truth: str
    guess: str

    @property
    def gives_number(self) -> bool:
        """Whether the result is one number."""
        return not self.function.__name__.endswith(_NO_NUMBER) and self.params.get("average", "") is not None

    @property
    def wants_scores(self) -> bool:
        """Whether the function is made for scores of classes, rather than labels or values."""
        return self.guess in _SCORES or self.function.__name__ in _TAKE_PROBABILITIES

    @property
    def compares_rows(self) -> bool:
        """Whether there are predictions and truth, row by row, as an evaluation needs them."""
        return self.truth in {"y_true", "y1"}

    def key(self, *, binary: bool = False) -> str:
        """Return the name of the number, without the split.

        Args:
            binary: Whether the data have two classes, so that an evaluation may have the same number.
        """
        name = self.function.__name__
        suffixes = [self._average(), *(_suffix(option, value) for option, value in self._changed())]
        if any(suffixes):
            return "_".join([name, *filter(None, suffixes)])
        return _SAME_NUMBER.get(name, name) if binary else name

    def _average(self) -> str:
        average = self.params.get("average")
        if self.function.__name__ in _AVERAGED:
            return "" if average == "weighted" else str(average)
        return str(average) if any(option == "average" for option, _ in self._changed()) else ""

    def arguments(self) -> dict[str, Any]:
        """Return the arguments to call the function with; options of `**kwargs` are spread."""
        extra = self.params.get("kwds") or {}
        return {**{name: value for name, value in self.params.items() if name != "kwds"}, **extra}

    def text(self) -> str:
        """Return the call as the user could have written it, as in MLflow's `metric_info.json`."""
        given = [(self.truth, self.params[self.truth]), (self.guess, self.params[self.guess]), *self._changed()]
        return f"{self.function.__name__}({', '.join(f'{name}={_shown(value)}' for name, value in given)})"

    def _changed(self) -> list[tuple[str, Any]]:
        """Return the options that differ from the defaults."""
        defaults = signature(self.function).parameters
        return [
            (name, value)
            for name, value in self.params.items()
            if name not in {self.truth, self.guess} and name in defaults and not _is(value, defaults[name].default)
        ]


def _is(value: Any, default: Any) -> bool:
    if isinstance(value, float) and isinstance(default, float) and math.isnan(value):
        return math.isnan(default)
    return value is default or (isinstance(value, (str, int, float)) and value == default)


def _suffix(parameter: str, value: Any) -> str:
    if parameter == "average" or (parameter == "zero_division" and value == 0):  # 0 is what "warn" means too
        return ""
    if value is None or isinstance(value, (str, int, float, bool)):
        return f"{parameter}_{value}"
    return parameter


def _shown(value: Any) -> str:
    if value is None or isinstance(value, (str, int, float, bool)):
        return repr(value)
    name = name_of(value)
    if name is not None:
        return name
    shape = getattr(value, "shape", None)
    return f"<{type(value).__name__}{f' {tuple(shape)}' if shape is not None else ''}>"
