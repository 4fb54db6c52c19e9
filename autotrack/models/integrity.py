"""Refuse a model whose files are not those that were saved, and code that nobody has vouched for.

Two lists of SHA-256 hashes are compared with the disk: the one in the folder's own `MLmodel` finds damage and exchanged
files wherever the folder went; the one that the store took when the model was logged also finds a changed `MLmodel`.
"""

from __future__ import annotations

from autotrack.errors import TamperedModelError, UntrustedModelError
from autotrack.models.digests import files_of, sha256_of
from autotrack.models.mlmodel import HASHES, MLMODEL_FILE
from autotrack.models.stored import StoredModel

_ADDED_LATER = frozenset({MLMODEL_FILE, "registered_model_meta"})  # MLflow adds the latter to what it downloads


def verify(model: StoredModel) -> None:
    """Compare all files of a model with the hashes that were taken when it was saved.

    A model that MLflow wrote has none; then there is nothing to compare.

    Raises:
        TamperedModelError: A file is changed, missing or new; the message names it, with both hashes.
    """
    expected = {**model.metadata.get(HASHES, {}), **model.location.hashes}
    if not expected:
        return
    found = {path.relative_to(model.path).as_posix(): path for path in files_of(model.path)}
    for name in sorted(expected.keys() - found.keys()):
        raise _refusal(model, f"{name!r} is missing")
    for name in sorted(found.keys() - expected.keys() - _ADDED_LATER):
        raise _refusal(model, f"{name!r} was not part of it; if you put it there, move it elsewhere")
    for name, digest in expected.items():
        actual = sha256_of(found[name])
        if actual != digest:
            raise _refusal(model, f"{name!r} has sha256 {actual}, saved was {digest}")


def require_trust(model: StoredModel, file: str, reason: str, *, trust: bool) -> None:
    """Stop before a file of a model is run as code.

    Args:
        model: The model.
        file: Path within it.
        reason: What makes it run, such as "is a pickle".
        trust: Whether the user said `trust=True`.

    Raises:
        UntrustedModelError: They did not. The message shows hash and origin, by which to decide.
    """
    if trust:
        return
    path = model.file(file)
    what = f"{file} {reason}, so loading it runs the code in it"
    if path.is_file():
        what += f"\n  sha256 {sha256_of(path)}, {path.stat().st_size:,} bytes"
    raise UntrustedModelError(
        f"{what}\n  from {model.origin()}\nIf you know where it comes from, load it with trust=True (--trust)."
    )


def _refusal(model: StoredModel, what: str) -> TamperedModelError:
    return TamperedModelError(
        f"this is not the model that was saved: {what}\n  from {model.origin()}\n"
        "It is not loaded. Get the folder again from where it was saved, or log the model anew."
    )
