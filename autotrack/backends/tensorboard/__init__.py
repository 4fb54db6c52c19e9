"""TensorBoard: runs as event files, written with TensorBoard's own protos; neither TensorFlow nor torch is needed."""

from __future__ import annotations

from autotrack.backends.base import Backend, BackendContext
from autotrack.errors import MissingDependencyError


def open_tensorboard(url: str, context: BackendContext) -> Backend:
    """Open `tensorboard:///absolute/dir` or `tensorboard://relative/dir`.

    Raises:
        MissingDependencyError: The package `tensorboard` is not installed.
        StoreUnavailableError: The URL names no directory.
    """
    try:
        from autotrack.backends.tensorboard.backend import TensorBoardBackend
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "tensorboard":
            raise
        raise MissingDependencyError("tensorboard", "tensorboard") from error
    return TensorBoardBackend(url, context)
