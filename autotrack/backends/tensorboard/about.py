"""What a run is and has now, in TensorBoard's words: its session for the hparams page, and tables for the text page."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.plugins.hparams import metadata as hparams
from tensorboard.plugins.hparams import plugin_data_pb2
from tensorboard.plugins.hparams.api_pb2 import STATUS_FAILURE, STATUS_SUCCESS
from tensorboard.plugins.text import metadata as text_page
from tensorboard.util.tensor_util import make_tensor_proto

from autotrack.backends.tensorboard.events import Event, Value, event, version
from autotrack.records import FINISHED, RUNNING

FIELDS = ("name", "experiment", "id", "parent_id", "source", "status", "start_time", "end_time")


def about(run: Mapping[str, Any]) -> list[Event]:
    """Return the events that describe a run.

    Args:
        run: What `backends.description.describe` gives, and `notes`, `files` and `datasets`.
    """
    start = _seconds(run["start_time"])
    values = [_session_start(run, start), *_texts(run)]
    if run["status"] != RUNNING:
        values.append(_session_end(run))
    return [version(start), event(int(start * 1e9), 0, *values)]


def _session_start(run: Mapping[str, Any], start: float) -> Value:
    """Return the hyperparameters; each run is a group of its own, so that equal ones are not averaged."""
    info = plugin_data_pb2.SessionStartInfo(group_name=run["id"], start_time_secs=start)
    for key, value in run["params"].items():
        if isinstance(value, bool):
            info.hparams[key].bool_value = value
        elif isinstance(value, int | float) and abs(value) < 2**1023:
            info.hparams[key].number_value = value
        else:
            info.hparams[key].string_value = plain(value)
    return _session(hparams.SESSION_START_INFO_TAG, session_start_info=info)


def _session_end(run: Mapping[str, Any]) -> Value:
    status = STATUS_SUCCESS if run["status"] == FINISHED else STATUS_FAILURE
    info = plugin_data_pb2.SessionEndInfo(status=status, end_time_secs=_seconds(run["end_time"]))
    return _session(hparams.SESSION_END_INFO_TAG, session_end_info=info)


def _session(tag: str, **content: Any) -> Value:
    data = plugin_data_pb2.HParamsPluginData(**content)
    return Summary.Value(tag=tag, metadata=hparams.create_summary_metadata(data), tensor=hparams.NULL_TENSOR)


def _texts(run: Mapping[str, Any]) -> Iterator[Value]:
    yield _text("run", _table("", {name: run[name] for name in FIELDS if run[name] is not None}))
    for name, column in (("params", "param"), ("tags", "tag"), ("datasets", "data"), ("files", "file")):
        if run[name]:
            yield _text(name, _table(column, run[name]))
    if run["notes"]:
        yield _text("notes", "\n".join(run["notes"]))
    if run["error"]:
        yield _text("error", f"```\n{run['error']}\n```")


def _text(tag: str, markdown: str) -> Value:
    metadata = text_page.create_summary_metadata(display_name=None, description=None)
    return Summary.Value(tag=tag, metadata=metadata, tensor=make_tensor_proto(markdown.encode()))


def _table(title: str, rows: Mapping[str, Any]) -> str:
    lines = [f"| {title} | |", "|---|---|", *(f"| {_cell(key)} | {_cell(value)} |" for key, value in rows.items())]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    return plain(value).replace("\\", "\\\\").replace("|", "\\|").replace("\n", "<br>")


def plain(value: Any) -> str:
    """Return a value as the text people would write."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _seconds(utc: str) -> float:
    return dt.datetime.fromisoformat(utc).timestamp()
