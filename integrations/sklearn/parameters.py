"""The parameters of an estimator, and those of one call of fit, as plain values to log."""

from __future__ import annotations

from typing import Any

from autotrack.capture.arguments import PLAIN, plain
from autotrack.integration import Call
from autotrack.integrations.sklearn.kinds import is_search
from autotrack.run import Run


def log_estimator_params(run: Run, estimator: Any) -> None:
    """Log what `get_params` says, of nested estimators too; a search names its grid instead of its estimator's params.

    A third-party `get_params` that fails leaves a note.
    """
    try:
        params = estimator.get_params(deep=not is_search(estimator))
    except Exception as error:  # noqa: BLE001 - the class may be the user's own, with an __init__ it cannot look into
        run.note("params.unavailable", f"get_params of {type(estimator).__name__}: {type(error).__name__}: {error}")
        return
    run.log_params({name: plain(value) for name, value in params.items()})


class Data:
    """What one call of a training method was given.

    Attributes:
        X: The features, or None where the call does not say.
        y: The target, or None.
        sample_weight: The weights, or None.
        others: All other arguments.
    """

    __slots__ = ("X", "others", "sample_weight", "y")

    def __init__(self, call: Call) -> None:
        try:
            arguments = call.arguments()
        except TypeError:  # they do not fit; the library is about to say so
            arguments = {}
        names = list(arguments)
        first = "X" if "X" in arguments else names[0] if names else ""
        self.X = arguments.pop(first, None)
        self.y = arguments.pop("y", arguments.pop("Y", None))
        self.sample_weight = arguments.pop("sample_weight", None)
        self.others = arguments

    def log_arguments(self, run: Run) -> None:
        """Log plain arguments of the call itself as `fit.<name>`, and whether there were sample weights."""
        given = {f"fit.{name}": value for name, value in self.others.items() if _is_worth_logging(value)}
        if self.sample_weight is not None:
            given["fit.sample_weight"] = True
        run.log_params(given)


def _is_worth_logging(value: Any) -> bool:
    return value is not None and isinstance(value, PLAIN)
