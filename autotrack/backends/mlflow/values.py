"""What news of a run say in MLflow's words: params that never change there, tags, and files for what does not fit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from autotrack import names
from autotrack.backends.gather import RunUpdate
from autotrack.backends.mlflow.limits import MAX_PARAM, MAX_TAG, fit, param_text, server_key
from autotrack.records import NoteLogged, RunEnded

NOTE = "mlflow.note.content"
NOTES = "autotrack.notes"
STATUS = "autotrack.status"
ERROR = "autotrack.error"
ERROR_FILE = "error.txt"
RENAMED = "autotrack.renamed_keys"
CHANGED = "autotrack.param."
"""Prefix of the tag that holds the latest value of a parameter that was set twice."""


@dataclass
class News:
    """Values to send.

    Attributes:
        params: Those the server does not have.
        tags: To set.
        removed: Tags to remove.
        files: Content by path, of what does not fit elsewhere.
    """

    params: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)


def read_news(update: RunUpdate, params: Mapping[str, str], tags: Mapping[str, str]) -> News:
    """Bring news of a run into MLflow's words.

    Args:
        update: The news.
        params: What the server has already.
        tags: Likewise.
    """
    news = News()
    _add_tags(news, update)
    _add_params(news, update, params, tags)
    _add_renamed(news, update, tags)
    _add_notes(news, update, tags)
    _add_end(news, update, tags)
    return news


def _add_tags(news: News, update: RunUpdate) -> None:
    if update.started is not None and update.started.source != "manual":
        news.tags[names.AUTOLOGGING] = update.started.source
    for key, value in update.tags.items():
        if value is None:
            news.removed.append(server_key(key))
        else:
            _set_tag(news, server_key(key), value)


def _set_tag(news: News, key: str, value: str) -> None:
    fitted = fit(key, value, MAX_TAG, "tags")
    news.tags[key] = fitted.value
    if fitted.path:
        news.files[fitted.path] = fitted.whole


def _add_params(news: News, update: RunUpdate, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Add params; the later value of one that the server has becomes a tag, since it cannot be changed there."""
    for name, param in update.params.items():
        key = server_key(name)
        fitted = fit(key, param_text(param), MAX_PARAM, "params")
        if fitted.path:
            news.files[fitted.path] = fitted.whole
        changed = server_key(CHANGED + name)
        if key not in params:
            news.params[key] = fitted.value
        elif params[key] != fitted.value or changed in tags:
            _set_tag(news, changed, fitted.value)


def _add_renamed(news: News, update: RunUpdate, tags: Mapping[str, str]) -> None:
    """Keep the true names of keys that the server does not take, as far as a tag holds them."""
    points = {key for point in update.points for key in point.metrics}
    renamed = {server_key(key): key for key in [*update.params, *update.tags, *sorted(points)]}
    known = _read(tags.get(RENAMED, "{}"))
    more = known | {key: name for key, name in renamed.items() if key != name}
    text = json.dumps(more, ensure_ascii=False)
    if more != known and len(text) <= MAX_TAG:
        news.tags[RENAMED] = text


def _read(text: str) -> dict[str, str]:
    try:
        return dict(json.loads(text))
    except ValueError:  # somebody has edited the tag
        return {}


def _add_notes(news: News, update: RunUpdate, tags: Mapping[str, str]) -> None:
    """Add notes to those of the run; they are its description too, where the user has not written one."""
    if not update.notes:
        return
    lines = tags.get(NOTES, "").splitlines()
    lines += [line for line in dict.fromkeys(map(_line, update.notes)) if line not in lines]
    text = "\n".join(lines)
    _set_tag(news, NOTES, text)
    described = news.tags.get(NOTE, tags.get(NOTE, ""))
    if described in {"", tags.get(NOTES, "")}:
        news.tags[NOTE] = news.tags[NOTES]


def _line(note: NoteLogged) -> str:
    return f"- **{note.level}** `{note.code}`: {' '.join(note.message.split())}"


def _add_end(news: News, update: RunUpdate, tags: Mapping[str, str]) -> None:
    """Tell what MLflow has no word for: interrupted is not killed; and why a run failed."""
    if not isinstance(update.life, RunEnded):
        return
    if STATUS in tags or update.life.status not in {"finished", "failed"}:
        news.tags[STATUS] = update.life.status
    if update.life.error:
        news.files[ERROR_FILE] = update.life.error.encode()
        lines = update.life.error.strip().splitlines()
        _set_tag(news, ERROR, lines[-1] if lines else "")
