"""The server's log on stderr: one line an event, as text or as JSON; secrets never get into it."""

from __future__ import annotations

import logging
import os
import sys
import time

import msgspec

_FIELDS = ("method", "path", "status", "seconds", "account")
"""What lines about requests say besides."""


class JsonFormatter(logging.Formatter):
    """Writes an event as an object: time (UTC), level, message, process, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """Write it."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        event: dict[str, object] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "message": record.getMessage(),
            "process": os.getpid(),
        }
        event |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            event["traceback"] = self.formatException(record.exc_info)
        return msgspec.json.encode(event).decode("utf-8", "replace")


def set_up_logs(*, as_json: bool) -> None:
    """Send the log of this process to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    text = logging.Formatter("%(asctime)s %(levelname)s [%(process)d] %(message)s")
    handler.setFormatter(JsonFormatter() if as_json else text)
    for name in ("autotrack", "autotrack.server", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [handler], False
        logger.setLevel(logging.INFO)
    logging.getLogger("autotrack.server").handlers = []  # its parent has one
    logging.getLogger("autotrack.server").propagate = True
