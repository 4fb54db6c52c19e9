"""Write the `MLmodel` file: the YAML page that tells every MLflow tool what a model folder holds.

The file is a tree of mappings over plain values, and a JSON scalar is a valid YAML scalar, so a dozen lines write
it and no YAML library is needed. Source of the keys: https://mlflow.org/docs/latest/ml/model/#ml-model-file
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

MLMODEL_FILE = "MLmodel"
HASHES = "sha256"
"""The key, in `metadata`, of the hashes of the folder's other files by path."""
# The version of the format written here; MLflow only logs the value.
MLFLOW_VERSION = "3.0.0"


class MLmodel(msgspec.Struct, frozen=True, kw_only=True):
    """The file's content; a field that is None is not written.

    Attributes:
        artifact_path: What the model is called within its run.
        flavors: Settings of each flavor, "python_function" among them.
        model_id: 32 hex characters.
        model_size_bytes: Bytes of the folder's other files.
        time: When the model was saved, in nanoseconds since the epoch.
        run_id: The run that made it.
        signature: `inputs`, `outputs` and `params` as JSON texts, as `infer_signature` gives them.
        saved_input_example_info: `Example.info` of the input example beside it.
        metadata: Anything else worth keeping; MLflow shows it and leaves it alone.
    """

    artifact_path: str
    flavors: Mapping[str, Mapping[str, Any]]
    model_id: str
    model_size_bytes: int
    time: int
    run_id: str | None = None
    signature: Mapping[str, Any] | None = None
    saved_input_example_info: Mapping[str, str] | None = None
    metadata: Mapping[str, Any] | None = None


def write_mlmodel(directory: Path, content: MLmodel) -> None:
    """Write `MLmodel` into a model folder that exists."""
    page = {key: value for key, value in msgspec.structs.asdict(content).items() if value is not None}
    page["mlflow_version"] = MLFLOW_VERSION
    page["model_uuid"] = content.model_id
    page["utc_time_created"] = _utc_text(page.pop("time"))
    (directory / MLMODEL_FILE).write_text(to_yaml(page), encoding="utf-8")


def to_yaml(tree: Mapping[str, Any]) -> str:
    """Return a tree of mappings, sequences, strings, integers, booleans and None as YAML.

    Floats have no place in an MLmodel file, and YAML 1.1 reads JSON's `1e-05` as a text. It
    also wants keys of at most 1,024 characters, escapes included.

    Example:
        >>> print(to_yaml({"flavors": {"sklearn": {"code": None}}}), end="")
        "flavors":
          "sklearn":
            "code": null
    """
    return "".join(f"{line}\n" for line in _lines(tree, indent=""))


def _lines(tree: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield f"{indent}{_scalar(key)}:"
            yield from _lines(value, indent + "  ")
        else:
            yield f"{indent}{_scalar(key)}: {_scalar(value)}"


def _scalar(value: Any) -> str:
    """Return JSON on one line in printable ASCII, which YAML reads alike."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, default=list)
    return re.sub(r"[^ -~]", _escape, text)


def _escape(match: re.Match[str]) -> str:
    """Write a character as YAML does: JSON's pairs of surrogates would be read as two characters."""
    code = ord(match.group())
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _utc_text(time: int) -> str:
    moment = dt.datetime.fromtimestamp(time / 1e9, tz=dt.timezone.utc)
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")
