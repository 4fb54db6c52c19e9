"""Where runs are read from: the first target of the settings that can be read, and the files that belong to it."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from autotrack import recording
from autotrack.errors import StoreUnavailableError
from autotrack.home import DIRECTORY_NAME, Home, fallback_root
from autotrack.settings import Settings
from autotrack.targets import home_root, is_path, target_name, target_url

STORE_FILE = "store.db"
_READABLE = re.compile(r"(sqlite|postgres(ql)?(\+\w+)?):")


class Place(msgspec.Struct, frozen=True):
    """A store with the files of its runs.

    Attributes:
        url: What `Store.open` takes.
        target: The store's name in journals.
        home: Directory of artifacts and journals.
    """

    url: str
    target: str
    home: Path

    @property
    def label(self) -> str:
        """What to call the store in messages."""
        return self.target if self.database is None else str(self.database)

    @property
    def database(self) -> Path | None:
        """The SQLite file, or None for a server."""
        if self.url.startswith("postgres"):
            return None
        path = Path(self.url.removeprefix("sqlite:///")).expanduser().absolute()
        return path if path.suffix == ".db" and not path.is_dir() else path / STORE_FILE


def find_place(settings: Settings) -> Place:
    """Return the store that the settings name.

    Raises:
        StoreUnavailableError: They name only targets that cannot be read back.
    """
    home = _home(settings)
    for target in settings.to or (str(home.root),):
        if is_readable(target):
            return Place(target_url(target, home), target_name(target), home.root)
    raise StoreUnavailableError(
        f"runs go to {', '.join(map(target_name, settings.to))}, which autotrack writes to but does not read. "
        "It reads a directory, sqlite:///path or postgresql://host/name: add one to the setting `to`"
    )


def is_readable(target: str) -> bool:
    """Say whether runs can be read back from a target."""
    return is_path(target) or target.endswith(".db") or _READABLE.match(target) is not None


def _home(settings: Settings) -> Home:
    """Return the directory in use, which may be a stand-in for one that cannot be written."""
    recorder = recording.open_recorder()
    if recorder is not None and recorder.settings == settings:
        return recorder.home
    return Home(home_root(settings).absolute())


def missing_store(database: Path) -> str:
    """Say kindly that there is no store, and what to do."""
    stores = (folder / DIRECTORY_NAME for folder in Path.cwd().parents)
    near = [store for store in (*stores, fallback_root()) if (store / STORE_FILE).exists() and store != database.parent]
    hint = (
        f"There is one in {near[0]}: point to it with --store or AUTOTRACK_STORE."
        if near
        else (
            "Record runs with `autotrack run script.py` or `import autotrack; autotrack.enable()`, "
            "or point to a store with --store or AUTOTRACK_STORE."
        )
    )
    return f"no runs here yet: there is no store at {database}\n{hint}"
