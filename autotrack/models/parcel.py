"""`Parcel`: a whole model in one piece that travels to the workers of Spark, Ray or Dask and is loaded once in each."""

from __future__ import annotations

import functools
import hashlib
import io
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.errors import TamperedModelError
from autotrack.models.batch import as_table
from autotrack.models.digests import files_of
from autotrack.models.integrity import require_trust, verify
from autotrack.models.mlmodel import MLMODEL_FILE
from autotrack.models.predictor import Predictor, load_predictor
from autotrack.models.stored import StoredModel, open_model

if TYPE_CHECKING:
    import pandas as pd


class Parcel(msgspec.Struct, frozen=True):
    """A model on its way to other processes. The worker needs autotrack and the model's library, no shared disk.

    Attributes:
        content: The folder as a zip archive.
        sha256: Of the content.
        trust: Whether its code may run.
        params: Inference parameters, as pairs.
    """

    content: bytes
    sha256: str
    trust: bool
    params: tuple[tuple[str, Any], ...] = ()

    def predict(self, table: Any) -> Any:
        """Return what the model predicts for a table, as its library returns it."""
        return self.predictor().predict(table, dict(self.params))

    def predict_table(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return predictions as a table of one row for each row; an empty table gives one without rows."""
        return as_table(self.predict(table), table.index)

    def predictor(self) -> Predictor:
        """Return the model, loaded by the first call of a process.

        Raises:
            TamperedModelError: It changed on the way.
        """
        return _load(self)

    def __hash__(self) -> int:
        """Let equal parcels be found in a cache without reading their content."""
        return hash((self.sha256, self.trust))

    def __eq__(self, other: object) -> bool:
        """Say whether it is the same model, trusted alike, with the same parameters."""
        same = (self.sha256, self.trust, self.params)
        return isinstance(other, Parcel) and same == (other.sha256, other.trust, other.params)


def pack(uri: str | os.PathLike[str] | StoredModel, *, trust: bool, params: Mapping[str, Any] | None = None) -> Parcel:
    """Check a model and pack it.

    Raises:
        TamperedModelError: Its files are not those that were saved.
        UntrustedModelError: It is a pickle, and not trusted: better now than on every worker.
    """
    model = open_model(uri)
    verify(model)
    if model.metadata.get("pickle"):
        require_trust(model, MLMODEL_FILE, "names a pickle", trust=trust)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for path in files_of(model.path):
            archive.write(path, path.relative_to(model.path).as_posix())
    content = buffer.getvalue()
    return Parcel(content, hashlib.sha256(content).hexdigest(), trust, tuple((params or {}).items()))


@functools.lru_cache(maxsize=8)
def _load(parcel: Parcel) -> Predictor:
    if hashlib.sha256(parcel.content).hexdigest() != parcel.sha256:
        raise TamperedModelError("the model changed on its way to this worker")
    folder = tempfile.TemporaryDirectory(prefix="autotrack-model-")
    with zipfile.ZipFile(io.BytesIO(parcel.content)) as archive:
        archive.extractall(folder.name)
    predictor = load_predictor(Path(folder.name), trust=parcel.trust)
    _folders.append(folder)  # until the process ends: a model may read its files while it predicts
    return predictor


_folders: list[tempfile.TemporaryDirectory[str]] = []
