"""`Trainer.train`, `evaluate` and `predict` as runs; our callback hears every event and is in no list of the user's."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
from transformers.trainer_callback import CallbackHandler

from autotrack import names
from autotrack.held_out.split_names import TEST, VALIDATION
from autotrack.integration import Call, Patcher
from autotrack.integrations.transformers.callback import AutotrackCallback
from autotrack.models.flavors.pytorch import pytorch_flavor, take_module
from autotrack.models.saving import save_model
from autotrack.models.weights import MEGABYTE, save_weights, size_of
from autotrack.patching.nesting import active_call
from autotrack.recording import current_recorder
from autotrack.run import Run
from autotrack.shield import shielded

_SPLITS = {"eval": VALIDATION, "test": TEST}
_runs: weakref.WeakKeyDictionary[Any, Run] = weakref.WeakKeyDictionary()


def patch_trainer(patcher: Patcher, module: ModuleType) -> None:
    """Observe a trainer, and what its callbacks are told."""
    patcher.observe(module.Trainer, "train", observe_train)
    patcher.observe(module.Trainer, "evaluate", observe_evaluation)
    patcher.observe(module.Trainer, "predict", observe_evaluation)
    patcher.wrap(CallbackHandler, "call_event", lambda original: _telling(patcher, original))
    patcher.wrap(module.Trainer, "evaluation_loop", lambda original: _reading(patcher, original))


def observe_train(call: Call) -> Iterator[None]:
    """Record one training."""
    trainer = call.instance
    if _has_own(trainer):
        return
    with call.run(tags={names.AUTOLOGGING: "transformers"}) as run:
        _runs[trainer] = run
        call.memo = AutotrackCallback(run)
        yield
        _save(run, trainer)


def observe_evaluation(call: Call) -> Iterator[None]:
    """Record an evaluation outside of training: on the run that trained, else on one of its own."""
    trainer = call.instance
    if _has_own(trainer):
        return
    run = _runs.get(trainer)
    if run is not None:
        call.run_used, call.memo = run, AutotrackCallback(run)
        yield
        return
    with call.run(tags={names.AUTOLOGGING: "transformers"}) as new:
        _runs[trainer] = new
        call.memo = AutotrackCallback(new)
        yield


def _has_own(trainer: Any) -> bool:
    """Say whether the program has given the trainer a callback of ours."""
    return any(isinstance(callback, AutotrackCallback) for callback in trainer.callback_handler.callbacks)


def _callback() -> AutotrackCallback | None:
    """Return the callback of the tracked call under way."""
    call = active_call()
    while call is not None:
        if isinstance(call.memo, AutotrackCallback):
            return call.memo
        call = call.parent
    return None


def _telling(patcher: Patcher, original: Callable[..., Any]) -> Callable[..., Any]:
    """Tell our callback of an event after all others."""

    def autotrack_call_event(self: Any, event: str, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        result = original(self, event, args, state, control, **kwargs)
        callback = _callback() if patcher.live else None
        if callback is not None and callback.run is not None:
            with shielded(f"recording {event} of a trainer", callback.run.note):
                getattr(callback, event)(args, state, result, model=self.model, **kwargs)
        return result

    return autotrack_call_event


def _reading(patcher: Patcher, original: Callable[..., Any]) -> Callable[..., Any]:
    """Evaluate what a trainer predicted for one of its own evaluations."""

    def autotrack_evaluation_loop(self: Any, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        output = original(self, *args, **kwargs)
        callback = _callback() if patcher.live else None
        if callback is not None and callback.run is not None:
            with shielded("evaluating what a trainer predicted", callback.run.note):
                prefix = kwargs.get("metric_key_prefix", args[4] if len(args) > 4 else "eval")
                _evaluate(callback.run, output, _SPLITS.get(prefix, prefix), self.state.global_step)
        return output

    return autotrack_evaluation_loop


def _evaluate(run: Run, output: Any, split: str, step: int) -> None:
    """Evaluate in the background what has one label or value for each row."""
    if not current_recorder().settings.log_evaluation:
        return
    predicted, truth = output.predictions, output.label_ids
    if isinstance(predicted, tuple):
        predicted = predicted[0]
    if predicted is None or truth is None:
        if run.first(f"evaluation:{split}"):
            run.note("evaluation.skipped", f"{split}: the trainer keeps no predictions without compute_metrics")
        return
    if not isinstance(truth, np.ndarray) or truth.ndim != 1 or np.ndim(predicted) not in {1, 2}:
        run.note("evaluation.skipped", f"{split}: only one label or value for each row can be evaluated")
        return
    truth, predicted = truth.copy(), np.array(predicted, dtype=np.float64)
    run.defer(f"evaluating {split}", lambda: _log_evaluation(run, truth, predicted, split, step))


def _log_evaluation(run: Run, truth: Any, predicted: Any, split: str, step: int) -> None:
    from autotrack.evaluation import evaluate

    budget = current_recorder().settings.evaluation_budget
    if predicted.ndim == 2 and predicted.shape[1] > 1:
        shifted = np.exp(predicted - predicted.max(axis=1, keepdims=True))
        scores = shifted / shifted.sum(axis=1, keepdims=True)
        labels = np.arange(scores.shape[1])
        binary = scores.shape[1] == 2
        report = evaluate(
            truth, None, scores[:, 1] if binary else scores, labels=labels, split=split, budget_seconds=budget
        )
    else:
        report = evaluate(truth, predicted.reshape(-1), split=split, task="regression", budget_seconds=budget)
    run.log_evaluation(report, step)


def _save(run: Run, trainer: Any) -> None:
    """Save the final model of a training in one process; what is spread over several is the trainer's to gather."""
    settings = current_recorder().settings
    if not settings.log_models:
        return
    if getattr(trainer, "is_deepspeed_enabled", False) or getattr(trainer, "is_fsdp_enabled", False):
        run.note("model.skipped", "the weights are spread over several processes; Trainer.save_model gathers them")
        return
    state = trainer.model.state_dict()
    save_weights(run, state)
    if not settings.max_model_size or size_of(state) <= settings.max_model_size * MEGABYTE:
        save_model(run, lambda path: take_module(trainer.model, path), pytorch_flavor)
