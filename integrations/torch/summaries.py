"""What programs write for TensorBoard, mirrored into their run: torch's `SummaryWriter`, and that of `tensorboardX`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

import torch

from autotrack.active import active_run
from autotrack.integration import Patcher
from autotrack.integrations.torch import stepping
from autotrack.integrations.torch.session import is_own
from autotrack.integrations.torch.transfer import Values, copy_of
from autotrack.patching.call import signature
from autotrack.run import Run
from autotrack.shield import contain

MODULES = ("torch.utils.tensorboard.writer", "tensorboardX.writer")
_OWN = frozenset({"loss", "train_loss", "val_loss", "test_loss", "learning_rate"})

Given = Mapping[str, Any]


def patch_writer(patcher: Patcher, module: ModuleType) -> None:
    """Mirror what is added to the writers of a module."""
    for name, mirror in _MIRRORS.items():
        patcher.wrap(module.SummaryWriter, name, functools.partial(_watched, patcher, mirror))


def _watched(
    patcher: Patcher, mirror: Callable[[Run, Given], None], original: Callable[..., Any]
) -> Callable[..., Any]:
    def autotrack_add(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        result = original(*args, **kwargs)
        try:
            if patcher.live and is_own():
                given = signature(original).bind(*args, **kwargs)
                given.apply_defaults()
                mirror(_run(), given.arguments)
        except Exception as error:  # noqa: BLE001 - contained, and raised in tests
            contain(error, f"mirroring SummaryWriter.{original.__name__}")
        return result

    return autotrack_add


def _run() -> Run:
    """Return the run to mirror into: the loop's, the program's own, or one that begins now."""
    loop = stepping.current()
    if loop is not None:
        return loop.run
    return active_run() or stepping.begin().run


def _mirror_scalar(run: Run, given: Given) -> None:
    _log(run, given["tag"], given["scalar_value"], given["global_step"])


def _mirror_scalars(run: Run, given: Given) -> None:
    for name, value in given["tag_scalar_dict"].items():
        _log(run, f"{given['main_tag']}/{name}", value, given["global_step"])


def _mirror_hparams(run: Run, given: Given) -> None:
    """Log the hyperparameters; their metrics come as scalars."""
    run.log_params(given["hparam_dict"])


def _mirror_text(run: Run, given: Given) -> None:
    run.log_text(str(given["text_string"]), f"tensorboard/{str(given['tag']).strip('/')}.txt")


_MIRRORS: Mapping[str, Callable[[Run, Given], None]] = {
    "add_scalar": _mirror_scalar,
    "add_scalars": _mirror_scalars,
    "add_hparams": _mirror_hparams,
    "add_text": _mirror_text,
}


def _log(run: Run, tag: str, value: Any, step: Any) -> None:
    """Log a value; what is on a device waits for the next transfer. Names of our own series are left to these."""
    name = f"tensorboard/{tag}" if tag in _OWN else tag
    loop = stepping.current()
    if step is None:
        step = loop.steps() if loop is not None else 0
    if isinstance(value, torch.Tensor) and value.numel() == 1 and loop is not None and loop.run is run:
        loop.post(_take, (run, int(step)), {name: copy_of(value)})
    elif not isinstance(value, str):  # a name of a value in Caffe2's workspace
        run.log_metric(name, value, int(step))


def _take(subject: tuple[Run, int], values: Values) -> None:
    run, step = subject
    run.log_metrics(values, step)
