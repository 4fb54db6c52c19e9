"""The losses of a training: what is differentiated, as it was before a gradient scaler multiplied it."""

from __future__ import annotations

import linecache
import re
import sys
import weakref
from collections.abc import Callable
from functools import lru_cache
from types import FrameType
from typing import Any

import torch

from autotrack.active import entered_pause
from autotrack.integration import Patcher
from autotrack.integrations.torch.session import Loss, Session, Site, here, is_own, session
from autotrack.patching.nesting import entered_call
from autotrack.shield import contain

MAX_LOSSES = 64
"""Losses between two optimizer steps that are kept; a program that makes no steps would pile them up."""

_BACKWARD = re.compile(r"(?:scale\(\s*)?([A-Za-z_][\w.]*)\s*\)?\.backward\(|\bbackward\(\s*([A-Za-z_][\w.]*)")


def patch_losses(patcher: Patcher) -> None:
    """Watch `backward`, which every way to differentiate a loss for an optimizer goes through, and gradient scalers."""
    patcher.wrap(torch.autograd, "backward", lambda original: _watched_backward(patcher, original))
    patcher.wrap(torch.amp.GradScaler, "scale", lambda original: _watched_scale(patcher, original))
    patcher.wrap(torch.amp.GradScaler, "update", lambda original: _watched_update(patcher, original))


def _watched_backward(patcher: Patcher, original: Callable[..., None]) -> Callable[..., None]:
    Tensor, is_dynamo = torch.Tensor, torch.compiler.is_dynamo_compiling  # noqa: N806 - the class
    observers = torch._C._len_torch_dispatch_stack  # noqa: SLF001 - modes that see every operation, also one of ours

    def autotrack_backward(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        if is_dynamo():
            return original(*args, **kwargs)
        try:
            state = here.session
            tensors = args[0] if args else kwargs["tensors"]
            if (
                state.stretch is not None
                and type(tensors) is Tensor
                and not (state.losses or state.scaled or state.evaluation or state.computing)
                and tensors.numel() == 1
                and patcher.live
                and not entered_pause()
                and (entered_call() is None or is_own())
            ):  # as in most steps; a stretch begins only where `is_own`, so what is left of it to ask is cheap
                at_hand = tensors.is_cpu and not observers()
                state.losses.append(tensors.item() if at_hand else Loss.of(tensors))
            elif not state.computing and patcher.live and is_own() and not torch.compiler.is_compiling():
                loop = state.loop
                site = None if loop is not None and not loop.trained.several else _site(sys._getframe(1))  # noqa: SLF001
                _take(state, tensors, site)
        except Exception as error:  # noqa: BLE001 - `shielded` costs more than all of this
            contain(error, "observing a backward pass")
        try:
            return original(*args, **kwargs)
        except BaseException:
            session().losses.clear()  # no step comes of it, and the next one is of something else
            raise

    return autotrack_backward


def _site(frame: FrameType) -> Site:
    """Return the place in the program that calls, which may do so through `Tensor.backward`."""
    if frame.f_code is torch.Tensor.backward.__code__ and frame.f_back is not None:
        frame = frame.f_back
    return Site(frame.f_code, frame.f_lasti)


def _take(state: Session, tensors: Any, site: Site | None) -> None:
    if state.evaluation is not None:
        state.evaluation.training_resumes()
    for tensor in (tensors,) if isinstance(tensors, torch.Tensor) else tensors:
        if tensor.numel() != 1:
            continue
        scaled = state.scaled
        if len(state.losses) == MAX_LOSSES:
            state.losses.clear()
        state.losses.append(Loss.of(scaled[1] if scaled is not None and scaled[0]() is tensor else tensor, site))


def _watched_scale(patcher: Patcher, original: Callable[..., Any]) -> Callable[..., Any]:
    def autotrack_scale(self: Any, outputs: Any) -> Any:
        __tracebackhide__ = True
        scaled = original(self, outputs)
        if patcher.live and scaled is not outputs and isinstance(outputs, torch.Tensor) and outputs.numel() == 1:
            session().scaled = (weakref.ref(scaled), outputs.detach())
        return scaled

    return autotrack_scale


def _watched_update(patcher: Patcher, original: Callable[..., None]) -> Callable[..., None]:
    def autotrack_update(self: Any, *args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        original(self, *args, **kwargs)
        try:
            loop = session().loop
            if patcher.live and loop is not None and self._scale is not None and is_own():
                loop.log_scale(self._scale)
        except Exception as error:  # noqa: BLE001 - as above
            contain(error, "observing a gradient scaler")

    return autotrack_update


@lru_cache(maxsize=1024)
def name_at(site: Site | None) -> str | None:
    """Return what the program calls the loss that it differentiates there.

    Example:
        A line `self.loss_d.backward()` gives "loss_d", `scaler.scale(loss).backward()` gives "loss".
    """
    if site is None:
        return None
    line = next((line for start, end, line in site.code.co_lines() if start <= site.instruction < end), None)
    found = _BACKWARD.search(linecache.getline(site.code.co_filename, line or 0))
    name = (found.group(1) or found.group(2)) if found else None
    return name.rpartition(".")[2] if name else None
