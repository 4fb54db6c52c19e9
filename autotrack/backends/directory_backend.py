"""What all backends share that keep a folder per run: a target directory, and a batch taken run by run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from autotrack.backends.base import BackendContext
from autotrack.backends.gather import records_by_run
from autotrack.backends.run_folder import target_directory
from autotrack.errors import RetryableError
from autotrack.records import AnyRecord


class DirectoryBackend(ABC):
    """Writes each run into a folder below one directory; a subclass says how.

    Args:
        url: `<scheme>:///absolute/dir`, or `<scheme>://relative/dir`.
        context: Where the files of runs are.

    Raises:
        StoreUnavailableError: The URL names no directory.
    """

    def __init__(self, url: str, context: BackendContext) -> None:
        self._root = target_directory(url)
        self._context = context

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Write records.

        Raises:
            RetryableError: The disk refuses.
        """
        for run_id, mine in records_by_run(records).items():
            try:
                self._write_run(run_id, mine)
            except OSError as error:
                raise RetryableError(f"cannot write in {self._root}: {error.strerror or error}") from error

    @abstractmethod
    def _write_run(self, run_id: str, records: Sequence[AnyRecord]) -> None:
        """Take the records of one run; what was taken before changes nothing."""

    def flush(self) -> None:  # noqa: B027 - nothing to do is the rule, not a gap
        """Do nothing: each batch is on the disk when `write` returns."""

    def close(self) -> None:  # noqa: B027 - the same
        """Do nothing: no file stays open."""
