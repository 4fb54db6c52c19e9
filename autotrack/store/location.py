"""Where a store is: a path or a URL becomes the URL of a database."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import unquote

from sqlalchemy import make_url
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError

from autotrack.errors import StoreUnavailableError

FILE_NAME = "store.db"


def database_url(url: str | os.PathLike[str]) -> URL:
    """Find the database that a target names.

    Args:
        url: A directory, a `.db` file, `sqlite:///path` or `postgresql://user@host/name`.

    Returns:
        A SQLAlchemy URL. For a directory, or a path that does not end in `.db`, that of `store.db` in it.

    Raises:
        StoreUnavailableError: The URL cannot be read.
    """
    target = os.fspath(url)
    if re.match(r"postgres(ql)?(\+\w+)?://", target):
        try:
            return make_url(target).set(drivername="postgresql+psycopg")
        except (ArgumentError, ValueError) as error:
            raise StoreUnavailableError(f"cannot read the database URL: {type(error).__name__}") from None
    path = Path(unquote(target.removeprefix("sqlite:///")) if target.startswith("sqlite:///") else target).expanduser()
    if path.is_dir() or path.suffix != ".db":
        path /= FILE_NAME
    return URL.create("sqlite", database=str(path.absolute()))
