"""Parameters as given and as in effect: what the user left open is logged with the value the library used."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from autotrack.capture.arguments import plain
from autotrack.run import Run

_WHOLE = re.compile(r"[+-]?\d{1,18}")


def given(params: Any) -> dict[str, Any]:
    """Return the parameters a user set, as plain values; None stands for the library's choice and is left out.

    Args:
        params: A mapping, or pairs, of which several may have one name (`eval_metric` in XGBoost).
    """
    if params is None:
        return {}
    if isinstance(params, Mapping):
        return {str(name): plain(value) for name, value in params.items() if value is not None}
    found: dict[str, Any] = {}
    for name, value in params:
        found[name] = [found[name], plain(value)] if name in found else plain(value)
    return found


def log_given(run: Run, params: Any, **arguments: Any) -> None:
    """Log the parameters of a training, with arguments of the call that belong to them."""
    run.log_params({**given(arguments), **given(params)})


def log_effective(run: Run, effective: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Log what the library used for parameters that the user did not set.

    Args:
        run: The run.
        effective: The library's configuration.
        known: The parameters that were logged as given.
    """
    run.log_params({name: value for name, value in effective.items() if known.get(name) is None})


def log_stopping(run: Run, callbacks: Iterable[Any]) -> None:
    """Log the settings of early stopping where the user gives it as a callback."""
    for callback in callbacks:
        rounds = getattr(callback, "stopping_rounds", getattr(callback, "rounds", None))
        if isinstance(rounds, int):
            run.log_param("early_stopping_rounds", rounds)


def typed(text: str) -> Any:
    """Return the number that a text of a library's configuration is, or the text.

    Numbers that were 32 bits wide come back as they were written: 0.300000012 is 0.3.
    """
    if _WHOLE.fullmatch(text):
        return int(text)
    try:
        number = float(text)
    except ValueError:
        return text
    import numpy as np

    narrow = np.float32(number)
    return float(str(narrow)) if f"{narrow:.9g}" == text else number
