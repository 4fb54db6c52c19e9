"""Find the folder that a model's URI names: of a run, of the registry, or a plain path."""

from __future__ import annotations

import os
import re
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import msgspec

from autotrack import names
from autotrack.errors import ModelError, RunNotFoundError
from autotrack.models.mlmodel import MLMODEL_FILE

FORMS = "runs:/<run>/<name>, models:/<name>/<version or stage>, models:/<name>@<alias>, or the path of a folder"
_RUN = re.compile(r"runs:/+(?P<run>[^/]+)(?:/(?P<name>.+))?")
_REGISTERED = re.compile(r"models:/+(?P<name>[^/@]+)(?:/(?P<which>[^/@]+)|@(?P<alias>[^/@]+))")


class Location(msgspec.Struct, frozen=True):
    """Where a model lies.

    Attributes:
        path: Its folder, which has a file `MLmodel`.
        uri: What was asked for.
        hashes: SHA-256 of its files, as the store recorded them when the model was logged; empty where it did not.
        run_id: The run that logged it, if the URI leads to one.
    """

    path: Path
    uri: str
    hashes: dict[str, str] = {}
    run_id: str | None = None


def locate(uri: str | os.PathLike[str]) -> Location:
    """Find the folder of a model on this machine.

    Args:
        uri: `runs:/<run>/<name>` (the run's id, the beginning of one, its name, or @last; the name is "model" by
            default), `models:/<name>/<version>`, `models:/<name>/<stage>`, `models:/<name>@<alias>`, `file://…`, or the
            path of a model folder.

    Returns:
        Its place, with the hashes that the store holds.

    Raises:
        ModelError: There is no such model; the message says which part of the URI leads nowhere.

    Example:
        >>> import autotrack.models
        >>> autotrack.models.locate("runs:/@last/model").path  # doctest: +SKIP
        PosixPath('.autotrack/artifacts/1890b3…/model')
    """
    text = os.fspath(uri)
    if match := _RUN.fullmatch(text):
        return _of_run(text, match["run"], match["name"] or names.MODEL)
    if match := _REGISTERED.fullmatch(text):
        return _registered(text, match["name"], match["which"], match["alias"])
    scheme = urlsplit(text).scheme
    if scheme == "file":
        return _folder(text, Path(unquote(urlsplit(text).path)))
    if scheme in {"runs", "models"} or "://" in text:
        raise ModelError(f"{text!r} names no model; autotrack reads {FORMS}")
    return _folder(text, Path(text).expanduser())


def _folder(uri: str, path: Path) -> Location:
    if not path.is_dir():
        raise ModelError(f"there is no model folder at {str(path)!r}; autotrack reads {FORMS}")
    if not (path / MLMODEL_FILE).is_file():
        raise ModelError(f"{str(path)!r} is no model folder: it has no file {MLMODEL_FILE}")
    return Location(path.absolute(), uri)


def _of_run(uri: str, run_id: str, name: str) -> Location:
    from autotrack.history import get_run

    try:
        run = get_run(run_id)
    except RunNotFoundError as error:
        raise ModelError(f"{uri!r} leads nowhere: {error}") from error
    name = name.strip("/")
    with run.history.reading() as store:
        files = {file.path: file.sha256 for file in store.artifacts(run.id)}
    try:
        path = run.download(name)
    except (FileNotFoundError, TypeError) as error:
        models = ", ".join(sorted({repr(model.name) for model in run.models})) or "no model at all"
        raise ModelError(f"{uri!r} leads nowhere: run {run.name!r} has {models} ({error})") from error
    inside = {key.removeprefix(f"{name}/"): digest for key, digest in files.items() if key.startswith(f"{name}/")}
    hashes = {key: digest for key, digest in inside.items() if digest}
    return msgspec.structs.replace(_folder(uri, path), hashes=hashes, run_id=run.id)


def _registered(uri: str, name: str, which: str | None, alias: str | None) -> Location:
    if which is None:
        wanted: dict[str, Any] = {"alias": alias}
    else:
        wanted = {"version": int(which)} if which.isdecimal() else {"stage": which}
    version = import_module("autotrack.models.registry").find_version(unquote(name), **wanted)
    if _REGISTERED.fullmatch(str(version.source)):
        raise ModelError(f"{uri!r} leads in a circle: its source is {version.source!r}")
    return msgspec.structs.replace(locate(version.source), uri=uri)
