"""What all backends share that speak through a vendor's SDK: a batch taken run by run, and what is known of each run.

An SDK writes "append this" to files or a service of its own and cannot be asked what it has. So what was taken is
kept in a ledger in the home, beside the description of the run, from which parts that change are sent again whole.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from autotrack.backends.base import BackendContext
from autotrack.backends.description import describe_fully
from autotrack.backends.gather import RunUpdate, gather, records_by_run
from autotrack.backends.ledger import Ledger
from autotrack.content import artifact_name
from autotrack.errors import StoreUnavailableError
from autotrack.records import RUNNING, AnyRecord

Description = dict[str, Any]
"""What `describe_fully` gives, and what else the backend keeps of a run: anything that JSON holds."""


class SdkBackend(ABC):
    """Writes runs through an SDK; a subclass says how. Made to live in a process of its own (`guest.py`).

    Args:
        url: `<scheme>://<place>?<options>`.
        context: Where the files of runs are.

    Raises:
        StoreUnavailableError: The URL has an option that is unknown.
    """

    options: tuple[str, ...] = ()
    """Names of the options that a URL may carry."""

    def __init__(self, url: str, context: BackendContext) -> None:
        self.place = target_place(url)
        self.choices = {name: values[-1] for name, values in parse_qs(urlsplit(url).query).items()}
        if unknown := sorted(set(self.choices) - set(self.options)):
            known = f"it takes {', '.join(self.options)}" if self.options else "it takes none"
            raise StoreUnavailableError(f"{self.place}: there is no option {unknown[0]!r}; {known}")
        self.context = context
        self._ledger = Ledger(context.home, url)

    def write(self, records: Sequence[AnyRecord]) -> None:
        """Write records.

        Raises:
            RetryableError: Not now; offer the same records again later.
        """
        for run_id, mine in records_by_run(records).items():
            entry = self._ledger.load(run_id)
            update = gather(run_id, mine, entry.writers)
            if update is None:
                continue
            run = describe_fully(json.loads(entry.about) if entry.about else None, update)
            self.send(update, run)
            entry.about = json.dumps(run)
            entry.writers.update(update.writers)
            self._ledger.save(run_id, entry)

    @abstractmethod
    def send(self, update: RunUpdate, run: Description) -> None:
        """Send the news of one run; when it returns, they are written down.

        Args:
            update: The news.
            run: The run after them. What is put into it is there the next time.
        """

    def description(self, run_id: str) -> Description | None:
        """Return what is known of another run, such as the parent of one."""
        about = self._ledger.load(run_id).about
        return json.loads(about) if about else None

    def path(self, run_id: str, name: str) -> Path:
        """Return where a file of a run is; it may have been deleted since."""
        return self.context.artifacts / run_id / artifact_name(name)

    def flush(self) -> None:  # noqa: B027 - nothing to do is the rule, not a gap
        """Do nothing: each batch is written down when `write` returns."""

    def close(self) -> None:
        """Let go of the ledger; subclasses let go of their SDK first."""
        self._ledger.close()


def target_place(url: str) -> str:
    """Return what a URL names, without scheme and options: "team/churn" of `wandb://team/churn?mode=offline`."""
    parts = urlsplit(url)
    return unquote(parts.netloc + parts.path).strip("/")


def files(run: Description) -> Iterator[str]:
    """Yield the paths of a run's files that belong to no model."""
    models = tuple(f"{name}/" for name in run["models"])
    return (path for path in run["files"] if not path.startswith(models))


def has_ended(run: Description) -> bool:
    """Say whether a run has ended; files and models are sent then, whole."""
    return bool(run["status"] != RUNNING)
