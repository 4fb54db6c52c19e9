"""Where runs go: what a target in the settings means, what it is called in journals, and how its backend is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autotrack.backends import open_backend, redact_url
from autotrack.backends.base import Backend, BackendContext
from autotrack.home import Home
from autotrack.settings import Settings

HOME_STORE = "home"
"""The target name of the store that lies in the home itself."""


def home_root(settings: Settings) -> Path:
    """Return the directory of the home: the first target that is a plain path, else the setting `store`."""
    paths = [target for target in settings.to if is_path(target)]
    return Path(paths[0]).expanduser() if paths else Path(settings.store)


def is_path(target: str) -> bool:
    """Say whether a target is a directory rather than a URL."""
    return "://" not in target and not target.endswith(".db")


def connectors(settings: Settings, home: Home) -> dict[str, Callable[[], Backend]]:
    """Return, for each target by its name in journals, the function that opens its backend."""
    context = BackendContext(home=home.root, artifacts=home.artifacts)
    urls = {target_name(target): target for target in settings.to} or {HOME_STORE: HOME_STORE}
    return {
        name: _connector(target_url(url, home) if name == HOME_STORE else url, context) for name, url in urls.items()
    }


def target_name(target: str) -> str:
    """Return the name of a target in journals: without password, and the same wherever the home is moved to."""
    return HOME_STORE if is_path(target) else redact_url(target)


def target_url(target: str, home: Home) -> str:
    """Return the URL behind a target."""
    return f"sqlite:///{home.root / 'store.db'}" if target == HOME_STORE or is_path(target) else target


def _connector(url: str, context: BackendContext) -> Callable[[], Backend]:
    return lambda: open_backend(url, context)
