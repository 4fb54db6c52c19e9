"""Which integration watches which import name, and what became of each."""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Iterable, Mapping
from types import ModuleType
from typing import NamedTuple

from autotrack.capture.program import forget
from autotrack.entry_points import entry_points, load
from autotrack.errors import SettingsError
from autotrack.integration import Integration
from autotrack.patching.imports import ImportWatcher
from autotrack.patching.nesting import remember_starter
from autotrack.patching.patcher import Patcher, UnsupportedLibraryError, undo_all
from autotrack.shield import contain

logger = logging.getLogger("autotrack")

ENTRY_POINTS = "autotrack.integrations"

BUILTIN: Mapping[str, str] = {
    "sklearn": "autotrack.integrations.sklearn:Sklearn",
    "xgboost": "autotrack.integrations.xgboost:XGBoost",
    "lightgbm": "autotrack.integrations.lightgbm:LightGBM",
    "catboost": "autotrack.integrations.catboost:CatBoostIntegration",
    "statsmodels": "autotrack.integrations.statsmodels:Statsmodels",
    "optuna": "autotrack.integrations.optuna:Optuna",
    "pyspark": "autotrack.integrations.pyspark:PySpark",
    "ray": "autotrack.integrations.ray:Ray",
    "torch": "autotrack.integrations.torch:Torch",
    "transformers": "autotrack.integrations.transformers:Transformers",
    "keras": "autotrack.integrations.keras:Keras",
    "lightning": "autotrack.integrations.lightning:Lightning",
    "pytorch_lightning": "autotrack.integrations.lightning:PytorchLightning",
}
"""Import name -> class. Entry points of the group `autotrack.integrations` add to it, under the same kind of key."""

PROGRAM: Mapping[str, tuple[str, str]] = {
    "argparse": ("arguments", "autotrack.program_hooks.argument_parsers:ArgparseHook"),
    "transformers.hf_argparser": ("arguments", "autotrack.program_hooks.argument_parsers:HfArgumentParserHook"),
    "click.core": ("arguments", "autotrack.program_hooks.click_commands:ClickHook"),
    "typer.core": ("arguments", "autotrack.program_hooks.click_commands:TyperHook"),
    "hydra.core.utils": ("arguments", "autotrack.program_hooks.configurations:HydraHook"),
    "fire.core": ("arguments", "autotrack.program_hooks.configurations:FireHook"),
    "absl.flags": ("arguments", "autotrack.program_hooks.configurations:AbslHook"),
    "random": ("seeds", "autotrack.program_hooks.seeds:RandomHook"),
    "numpy.random": ("seeds", "autotrack.program_hooks.seeds:NumpyHook"),
    "sys": ("console", "autotrack.program_hooks.output:ConsoleHook"),
    "matplotlib.figure": ("figures", "autotrack.program_hooks.figures:MatplotlibHook"),
    "matplotlib.pyplot": ("figures", "autotrack.program_hooks.figures:PyplotHook"),
    "IPython.core.displaypub": ("figures", "autotrack.program_hooks.figures:NotebookHook"),
    "plotly.basedatatypes": ("figures", "autotrack.program_hooks.figures:PlotlyHook"),
}
"""Import name -> its word in the setting `capture`, and "module:class" of a hook on the program itself."""


class Status(NamedTuple):
    """What became of one integration.

    Attributes:
        name: The import name it watches.
        state: "waiting" for the import, "on", "off" or "excluded".
        version: Of the library, once imported.
        detail: What is patched, or why nothing is.
    """

    name: str
    state: str
    version: str = ""
    detail: str = ""


class Plugins:
    """All integrations of this process, switched on and off together."""

    def __init__(self) -> None:
        self._watcher = ImportWatcher()
        self._threads = Patcher("threading")
        self._installed: dict[str, tuple[Integration, Patcher]] = {}
        self._status: dict[str, Status] = {}

    def enable(self, only: Collection[str] = (), exclude: Collection[str] = (), capture: Collection[str] = ()) -> None:
        """Watch for the libraries; those imported already are patched at once.

        Args:
            only: The only integrations to use; empty for all.
            exclude: Integrations to leave out.
            capture: What to learn about the program itself.

        Raises:
            SettingsError: `only` or `exclude` names an integration that does not exist.
        """
        known = available()
        check_names(known, [*only, *exclude])
        # gevent puts a subclass of the class that defines it there.
        starter = next(kind for kind in threading.Thread.__mro__ if "start" in vars(kind))
        self._threads.wrap(starter, "start", remember_starter)
        self._watcher.start()
        for name, path in known.items():
            if (only and name not in only) or name in exclude:
                self._status[name] = Status(name, "excluded", detail="left out by the settings only/exclude")
            else:
                self._status[name] = Status(name, "waiting", detail=f"{name} is not imported yet")
                self._watcher.watch(name, lambda module, path=path: self._install(module, path))  # type: ignore[misc]
        for name, (part, path) in PROGRAM.items():
            if part in capture:
                self._watcher.watch(name, lambda module, path=path: self._install(module, path))  # type: ignore[misc]

    def _install(self, module: ModuleType, path: str) -> None:
        name = module.__name__
        patcher = Patcher(name)
        version = str(getattr(module, "__version__", ""))
        try:
            integration = load(path)()
            if integration.requires:
                check_version(integration.requires)
            integration.install(patcher, module)
        except UnsupportedLibraryError as reason:
            patcher.undo()
            self._status[name] = Status(name, "off", version, str(reason))
            logger.warning("%s %s is not tracked: %s", name, version, reason)
        except Exception as error:
            patcher.undo()
            self._status[name] = Status(name, "off", version, f"{type(error).__name__}: {error}")
            contain(error, f"patching {name} {version}")
        else:
            self._installed[name] = (integration, patcher)
            self._status[name] = Status(name, "on", version)

    def disable(self) -> None:
        """Put every attribute back and stop watching imports."""
        self._watcher.stop()
        undo_all([self._threads, *(patcher for _, patcher in self._installed.values())])
        for integration, _ in reversed(self._installed.values()):
            integration.uninstall()
        forget()
        self._installed.clear()
        self._status.clear()

    def status(self) -> list[Status]:
        """Return what became of each integration, with what it patched."""
        found = []
        for name, status in self._status.items():
            if name in PROGRAM and status.state == "on":  # of these only a failure is news
                continue
            installed = self._installed.get(name)
            found.append(status._replace(detail=_detail(installed[1])) if installed else status)
        return found


def _detail(patcher: Patcher) -> str:
    unreached = patcher.unreached()
    if not unreached:
        return f"{len(patcher.patched)} patches"
    return f"{len(patcher.patched)} patches; held elsewhere before, and not observed there: {', '.join(unreached)}"


def available() -> dict[str, str]:
    """Return all integrations: import name -> "module:class"."""
    return {**dict(entry_points(ENTRY_POINTS)), **BUILTIN}


def check_version(requires: str) -> None:
    """Check that the installed library is one the integration knows.

    Raises:
        UnsupportedLibraryError: It is older or newer.
    """
    from importlib import metadata

    from packaging.requirements import Requirement

    requirement = Requirement(requires)
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:  # built from source, vendored: the integration probes what it needs
        return
    if not requirement.specifier.contains(version, prereleases=True):
        raise UnsupportedLibraryError(f"{requirement.name} {version} is outside {requires}")


def check_names(known: Collection[str], names: Iterable[str]) -> None:
    """Check that integrations exist.

    Raises:
        SettingsError: One does not.
    """
    for name in names:
        if name not in known:
            raise SettingsError(f"no integration {name!r}; there are: {', '.join(sorted(known))}")
