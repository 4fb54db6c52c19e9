"""Every error autotrack raises on purpose: each says what was wrong, where, and what to do next."""

from __future__ import annotations


class AutotrackError(Exception):
    """Base of all errors raised by autotrack."""


class MissingDependencyError(AutotrackError, ImportError):
    """An optional package is needed for what was asked.

    Args:
        package: The import name that is missing.
        extra: The extra of autotrack that installs it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package!r} is not installed; run: pip install 'autotrack[{extra}]'")
        self.package = package
        self.extra = extra


class SettingsError(AutotrackError, ValueError):
    """A setting has an unknown name or a value that is not allowed."""


class UnknownBackendError(AutotrackError, ValueError):
    """No backend understands the URL given as target."""


class UnsupportedValueError(AutotrackError, TypeError):
    """A value cannot be logged as what the caller asked for (a metric that is no number, say)."""


class EvaluationError(AutotrackError, ValueError):
    """The arrays given to an evaluation do not belong together."""


class RunNotFoundError(AutotrackError, LookupError):
    """No run, or more than one, matches the id that was asked for."""


class ImportSourceError(AutotrackError, ValueError):
    """What shall be imported is not there, or not of a kind that can be read."""


class FilterError(AutotrackError, ValueError):
    """A filter expression cannot be read.

    Args:
        reason: What is wrong.
        text: The whole filter.
        column: 0-based position of the mistake in `text`.
    """

    def __init__(self, reason: str, text: str, column: int) -> None:
        super().__init__(f"{reason}\n  {text}\n  {' ' * column}^ column {column + 1}")
        self.reason = reason
        self.text = text
        self.column = column


class StoreError(AutotrackError):
    """The store cannot be used."""


class StoreUnavailableError(StoreError):
    """The store cannot be opened or reached."""


class OlderSchemaError(StoreUnavailableError):
    """The store was written by an older autotrack and has to be opened for writing once, which upgrades it."""


class NewerSchemaError(StoreError):
    """The store was written by a newer autotrack; it is left untouched."""


class JournalError(AutotrackError):
    """A journal file cannot be written or is not a journal."""


class RetryableError(AutotrackError):
    """A backend could not take a batch now; the same batch will be offered again.

    Args:
        message: What happened.
        retry_after: Seconds the other side asked to wait, or None to use the usual backoff.
    """

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after
