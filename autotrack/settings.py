"""The settings: every one with its type, default and meaning, and where the value in force came from.

Arguments win over `AUTOTRACK_*` variables, these over `[tool.autotrack]` in the nearest pyproject.toml upward from the
working directory, and that over the defaults. The fields of `Settings` are the only table: reading, error messages,
`autotrack env` and docs/settings.md all follow from it.
"""

from __future__ import annotations

import os
import sys
import typing
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

import msgspec
from msgspec import Meta

from autotrack.errors import SettingsError
from autotrack.setting_values import TARGET_WORDS, convert, describe, expand_target, split_variable, suggest

Names: TypeAlias = tuple[str, ...]
Seconds = Annotated[float, Meta(ge=0)]
Capture = Literal["git", "code", "environment", "arguments", "seeds", "console", "figures"]
LogLevel = Literal["debug", "info", "warning", "error"]

PREFIX = "AUTOTRACK_"
OTHER_VARIABLES: dict[str, str] = {
    "AUTOTRACK_RUN_ID": "Set by `autotrack run PROJECT` for the program it starts: the run to go on with.",
    "AUTOTRACK_JOIN_RUN": "Set in workers of a distributed training (Ray): the run of the program that started them, "
    "which what they record is added to.",
    "AUTOTRACK_RERUN_OF": "Set by `autotrack rerun` for the program it starts: the run that is done again.",
}
"""Variables with our prefix that are no settings, and what they do; any other unknown one is an error."""

OTHER_TABLES = ("entry-points",)
"""What `[tool.autotrack]` holds beside settings: the entry points of a project."""

_Given: TypeAlias = Iterator[tuple[str, object, str]]
"""Name of a setting, its raw value, its origin."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How autotrack behaves in this process. Read it with `resolve`; each field says what it does in its annotation."""

    to: Annotated[
        Names,
        Meta(
            description="Where runs go: paths, URLs, or `mlflow` for the server in `MLFLOW_TRACKING_URI`. "
            "Empty: the store in the `store` folder."
        ),
    ] = ()
    store: Annotated[
        str, Meta(description="Folder of the embedded store, the journals and the artifacts; made where missing.")
    ] = ".autotrack"
    experiment: Annotated[str, Meta(min_length=1, description="Experiment that new runs belong to.")] = "default"
    run_name: Annotated[str | None, Meta(description="Name of new root runs. Unset: a fresh one for each run.")] = None
    tags: Annotated[dict[str, str], Meta(description="Tags that every root run gets.")] = {}
    only: Annotated[Names, Meta(description="The only integrations to use. Empty: all.")] = ()
    exclude: Annotated[Names, Meta(description="Integrations to leave out.")] = ()
    log_models: Annotated[bool, Meta(description="Save trained models as artifacts.")] = True
    log_datasets: Annotated[bool, Meta(description="Record schema, size and fingerprint of the data.")] = True
    log_evaluation: Annotated[bool, Meta(description="Evaluate trained models on the data they were given.")] = True
    log_system_metrics: Annotated[bool, Meta(description="Sample CPU, memory, disk, network and GPU.")] = True
    log_input_examples: Annotated[
        bool, Meta(description="Keep some rows of the training data beside the model; they leave this process.")
    ] = False
    log_every_n_steps: Annotated[
        int,
        Meta(
            ge=0,
            description="Deep learning: record the metrics of every n-th batch too, not only of each epoch. 0: none.",
        ),
    ] = 0
    log_gradient_norm: Annotated[
        bool, Meta(description="PyTorch: record the norm of all gradients at every optimizer step.")
    ] = False
    safe_models: Annotated[
        bool,
        Meta(
            description="Save scikit-learn estimators without code in the file (skops) where that restores them "
            "exactly; a process beside the program converts them. Off, or where it does not: as pickles."
        ),
    ] = True
    max_child_runs: Annotated[
        int, Meta(ge=0, description="How many of the best candidates of a search get a run of their own.")
    ] = 5
    max_model_size: Annotated[
        int, Meta(ge=0, description="Largest model to save, in megabytes; bigger ones leave a note. 0: no limit.")
    ] = 512
    evaluation_budget: Annotated[
        Seconds, Meta(description="Seconds that the automatic evaluation of one training call may take.")
    ] = 2.0
    system_interval: Annotated[float, Meta(gt=0, description="Seconds between two samples of the system metrics.")] = (
        10.0
    )
    carbon_intensity: Annotated[
        float,
        Meta(
            ge=0,
            description="Grams of CO2 equivalents for a kWh of your electricity, to estimate emissions from the energy "
            "that is measured. 0: no estimate.",
        ),
    ] = 0.0
    exit_timeout: Annotated[
        Seconds, Meta(description="Longest time in seconds that the end of the process waits for delivery.")
    ] = 5.0
    capture: Annotated[tuple[Capture, ...], Meta(description="What to record about where a run came from.")] = (
        "git",
        "code",
        "environment",
        "arguments",
        "seeds",
        "console",
        "figures",
    )
    redact: Annotated[
        Names, Meta(description="More name patterns whose values are masked, besides key, token, secret and the like.")
    ] = ()
    workers: Annotated[bool, Meta(description="Record training in spawned worker processes too.")] = False
    all_ranks: Annotated[bool, Meta(description="Record on every rank of a distributed job, not on rank 0 only.")] = (
        False
    )
    strict: Annotated[bool, Meta(description="Raise errors of autotrack itself instead of noting them.")] = False
    disabled: Annotated[bool, Meta(description="Make `enable()` do nothing.")] = False
    quiet: Annotated[bool, Meta(description="Print nothing.")] = False
    log_level: Annotated[LogLevel, Meta(description="Least severe message that autotrack logs.")] = "warning"
    testing: Annotated[bool, Meta(description="For autotrack's own tests: its errors are never contained.")] = False


class Resolved(msgspec.Struct, frozen=True):
    """Settings with the origin of each.

    Attributes:
        settings: The values in force.
        origins: For each setting "argument", the variable's name, the path of the pyproject.toml, or "default".
    """

    settings: Settings
    origins: dict[str, str]


class Setting(msgspec.Struct, frozen=True):
    """What there is to know about one setting.

    Attributes:
        name: As an argument and in pyproject.toml.
        variable: Its environment variable.
        type: In words, such as "a number, 0 or more".
        default: What it is where nobody sets it.
        description: What it does, in one or two sentences.
    """

    name: str
    variable: str
    type: str
    default: Any
    description: str


def resolve(**arguments: object) -> Resolved:
    """Find the value of every setting and where it came from.

    Booleans may be written 1/0, true/false, yes/no, on/off. A variable holds several values separated by commas, and
    tags as `a=1,b=2`; an empty variable counts as unset. A relative path in a pyproject.toml starts at its folder.

    Args:
        **arguments: Settings by name; None means "not given".

    Raises:
        SettingsError: A name is unknown or a value not allowed, wherever it was written.

    Example:
        >>> resolve(experiment="churn").origins["experiment"]
        'argument'
    """
    values: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.__struct_fields__, "default")
    for source in (_from_pyproject(), _from_environment(os.environ), _from_arguments(arguments)):
        for name, value, origin in source:
            try:
                values[name] = convert(value, _annotations()[name])
                if name == "to":
                    values[name] = tuple(map(expand_target, values[name]))
            except ValueError as error:
                raise SettingsError(f"{name} = {value!r} (from {origin}): {error}") from None
            origins[name] = origin
    if "store" in values:
        values["store"] = os.path.expanduser(values["store"])  # Dockerfiles and TOML leave a "~" as it is
    return Resolved(Settings(**values), origins)


def settings_table() -> list[Setting]:
    """List every setting in the order of its declaration."""
    defaults = Settings()
    return [
        Setting(
            name=name,
            variable=PREFIX + name.upper(),
            type=describe(annotation),
            default=getattr(defaults, name),
            description=next(meta.description for meta in annotation.__metadata__ if meta.description),
        )
        for name, annotation in _annotations().items()
    ]


def _from_arguments(arguments: Mapping[str, object]) -> _Given:
    for name, value in arguments.items():
        _check_known(name, "argument", Settings.__struct_fields__)
        if value is not None:
            yield name, value, "argument"


def _from_environment(environ: Mapping[str, str]) -> _Given:
    names = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    for variable, text in environ.items():
        if variable.startswith(PREFIX) and variable not in OTHER_VARIABLES:
            _check_known(variable, "the environment", names)
            if text.strip():
                yield names[variable], split_variable(text, _annotations()[names[variable]]), variable


def _from_pyproject() -> _Given:
    path = _find_pyproject()
    if path is None:
        return
    for name, value in _read_table(path).items():
        _check_known(name, str(path), Settings.__struct_fields__)
        yield name, _anchor(value, path.parent) if name in {"to", "store"} else value, str(path)


def _find_pyproject() -> Path | None:
    try:
        folder = Path.cwd()
    except FileNotFoundError:  # someone deleted the working directory; training in it is still the user's right
        return None
    return next((path for at in (folder, *folder.parents) if (path := at / "pyproject.toml").is_file()), None)


def _read_table(path: Path) -> dict[str, Any]:
    """Read `[tool.autotrack]`. Most files have none, and searching the bytes is far cheaper than parsing them."""
    try:
        content = path.read_bytes()
        if b"tool.autotrack" not in content:
            return {}
        table = _parse_toml(content.decode()).get("tool", {}).get("autotrack", {})
        settings = msgspec.convert(table, dict[str, Any])
        return {name: value for name, value in settings.items() if name not in OTHER_TABLES}
    except (OSError, ValueError) as error:
        raise SettingsError(f"cannot read [tool.autotrack] in {path}: {error}") from error


def _parse_toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _anchor(value: object, folder: Path) -> object:
    """Let relative paths start at `folder`; URLs stay as they are."""
    if isinstance(value, list):
        return [_anchor(item, folder) for item in value]
    if isinstance(value, str) and "://" not in value and value not in TARGET_WORDS:
        return os.path.join(folder, os.path.expanduser(value))
    return value


def _check_known(name: str, origin: str, known: Iterable[str]) -> None:
    if name not in known:
        allowed = ", ".join(sorted(known))
        raise SettingsError(f"unknown setting {name!r} (from {origin}){suggest(name, known)}; allowed: {allowed}")


@cache
def _annotations() -> dict[str, Any]:
    return typing.get_type_hints(Settings, include_extras=True)
