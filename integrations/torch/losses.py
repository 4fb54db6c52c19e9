"""The losses of a training: what is differentiated, as it was before a gradient scaler multiplied it."""

from __future__ import annotations

import linecache
import re
import sys
import weakref
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch

from autotrack.integration import Patcher
from autotrack.integrations.torch.session import Site, is_own, session
from autotrack.integrations.torch.transfer import copy_of
from autotrack.shield import contain

MAX_SITES = 64
"""Lines of a program between two optimizer steps whose losses are kept apart."""

_BACKWARD = re.compile(r"(?:scale\(\s*)?([A-Za-z_][\w.]*)\s*\)?\.backward\(|\bbackward\(\s*([A-Za-z_][\w.]*)")
_is_compiling = torch.compiler.is_compiling


def patch_losses(patcher: Patcher) -> None:
    """Watch `backward`, which every way to differentiate a loss for an optimizer goes through, and gradient scalers."""
    patcher.wrap(torch.autograd, "backward", lambda original: _watched_backward(patcher, original))
    patcher.wrap(torch.amp.GradScaler, "scale", lambda original: _watched_scale(patcher, original))
    patcher.wrap(torch.amp.GradScaler, "update", lambda original: _watched_update(patcher, original))


def _watched_backward(patcher: Patcher, original: Callable[..., None]) -> Callable[..., None]:
    through = torch.Tensor.backward.__code__

    def autotrack_backward(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        if _is_compiling() or not patcher.live or session.computing:
            return original(*args, **kwargs)
        try:
            if is_own():
                frame = sys._getframe(1)  # noqa: SLF001 - the one way to the caller's line
                if frame.f_code is through and frame.f_back is not None:
                    frame = frame.f_back
                _take(args[0] if args else kwargs.get("tensors"), (frame.f_code, frame.f_lineno))
        except Exception as error:  # noqa: BLE001 - `shielded` costs more than all of this
            contain(error, "observing a backward pass")
        return original(*args, **kwargs)

    return autotrack_backward


def _take(tensors: Any, site: Site) -> None:
    if session.evaluation is not None:
        session.evaluation.training_resumes()
    for tensor in (tensors,) if isinstance(tensors, torch.Tensor) else tensors:
        if tensor.numel() != 1:
            continue
        scaled = session.scaled
        value = scaled[1] if scaled is not None and scaled[0]() is tensor else copy_of(tensor)
        losses = session.losses
        if site in losses:
            losses[site] = losses[site] + value
        elif len(losses) < MAX_SITES:
            losses[site] = value


def _watched_scale(patcher: Patcher, original: Callable[..., Any]) -> Callable[..., Any]:
    def autotrack_scale(self: Any, outputs: Any) -> Any:
        __tracebackhide__ = True
        scaled = original(self, outputs)
        if patcher.live and scaled is not outputs and isinstance(outputs, torch.Tensor) and outputs.numel() == 1:
            session.scaled = (weakref.ref(scaled), copy_of(outputs))
        return scaled

    return autotrack_scale


def _watched_update(patcher: Patcher, original: Callable[..., None]) -> Callable[..., None]:
    def autotrack_update(self: Any, *args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        original(self, *args, **kwargs)
        try:
            if patcher.live and session.loop is not None and self._scale is not None and is_own():
                session.loop.log_scale(self._scale)
        except Exception as error:  # noqa: BLE001 - as above
            contain(error, "observing a gradient scaler")

    return autotrack_update


@lru_cache(maxsize=1024)
def name_at(site: Site) -> str | None:
    """Return what the program calls the loss that a line of it differentiates.

    Example:
        A line `self.loss_d.backward()` gives "loss_d", `scaler.scale(loss).backward()` gives "loss".
    """
    code, line = site
    found = _BACKWARD.search(linecache.getline(code.co_filename, line))
    name = (found.group(1) or found.group(2)) if found else None
    return name.rpartition(".")[2] if name else None
