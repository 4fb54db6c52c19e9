"""Loops of `train_on_batch`: the calls on one model are the steps of one run.

The run stays open between the calls. It ends when the model is trained by `fit`, when it is no longer alive, with the
process, or with `disable`.
"""

from __future__ import annotations

import atexit
import os
import time
import weakref
from collections.abc import Iterator
from typing import Any

from autotrack.active import active_run, pop, push
from autotrack.held_out import fitted
from autotrack.integration import Call, CallFailedError
from autotrack.integrations.keras.data import Split, log_data, rows_of
from autotrack.integrations.keras.description import describe_model, metric_names
from autotrack.integrations.keras.learning_rate import rate_of
from autotrack.integrations.keras.model_file import log_model
from autotrack.integrations.keras.runs import log_origin, run_name, tags_of
from autotrack.recording import current_recorder
from autotrack.run import Run

_open: dict[int, Loop] = {}


class Loop:
    """The open run of one model's loop.

    Attributes:
        run: Its run.
        steps: Batches so far.
    """

    def __init__(self, model: Any) -> None:
        outer = active_run()
        self._ours = outer is None or not outer.claim()
        if outer is not None and not self._ours:
            self.run = outer
            outer.set_tags(tags_of(model))
        else:
            parent = outer.id if outer is not None else None
            group = outer.experiment if outer is not None else None
            self.run = Run(run_name(model), experiment=group, parent_id=parent, source="keras", tags=tags_of(model))
            self.run.claim()
        self.steps = 0
        self.rows = 0
        self._model = weakref.ref(model)
        self._end_with = weakref.finalize(model, _close, id(model))
        self._end_with.atexit = False

    def record(self, call: Call) -> None:
        """Log one step."""
        arguments = call.arguments()
        if self.steps == 0:
            describe_model(self.run, call.instance)
            log_data(self.run, Split("training", arguments["x"], arguments["y"]))
            log_origin(self.run, call.instance)
            fitted.remember(call.instance, self.run)
        self.rows += rows_of(arguments["x"]) or 0
        self.steps += 1
        every = current_recorder().settings.log_every_n_steps or 1
        if (self.steps - 1) % every == 0:
            values = results_of(call.instance, call.result)
            rate = rate_of(call.instance)
            if rate is not None:
                values.setdefault("learning_rate", rate)
            self.run.log_metrics(values, self.steps - 1)

    def fail(self, error: BaseException | None) -> None:
        """End the run, unless it is the user's own, for whom the exception goes on."""
        self._end_with.detach()
        if self._ours:
            self.run.end_with(error)

    def close(self) -> None:
        """Save the model if it is still alive, and end the run."""
        self._end_with.detach()
        if self._ours and self.run.status is not None:
            return
        self.run.log_params({"train_on_batch.calls": self.steps, "train_on_batch.rows": self.rows})
        model = self._model()
        if model is None:
            self.run.note("model.skipped", "the model was gone when its last batch had been trained")
        else:
            log_model(self.run, model)
        if self._ours:
            self.run.end()


def observe_train_on_batch(call: Call) -> Iterator[None]:
    """Record one batch as a step of the model's run."""
    model = call.instance
    loop = _loop_of(model)
    call.run_used = loop.run
    ours = active_run() is not loop.run
    if ours:
        push(loop.run)
    try:
        yield
    except CallFailedError:
        _open.pop(id(model), None)
        loop.fail(call.error)
        raise
    finally:
        if ours:
            pop(loop.run)
    loop.record(call)
    loop.run.overhead += call.caller_seconds + (time.perf_counter() - call.phase_started)


def _loop_of(model: Any) -> Loop:
    loop = _open.get(id(model))
    if loop is not None and loop.run.status is None:
        return loop
    close(model)
    if not _open:
        atexit.register(close_all)
    loop = _open[id(model)] = Loop(model)
    return loop


def results_of(model: Any, result: Any) -> dict[str, Any]:
    """Return the metrics of a batch by name; Keras gives them as a list in the order of the model's metrics."""
    if isinstance(result, dict):
        return dict(result)
    values = list(result) if isinstance(result, (list, tuple)) else [result]
    found = [name for metric in model.metrics for name in metric_names(metric)]
    return dict(zip(found, values, strict=False))


def close(model: Any) -> None:
    """End the run of a model's loop, if it has one open."""
    _close(id(model))


def _close(key: int) -> None:
    loop = _open.pop(key, None)
    if loop is not None and loop.run.pid == os.getpid():
        loop.close()


def close_all() -> None:
    """End the runs of all loops."""
    atexit.unregister(close_all)
    for key in list(_open):
        _close(key)
