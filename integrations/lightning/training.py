"""`Trainer.fit`: one run for each call, whatever the trainer did before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from autotrack import names, naming
from autotrack.held_out import fitted
from autotrack.integration import Call, CallFailedError
from autotrack.integrations.lightning.hooks import listening
from autotrack.integrations.lightning.outcome import save_module
from autotrack.integrations.lightning.parameters import of_kind
from autotrack.integrations.lightning.recording import FitRecording, StageRecording
from autotrack.models.flavors.pytorch import innermost
from autotrack.recording import current_settings
from autotrack.records import INTERRUPTED
from autotrack.run import Run

_TUNERS = ("LearningRateFinder", "BatchSizeFinder")


def observe_fit(call: Call) -> Iterator[None]:
    """Record one fit."""
    trainer = call.instance
    if not is_recorded_here(trainer):
        return
    arguments = call.arguments()
    module, datamodule = own_module(arguments["model"]), datamodule_of(arguments)
    with call.run(name=naming.run_name(type(module).__name__), tags=tags_of(module)) as run:
        recording = FitRecording(run, trainer)
        recording.log_setup(module, datamodule, arguments["ckpt_path"])
        _remember(module, run)
        with listening(trainer, recording):
            yield from observed(call, recording)
        if not trainer.interrupted:
            save_module(run, trainer, module)


def _remember(module: Any, run: Run) -> None:
    """Note who trains the module, and on the run who did before: it goes on from those weights."""
    earlier = run_of_module(module)
    if earlier is not None and earlier is not run:
        run.set_tags({names.CONTINUED_FROM: earlier.id})
    fitted.remember(module, run)


def observed(call: Call, recording: StageRecording) -> Iterator[None]:
    """Let the trainer work, and log what is left to log in any case; know an interruption from a failure."""
    try:
        yield
    except CallFailedError:
        recording.finish()
        if is_interruption(call.error):
            _end_as_interrupted(recording.run)
        raise
    recording.finish()
    if recording.trainer.interrupted:  # Lightning before 2.5 returns as if nothing were
        _end_as_interrupted(recording.run)


def is_interruption(error: BaseException | None) -> bool:
    """Say whether an error is Ctrl-C or SIGTERM, which Lightning turns into kinds of `SystemExit`."""
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "SIGTERMException":
        return True
    return isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt)


def _end_as_interrupted(run: Run) -> None:
    if run.source != "manual":  # the user ends a run of their own
        run.end(INTERRUPTED)


def tags_of(module: Any) -> dict[str, str]:
    """Return MLflow's tags of a training with Lightning."""
    return naming.tags_of("pytorch", module)


def own_module(model: Any) -> Any:
    """Return the user's module, without what `torch.compile` wraps around it."""
    return innermost(model) if hasattr(model, "named_modules") else model


def datamodule_of(arguments: dict[str, Any]) -> Any:
    """Return the datamodule of a call; Lightning takes it in the place of loaders too."""
    for value in (arguments.get("datamodule"), arguments.get("train_dataloaders"), arguments.get("dataloaders")):
        if hasattr(value, "prepare_data"):
            return value
    return None


def run_of_module(module: Any) -> Run | None:
    """Return the run that trained a module, if one did in this process."""
    return fitted.run_of(module) if module is not None else None


def is_recorded_here(trainer: Any) -> bool:
    """Say whether this process records what the trainer is called for.

    Rank 0 does, on the first of several machines too. The trials of a `Tuner` are recorded nowhere.
    """
    return (trainer.global_rank == 0 or current_settings().all_ranks) and not _only_tunes(trainer)


def _only_tunes(trainer: Any) -> bool:
    """Say whether a call is the trial of a `Tuner`, which puts everything back afterwards."""
    return any(
        getattr(callback, "_early_exit", False) for name in _TUNERS for callback in of_kind(trainer.callbacks, name)
    )
