"""Keep the final weights of a module, whether it is still there when its run ends or was let go of before."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from autotrack.active import paused
from autotrack.integrations.torch.modules import state_of, twin_of
from autotrack.models.flavors.pytorch import pytorch_flavor, take_module
from autotrack.models.saving import save_model
from autotrack.models.weights import MEGABYTE, save_weights, size_of
from autotrack.recording import current_recorder
from autotrack.run import Run
from autotrack.shield import shielded

if TYPE_CHECKING:
    from torch.nn import Module


class Kept:
    """A module that is saved once: when its run ends, or at the moment it would be gone.

    Args:
        run: Its run.
        module: The module; it is referred to weakly.
        name: Of the model within the run.
    """

    def __init__(self, run: Run, module: Module, name: str) -> None:
        self._run = run
        self._name = name
        self._module = weakref.ref(module)
        self._left: list[Module] = [twin_of(module)]
        self._last_call = weakref.finalize(module, _save_left, run, self._left, name)
        self._last_call.atexit = False

    @property
    def module(self) -> Module | None:
        """The module, while the program has it."""
        return self._module()

    def refresh(self) -> None:
        """Look at the structure again: the program may have replaced a layer."""
        module = self._module()
        if module is not None:
            self._left[0] = twin_of(module)

    def save(self) -> None:
        """Save the module, if that has not happened."""
        module = self._module()
        if self._last_call.detach() is not None and module is not None:
            _save(self._run, module, self._name)
        self._left.clear()


def _save_left(run: Run, left: list[Module], name: str) -> None:
    """Save what is left of a module. Runs wherever Python collects it, so nothing may come out of it."""
    with shielded("saving a module that the program let go of", run.note):
        if left:
            _save(run, left.pop(), name)


def _save(run: Run, module: Module, name: str) -> None:
    settings = current_recorder().settings
    if not settings.log_models:
        return
    state = state_of(module)
    obstacle = _obstacle(state)
    if obstacle is not None:
        run.note("model.skipped", f"{name}: {obstacle}", level="warning")
        return
    with run.timed(), paused():
        save_weights(run, state, f"{name}.safetensors")
        if not settings.max_model_size or size_of(state) <= settings.max_model_size * MEGABYTE:
            save_model(run, lambda path: take_module(module, path), pytorch_flavor, name=name)


def _obstacle(state: dict[str, Any]) -> str | None:
    """Say why weights cannot be written from here: some are elsewhere, or not there at all."""
    for name, tensor in state.items():
        if tensor.device.type == "meta":
            return f"{name} has no values (it is on the meta device)"
        if hasattr(tensor, "device_mesh"):
            return f"{name} is spread over several processes; save it with torch.distributed.checkpoint"
    return None
