"""Put callbacks of ours beside the user's, whatever they are given in; the user's own list is never touched."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from autotrack.integration import Call
from autotrack.integrations.keras.callback import AutotrackCallback
from autotrack.integrations.keras.pace import Stopwatch

HOOKS = tuple(name for name in dir(keras.callbacks.Callback) if name.startswith("on_"))


class Beside(keras.callbacks.CallbackList):  # type: ignore[misc]
    """A list of the user's own making and one of ours, as Keras calls them: first the user's, then ours.

    Args:
        theirs: The user's list, which stays as it is.
        ours: Our callbacks.
        model: The model that is trained.
    """

    def __init__(self, theirs: Any, ours: list[Any], model: Any) -> None:
        super().__init__()
        self.theirs = theirs
        self.ours = keras.callbacks.CallbackList(ours, model=model)

    def set_model(self, model: Any) -> None:
        """Do nothing: both lists have theirs."""

    def set_params(self, params: Any) -> None:
        """Do nothing: both lists have theirs."""


def _both(name: str) -> Callable[..., None]:
    def autotrack_both(self: Beside, *args: Any, **kwargs: Any) -> None:
        getattr(self.theirs, name)(*args, **kwargs)
        getattr(self.ours, name)(*args, **kwargs)

    return autotrack_both


for _hook in HOOKS:
    setattr(Beside, _hook, _both(_hook))


def inject(call: Call, callbacks: Any, callback: AutotrackCallback, rows: int | None) -> None:
    """Give `fit` the user's callbacks and ours.

    Ours is the last: it sees what others add to the logs, the files they wrote, and the weights they put back. The
    watch is the first.
    """
    if isinstance(callbacks, keras.callbacks.CallbackList):
        callback.inject(rows)
        call.replace(callbacks=Beside(callbacks, [callback], call.instance))
        return
    watch = Stopwatch()
    callback.inject(rows, watch)
    call.replace(callbacks=[watch, *flat(callbacks), callback])


def flat(callbacks: Any) -> list[Any]:
    """Return callbacks in the order in which Keras calls them, as a new list."""
    if isinstance(callbacks, keras.callbacks.CallbackList):
        return list(callbacks.callbacks)
    return list(keras.tree.flatten(callbacks)) if callbacks else []
