"""Weights alone as safetensors: a file that holds numbers and no code, and that every framework reads."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotrack.errors import AutotrackError
from autotrack.recording import current_recorder
from autotrack.run import Run

if TYPE_CHECKING:
    import torch

WEIGHTS_FILE = "model.safetensors"
"""Name of the file among the files of a run."""
MEGABYTE = 1_000_000


def save_weights(run: Run, state: Mapping[str, Any], name: str = WEIGHTS_FILE) -> None:
    """Keep weights as a file of the run, if the settings ask for it; what cannot be kept leaves a note.

    Args:
        run: The run that trained them.
        state: As `module.state_dict()` gives it.
        name: The file's name.
    """
    settings = current_recorder().settings
    if not settings.log_models:
        return
    size = size_of(state)
    if settings.max_model_size and size > settings.max_model_size * MEGABYTE:
        message = f"{name} would take {size / MEGABYTE:.0f} MB, more than the setting max_model_size"
        run.note("model.skipped", message, level="warning")
        return
    try:
        run.artifact_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        written = take_weights(state, run.artifact_directory / name)
    except (AutotrackError, OSError) as error:
        run.note("model.skipped", str(error), level="warning")
    else:
        run.add_file(name, written)


def size_of(state: Mapping[str, Any]) -> int:
    """Return the bytes of all tensors in a state."""
    return sum(tensor.nbytes for tensor in _tensors(state).values())


def take_weights(state: Mapping[str, Any], path: Path) -> int:
    """Write tensors to a safetensors file; return its size in bytes.

    Tensors that share memory, such as tied weights, are written once for each name.

    Args:
        state: Tensors by name, as `module.state_dict()` gives them; other values are left out.
        path: The file, below an existing directory. It appears complete or not at all.

    Raises:
        AutotrackError: safetensors is not installed, or the file cannot be written.

    Example:
        >>> import torch
        >>> from tempfile import mkdtemp
        >>> take_weights(torch.nn.Linear(2, 1).state_dict(), Path(mkdtemp()) / "model.safetensors") > 0
        True
    """
    try:
        from safetensors.torch import save_file
    except ModuleNotFoundError as error:
        raise AutotrackError("no weights are kept without safetensors; run: pip install 'autotrack[torch]'") from error
    partial = path.with_name(f".{path.name}.partial")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        save_file(_apart(_tensors(state)), partial)
        partial.chmod(0o600)
        partial.replace(path)
    except Exception as error:
        raise AutotrackError(f"cannot write the weights: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return path.stat().st_size


def _tensors(state: Mapping[str, Any]) -> dict[str, torch.Tensor]:
    import torch

    return {name: value.detach() for name, value in state.items() if isinstance(value, torch.Tensor)}


def _apart(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return tensors on the CPU of which no two share memory: the format has no word for that."""
    taken: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        here = tensor.cpu().contiguous()
        place = here.untyped_storage().data_ptr()
        apart[name] = here.clone() if place in taken else here
        taken.add(place)
    return apart
