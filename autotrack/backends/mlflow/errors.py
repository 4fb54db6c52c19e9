"""What an answer of the server means for us: try again later, never, in smaller pieces, or look for another way."""

from __future__ import annotations

from autotrack.errors import AutotrackError, RetryableError


class RefusedError(AutotrackError):
    """The server will never take this.

    Args:
        message: What was refused, and why.
        status: Of the answer.
        code: MLflow's `error_code`, such as "RESOURCE_DOES_NOT_EXIST"; empty where the answer had none.
    """

    def __init__(self, message: str, status: int = 0, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class TooLargeError(RefusedError):
    """The server, or a proxy before it, does not take as much at once."""


class ForbiddenError(RefusedError):
    """These credentials may not do this."""


class RunRefusedError(RefusedError):
    """The server takes nothing more of this run: it was deleted there, or is another one's."""


class UnknownRouteError(RetryableError):
    """The server does not know the address: an older MLflow, or no MLflow at all."""


class UncertainError(RetryableError):
    """The connection broke after the request was sent: nobody here knows whether it was carried out."""
