"""Find the folder that a model's URI names: of a run, of the registry, or a plain path."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import msgspec

from autotrack import names, recording
from autotrack.errors import ModelError, RunNotFoundError
from autotrack.models.mlmodel import MLMODEL_FILE

if TYPE_CHECKING:
    from autotrack.history import History

SCHEME = "models:/"
FORMS = "runs:/<run>/<name>, models:/<name>/<version or stage>, models:/<name>@<alias>, or the path of a folder"
_RUN = re.compile(r"runs:/+(?P<run>[^/]+)(?:/(?P<name>.+))?")


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


def locate(uri: str | os.PathLike[str], *, history: History | None = None) -> Location:
    """Find the folder of a model on this machine.

    Args:
        uri: `runs:/<run>/<name>` (the run's id, the beginning of one, its name, or @last; the name is "model" by
            default), `models:/<name>/<version>`, `models:/<name>/<stage>`, `models:/<name>@<alias>`, `file://…`, or the
            path of a model folder.
        history: Where runs and registered models are looked up. Default: what the settings name.

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
        return _of_run(text, match["run"], match["name"] or names.MODEL, history)
    if text.startswith(SCHEME):
        return _registered(text, history)
    scheme = urlsplit(text).scheme
    if scheme == "file":
        return _folder(text, Path(unquote(urlsplit(text).path)))
    if scheme == "runs" or "://" in text:
        raise ModelError(f"{text!r} names no model; autotrack reads {FORMS}")
    return _folder(text, Path(text).expanduser())


def _folder(uri: str, path: Path) -> Location:
    if not path.is_dir():
        raise ModelError(f"there is no model folder at {str(path)!r}; autotrack reads {FORMS}")
    if not (path / MLMODEL_FILE).is_file():
        raise ModelError(f"{str(path)!r} is no model folder: it has no file {MLMODEL_FILE}")
    return Location(path.absolute(), uri)


def _of_run(uri: str, run_id: str, name: str, history: History | None) -> Location:
    from autotrack.history import current_history

    recorder = recording.open_recorder()
    if recorder is not None:  # the model may just be being written
        recorder.worker.drain()
    try:
        run = (history or current_history()).get(run_id)
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


def _registered(uri: str, history: History | None) -> Location:
    from autotrack.models.registry import find_version
    from autotrack.models.registry.reference import parse_reference

    reference = parse_reference(uri)
    version = find_version(reference.name, **reference.selector(), history=history)
    if version.source.startswith(SCHEME):
        raise ModelError(f"{uri!r} leads in a circle: its source is {version.source!r}")
    return msgspec.structs.replace(locate(version.source, history=history), uri=uri)
