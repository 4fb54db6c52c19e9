"""What commands share: the store they read, the runs people name, and options that mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from autotrack.history import History
    from autotrack.settings import Settings

store_option = click.option(
    "--store", metavar="PATH|URL", help="Read this store: a directory, sqlite:///path or postgresql://host/name."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class Session:
    """What one call of the command line works with.

    Args:
        store: The store named before the command, if any.
    """

    def __init__(self, store: str | None) -> None:
        self.store = store

    @cached_property
    def settings(self) -> Settings:
        """The settings in force, with the named store as the only target."""
        from autotrack.settings import resolve

        return resolve(to=[_directory_of(self.store)] if self.store else None).settings

    @cached_property
    def history(self) -> History:
        """The runs of the store, up to date."""
        from autotrack.history import History
        from autotrack.place import find_place

        history = History(find_place(self.settings))
        history.catch_up()
        return history


def reads_store(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options of all reading commands: `--store` and `--json`. It takes a `Session` first."""

    def choose(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
        if value is not None:
            ctx.obj = Session(value)

    store = click.option(
        "--store", metavar="PATH|URL", expose_value=False, callback=choose, help="Read this store instead."
    )
    return store(json_option(click.pass_obj(function)))


def _directory_of(store: str) -> str:
    """Return the directory around a `store.db`: its artifacts and journals lie beside it."""
    from autotrack.place import STORE_FILE

    path = Path(store.removeprefix("sqlite:///"))
    return str(path.parent) if path.name == STORE_FILE and "://" not in str(path) else store
