"""The verbs that read the store of this process's settings: find runs, delete and restore them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autotrack.history import current_history

if TYPE_CHECKING:
    from autotrack.run_list import RunList
    from autotrack.stored_run import StoredRun


def search_runs(
    filter: str | None = None,  # noqa: A002 - the word users know
    *,
    experiment: str | None = None,
    order_by: str | None = None,
    limit: int | None = None,
) -> RunList:
    """Return runs of the store, newest first.

    Args:
        filter: Such as `metrics.val_acc > 0.9 and (params.C < 1 or tags.team = "x")`. Default: all.
        experiment: Only runs of this experiment.
        order_by: Such as "metrics.val_acc desc, start_time".
        limit: How many at most.

    Raises:
        FilterError: The filter cannot be read; the message points at the column.
    """
    return current_history().search(filter, experiment=experiment, order_by=order_by, limit=limit)


def get_run(run_id: str) -> StoredRun:
    """Return one run of the store.

    Args:
        run_id: Its id, a prefix of it that no other run has, or "@last".

    Raises:
        RunNotFoundError: No run, or several, match.
    """
    return current_history().get(run_id)


def delete_run(run_id: str) -> None:
    """Move a run, with those below it, to the trash; `restore_run` brings them back."""
    current_history().delete(run_id)


def restore_run(run_id: str) -> None:
    """Bring a deleted run back, with those below it."""
    current_history().restore(run_id)
