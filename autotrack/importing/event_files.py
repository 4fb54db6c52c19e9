"""TensorBoard's event files: each directory that holds some is a run, with its scalars and hyperparameters."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotrack.errors import MissingDependencyError
from autotrack.importing.found import SOURCE, FoundRun
from autotrack.records import (
    FAILED,
    FINISHED,
    AnyRecord,
    MetricsLogged,
    NoteLogged,
    ParamsLogged,
    RunEnded,
    RunStarted,
)
from autotrack.values import clean_key, to_param

_OUR_ID = re.compile(r"[0-9a-f]{32}")


@dataclass
class _Contents:
    """What the event files of one directory say."""

    start: int = 0
    end: int = 0
    group: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    status: str = ""
    points: dict[str, list[MetricsLogged]] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)


def read_event_files(root: Path) -> Iterator[FoundRun]:
    """Yield a run for each directory with event files, by path.

    Raises:
        MissingDependencyError: The package `tensorboard` is not installed.
    """
    try:
        from tensorboard.backend.event_processing import event_file_loader
    except ModuleNotFoundError as error:
        raise MissingDependencyError("tensorboard", "tensorboard") from error
    for folder in sorted({path.parent for path in root.rglob("*tfevents*") if path.is_file()}):
        files = sorted(path for path in folder.glob("*tfevents*") if path.is_file())
        contents = _Contents()
        for file in files:
            for event in event_file_loader.EventFileLoader(str(file)).Load():
                _add(event, contents)
        if contents.start:
            yield _found(root, folder, files[0].name, contents)


def _found(root: Path, folder: Path, file: str, contents: _Contents) -> FoundRun:
    path = folder.relative_to(root).as_posix()
    name = root.name if path == "." else path
    # The name of the first file has the time, host and process that wrote it: it stays when the directory is moved.
    digest = hashlib.sha256(f"{file}\0{contents.start}".encode()).hexdigest()[:32]
    run_id = contents.group if _OUR_ID.fullmatch(contents.group) else digest
    return FoundRun(run_id, name, list(_state(root.name, name, contents)), dict(contents.points))


def _state(experiment: str, name: str, contents: _Contents) -> Iterator[AnyRecord]:
    yield RunStarted(time=contents.start, name=name, experiment=experiment or "default", source=SOURCE)
    if contents.params:
        yield ParamsLogged(time=contents.start, params={clean_key(k): to_param(v) for k, v in contents.params.items()})
    if contents.left_out:
        message = f"not imported: {', '.join(sorted(contents.left_out))}"
        yield NoteLogged(time=contents.start, code="import.left_out", message=message)
    yield RunEnded(time=contents.end, status=contents.status or FINISHED)


def _add(event: Any, contents: _Contents) -> None:
    from tensorboard.util.tensor_util import make_ndarray

    time = int(event.wall_time * 1e9)
    contents.start = min(contents.start or time, time)
    contents.end = max(contents.end, time)
    for value in event.summary.value:
        plugin = value.metadata.plugin_data.plugin_name
        if plugin == "scalars":
            key = clean_key(value.tag)
            point = MetricsLogged(time=time, metrics={key: float(make_ndarray(value.tensor).item())}, step=event.step)
            contents.points.setdefault(key, []).append(point)
        elif plugin == "hparams":
            _add_session(value.metadata.plugin_data.content, contents)
        else:
            contents.left_out.add(f"{value.tag} ({plugin or value.WhichOneof('value')})")


def _add_session(content: bytes, contents: _Contents) -> None:
    from tensorboard.plugins.hparams import plugin_data_pb2
    from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE

    session = plugin_data_pb2.HParamsPluginData.FromString(content)
    if session.HasField("session_start_info"):
        info = session.session_start_info
        contents.group = info.group_name
        contents.params |= {key: _value(getattr(v, v.WhichOneof("kind"))) for key, v in info.hparams.items()}
    elif session.HasField("session_end_info"):
        contents.status = FAILED if session.session_end_info.status == STATUS_FAILURE else FINISHED


def _value(value: Any) -> Any:
    """Return a hyperparameter; TensorBoard keeps whole numbers as floats."""
    return int(value) if isinstance(value, float) and value.is_integer() else value
