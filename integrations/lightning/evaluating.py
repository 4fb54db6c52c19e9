"""`Trainer.validate`, `test` and `predict`: logged into the run that trained the module, else a run of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autotrack.active import active_run
from autotrack.integration import Call
from autotrack.integrations.lightning.data import loaders_of, log_datasets
from autotrack.integrations.lightning.hooks import listening
from autotrack.integrations.lightning.parameters import hyperparameters, trainer_params
from autotrack.integrations.lightning.recording import StageRecording
from autotrack.integrations.lightning.training import (
    datamodule_of,
    is_recorded_here,
    observed,
    own_module,
    run_of_module,
    tags_of,
)
from autotrack.naming import run_name
from autotrack.run import Run

_CONTEXTS = {"validate": "validation", "test": "test", "predict": "predict"}


def observe_stage(call: Call) -> Iterator[None]:
    """Record one evaluation or prediction outside of a fit."""
    trainer, arguments = call.instance, call.arguments()
    if not is_recorded_here(trainer):
        return
    module = own_module(arguments["model"] if arguments["model"] is not None else trainer.lightning_module)
    trained = run_of_module(module)
    if trained is not None and _belongs(trained, active_run()):
        call.run_used = trained
        yield from _record(call, trained, arguments)
        return
    with call.run(name=run_name(f"{type(module).__name__}.{call.function.__name__}"), tags=tags_of(module)) as run:
        run.log_params({**trainer_params(trainer), **hyperparameters(module, datamodule_of(arguments))})
        yield from _record(call, run, arguments)


def _belongs(trained: Run, active: Run | None) -> bool:
    """Say whether metrics of a model go to the run that trained it, though the user may have a run of his own open."""
    return active is None or active is trained or trained.parent_id == active.id


def _record(call: Call, run: Run, arguments: dict[str, Any]) -> Iterator[None]:
    stage = call.function.__name__
    if arguments["ckpt_path"] is not None:
        run.log_params({f"{stage}_ckpt_path": str(arguments["ckpt_path"])})
    recording = StageRecording(run, call.instance)
    loop = getattr(call.instance, f"{stage}_loop")
    with listening(call.instance, recording):
        yield from observed(call, recording)
    run.log_metric(f"{stage}_seconds", call.seconds, recording.global_step)
    log_datasets(run, loaders_of(loop), _CONTEXTS[stage])
