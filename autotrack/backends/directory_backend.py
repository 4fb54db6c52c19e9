"""What all backends share that keep a folder per run: a target directory, and a batch taken run by run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from autotrack.backends.base import BackendContext
from autotrack.backends.gather import RunUpdate, gather, records_by_run
from autotrack.backends.pictures import Pictures
from autotrack.backends.run_folder import RunFolder, target_directory
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


class PicturesBackend(DirectoryBackend):
    """One that draws evaluations, and whose folder of a run depends on what is known of the run."""

    def __init__(self, url: str, context: BackendContext) -> None:
        super().__init__(url, context)
        self._pictures = Pictures()

    def close(self) -> None:
        """End the process that draws."""
        self._pictures.close()

    def _write_run(self, run_id: str, records: Sequence[AnyRecord]) -> None:
        told = gather(run_id, records, {})
        if told is None:
            return
        folder = RunFolder(self._place(told))
        update = gather(run_id, records, folder.state.writers)
        if update is not None:
            self._write_update(folder, update)
            folder.commit(update.writers)

    @abstractmethod
    def _place(self, told: RunUpdate) -> Path:
        """Return the folder of a run, which is chosen once; `told` is all that the records say, new or not."""

    @abstractmethod
    def _write_update(self, folder: RunFolder, update: RunUpdate) -> None:
        """Write what is new of a run."""
