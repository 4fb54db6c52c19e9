"""Checkpoints that the program writes with `torch.save`: when, what, and a copy of the last one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import Module

from autotrack.integration import Patcher
from autotrack.integrations.torch.modules import state_of
from autotrack.integrations.torch.session import is_own, session
from autotrack.models.weights import MEGABYTE
from autotrack.recording import current_recorder
from autotrack.shield import contain

if TYPE_CHECKING:
    from autotrack.integrations.torch.loop import Loop

FOLDER = "checkpoints"
LATEST = "mlflow.latest_checkpoint_artifact"
MAX_LISTED = 1000


def patch_saving(patcher: Patcher) -> None:
    """Watch `torch.save`."""
    patcher.wrap(torch.serialization, "save", lambda original: _watched(patcher, original))
    patcher.replace(torch, "save", torch.serialization.save)


def _watched(patcher: Patcher, original: Callable[..., None]) -> Callable[..., None]:
    def autotrack_save(*args: Any, **kwargs: Any) -> None:
        __tracebackhide__ = True
        original(*args, **kwargs)
        try:
            loop = session().loop
            if patcher.live and loop is not None and is_own():
                given = {**dict(zip(("obj", "f"), args, strict=False)), **kwargs}
                loop.checkpoints.take(given["obj"], given["f"])
        except Exception as error:  # noqa: BLE001 - contained, and raised in tests
            contain(error, "observing torch.save")

    return autotrack_save


class Checkpoints:
    """The checkpoints of a loop.

    Args:
        loop: The loop.
    """

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._listed: list[dict[str, Any]] = []
        self._last: tuple[Path, int, int] | None = None

    def take(self, content: Any, target: Any) -> None:
        """Note what was written, if it holds weights of what this loop trains and went to a file."""
        if not isinstance(target, (str, os.PathLike)) or not self._is_checkpoint(content):
            return
        path = Path(os.fspath(target)).absolute()
        stat = path.stat()
        self._last = (path, stat.st_size, stat.st_mtime_ns)
        entry = {"file": path.name, "bytes": stat.st_size, "epoch": self._loop.epochs.step_of_evaluation()}
        entry["steps"] = self._loop.steps()
        self._listed = [*self._listed[-MAX_LISTED:], entry]
        self._loop.run.log_dict({FOLDER: self._listed}, f"{FOLDER}/{FOLDER}.json")

    def _is_checkpoint(self, content: Any) -> bool:
        """Say whether this is a module, a state dict, or a dict with one of them in it."""
        if isinstance(content, Module) or self._is_state(content):
            return True
        parts = list(content.values()) if isinstance(content, Mapping) else []
        return any(isinstance(part, Module) or self._is_state(part) for part in parts)

    def _is_state(self, content: Any) -> bool:
        if not isinstance(content, Mapping) or not content:
            return False
        named = {str(name).removeprefix("module.").removeprefix("_orig_mod.") for name in content}
        modules = [kept.module for kept in self._loop.trained.kept]
        return any(not named.isdisjoint(state_of(module)) for module in modules if module is not None)

    def finish(self) -> None:
        """Keep a copy of the last checkpoint with the run, if it is still as it was written."""
        settings = current_recorder().settings
        if self._last is None or not settings.log_models:
            return
        path, size, _ = self._last
        if settings.max_model_size and size > settings.max_model_size * MEGABYTE:
            self._loop.run.note("checkpoint.skipped", f"{path.name} is larger than the setting max_model_size")
            return
        self._loop.run.set_tag(LATEST, f"{FOLDER}/{path.name}")
        self._loop.run.defer(f"keeping {path.name}", self._keep)

    def _keep(self) -> None:
        assert self._last is not None  # noqa: S101 - `finish` has looked
        path, size, changed = self._last
        if not path.exists() or (path.stat().st_size, path.stat().st_mtime_ns) != (size, changed):
            self._loop.run.note("checkpoint.skipped", f"{path.name} is no longer as it was written")
            return
        self._loop.run.log_artifact(path, FOLDER)
