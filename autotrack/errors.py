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


class ExperimentNotFoundError(AutotrackError, LookupError):
    """No experiment matches what was asked for."""


class ExperimentExistsError(AutotrackError, ValueError):
    """An experiment has the name already."""


class ConflictError(AutotrackError, ValueError):
    """What is there already contradicts what shall be written: a parameter with another value, a deleted run."""


class AccountError(AutotrackError, ValueError):
    """An account or a token is not there, exists already, or cannot be made as asked."""


class ModelNotFoundError(AutotrackError, LookupError):
    """No registered model, or no version of one, matches what was asked for."""


class RegistryError(AutotrackError, ValueError):
    """What was asked of the registry of models cannot be done: a name, an alias or a stage that is none, say."""


class ModelExistsError(RegistryError):
    """A registered model has the name already."""


class ModelError(AutotrackError, ValueError):
    """A model is not where it was asked for, or cannot be read."""


class UntrustedModelError(ModelError):
    """Loading a model would run code that comes with it, and nobody said that it is trusted."""


class TamperedModelError(ModelError):
    """The files of a model are not those that were saved."""


class SchemaError(AutotrackError, ValueError):
    """A model's input is not what its signature says.

    Args:
        message: What is wrong with it.
        column: The column (or named tensor) that is meant, or None for the input as a whole.
    """

    def __init__(self, message: str, column: str | int | None = None) -> None:
        super().__init__(message)
        self.column = column


class ReproductionError(AutotrackError):
    """A run cannot be done again: what it came from was not recorded, or is not there any more."""


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
