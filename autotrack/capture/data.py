"""Fingerprints of data sets: what they are, how big they are, and a digest that tells whether they changed.

The cost depends on a sample of bounded size and not on the data: nothing is densified, collected, consumed or copied
as a whole, no device is waited for, no random number is drawn. Equal data in an equal container have the same digest in
every process. The digest covers types, shape, column names and the sampled cells, so that the same values as an array
and as a table, in another precision or byte order, or in another sparse format, have different digests.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from autotrack.capture.data_sampling import Description, Hasher, hash_cells, hash_facts, positions, sample_sizes

_DIGEST_BYTES = 16
_SAMPLED_ITEMS = 256
_PARTS = 32


class DataFingerprint(msgspec.Struct, frozen=True):
    """A data set that went into a run.

    Attributes:
        name: What the data are called.
        context: "train", "validation", "test" or another split.
        digest: 32 hex characters over the sampled content; `note` says where there was no content to read.
        container: Package and type, such as "pandas.DataFrame".
        shape: Sizes of the axes, or None where they are not known.
        n_rows: Size of the first axis, or None.
        n_columns: Size of the second axis (1 for one-dimensional data), or None.
        schema: One entry for each column (at most 1,000) with `name` and `type`; one for a whole array, with its
            `shape`; those of a target have `role` "target".
        profile: Plain numbers: `num_rows`, `size_bytes`, `sampled_rows`, `missing` (in the sample), `density` of sparse
            data, `class_balance` of the target.
        note: What could not be found out, and why.
    """

    name: str
    context: str
    digest: str
    container: str
    shape: tuple[int, ...] | None = None
    n_rows: int | None = None
    n_columns: int | None = None
    schema: list[dict[str, Any]] = []
    profile: dict[str, Any] = {}
    note: str | None = None


def fingerprint(data: Any, *, name: str | None = None, target: Any = None, context: str = "train") -> DataFingerprint:
    """Describe a data set without reading more than a sample of it. Never raises.

    Args:
        data: numpy (any kind), scipy sparse, pandas, polars, pyarrow, torch, TensorFlow, lists, tuples, dicts of
            arrays, anything with a `shape`. Of iterators, generators and data loaders only the type is recorded, of
            `tf.data` what it says of itself, of Spark DataFrames schema and plan; they are not consumed.
        name: What the data are called; "dataset" if not given.
        target: Labels that belong to the rows, if separate; they count for the digest.
        context: The split.

    Returns:
        The fingerprint, with a `note` where something could not be found out.

    Example:
        >>> import numpy as np
        >>> found = fingerprint(np.zeros((150, 4)), name="iris", target=np.repeat([0, 1, 2], 50))
        >>> found.n_rows, found.n_columns, found.profile["class_balance"]
        (150, 4, {'0': 50, '1': 50, '2': 50})
    """
    hasher = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    description = _describe_safely(data, hasher)
    schema, profile, note = description.schema, description.profile, description.note
    if target is not None:
        labels = _describe_safely(target, hasher)
        schema = [*schema, *({**entry, "name": entry["name"] or "target", "role": "target"} for entry in labels.schema)]
        profile = {**profile, **_target_profile(target, labels)}
        note = "; ".join(text for text in (note, labels.note and f"target: {labels.note}") if text) or None
    shape = description.shape
    n_rows = shape[0] if shape else None
    n_columns = None if not shape else shape[1] if len(shape) > 1 else 1
    return DataFingerprint(
        name=name or "dataset",
        context=context,
        digest=hasher.hexdigest(),
        container=_type_name(data),
        shape=shape,
        n_rows=n_rows,
        n_columns=n_columns,
        schema=schema,
        profile={"num_rows": n_rows, **profile} if n_rows is not None else profile,
        note=note,
    )


def known_length(data: Any) -> int | None:
    """Return how many samples a data set says it has; None where it has no `__len__`, or one that refuses.

    Classes that inherit a `__len__` and have no answer raise one of these errors; Lightning takes both for "not known".
    """
    try:
        return len(data)
    except (TypeError, NotImplementedError):
        return None


def _describe_safely(data: Any, hasher: Hasher) -> Description:
    try:
        return _describe(data, hasher)
    except Exception as error:  # noqa: BLE001  (whatever a foreign container raises, training goes on; the note tells)
        hash_facts(hasher, _type_name(data))
        return Description(note=f"not read: {type(error).__name__}: {str(error)[:200]}")


def _describe(data: Any, hasher: Hasher) -> Description:
    """Find the reader of a container by asking only packages that are already imported."""
    if _is_a(data, "numpy", "ndarray", "generic"):
        from autotrack.capture.data_arrays import describe_array

        return describe_array(data, hasher)
    if _is_a(data, "pandas", "DataFrame", "Series"):
        from autotrack.capture.data_frames import describe_pandas

        return describe_pandas(data, hasher)
    if _is_a(data, "scipy.sparse", "spmatrix", "sparray"):
        from autotrack.capture.data_arrays import describe_sparse

        return describe_sparse(data, hasher)
    if _is_a(data, "polars", "DataFrame", "Series"):
        from autotrack.capture.data_frames import describe_polars

        return describe_polars(data, hasher)
    if _is_a(data, "pyarrow", "Table", "RecordBatch"):
        from autotrack.capture.data_frames import describe_arrow

        return describe_arrow(data, hasher)
    if _is_a(data, "torch", "Tensor"):
        from autotrack.capture.data_arrays import describe_tensor

        return describe_tensor(data, hasher)
    if _is_a(data, "tensorflow", "Tensor"):
        from autotrack.capture.data_tensorflow import describe_tensor as describe_tensorflow

        return describe_tensorflow(data, hasher)
    if isinstance(data, (list, tuple, dict)):
        return _describe_builtin(data, hasher)
    return _describe_plan(data, hasher) or _describe_by_attributes(data, hasher)


def _describe_plan(data: Any, hasher: Hasher) -> Description | None:
    """Describe what only says how rows would be made; None for all else."""
    if _is_a(data, "tensorflow.python.data.ops.dataset_ops", "DatasetV2"):
        from autotrack.capture.data_tensorflow import describe_dataset

        return describe_dataset(data, hasher)
    if _is_a(data, "pyspark.sql.dataframe", "DataFrame"):
        from autotrack.capture.data_spark import describe_spark

        return describe_spark(data, hasher)
    return None


def _describe_builtin(data: list[Any] | tuple[Any, ...] | dict[Any, Any], hasher: Hasher) -> Description:
    """Describe rows in a list or tuple, or several inputs (a few arrays) in a list, tuple or dict."""
    values = list(data.values()) if isinstance(data, dict) else data
    if values and len(values) <= _PARTS and all(getattr(value, "shape", ()) for value in values):
        names = list(data) if isinstance(data, dict) else list(range(len(values)))
        return _describe_parts([str(name) for name in names], values, hasher)
    if isinstance(data, dict):
        hash_facts(hasher, "dict", len(data))
        hash_cells(hasher, [data])
        return Description(schema=[{"name": str(key), "type": _type_name(data[key])} for key in list(data)[:_PARTS]])
    chosen = positions(len(data), sample_sizes((len(data),), _SAMPLED_ITEMS)[0]).tolist()
    hash_facts(hasher, type(data).__name__, len(data))
    missing = hash_cells(hasher, [data[index] for index in chosen])
    profile = {"sampled_rows": len(chosen), "missing": missing}
    first = data[0] if data else None
    if isinstance(first, dict):
        schema = [{"name": str(key), "type": _type_name(value)} for key, value in list(first.items())[:1000]]
        return Description((len(data), len(first)), schema, profile)
    inner = first if isinstance(first, (list, tuple)) else None
    kind = _type_name(inner[0]) if inner else _type_name(first)
    shape = (len(data),) if inner is None else (len(data), len(inner))
    return Description(shape, [{"name": "", "type": kind, "shape": [-1, *shape[1:]]}] if data else [], profile)


def _describe_parts(names: list[str], values: Any, hasher: Hasher) -> Description:
    hash_facts(hasher, names)
    parts = [_describe(value, hasher) for value in values]
    schema = [
        {**entry, "name": f"{name}.{entry['name']}" if entry["name"] else name}
        for name, part in zip(names, parts, strict=True)
        for entry in part.schema
    ]
    sums = {key: sum(part.profile.get(key, 0) for part in parts) for key in ("size_bytes", "missing")}
    notes = "; ".join(f"{name}: {part.note}" for name, part in zip(names, parts, strict=True) if part.note)
    return Description(parts[0].shape, schema, sums, notes or None)


def _describe_by_attributes(data: Any, hasher: Hasher) -> Description:
    """Describe what only tells its shape: device arrays, HDF5 data sets. All else is known by its type alone."""
    hash_facts(hasher, _type_name(data))
    if data is None:
        return Description(note="no data")
    if isinstance(data, Iterator):
        return Description(note="an iterator is not consumed")
    shape = getattr(data, "shape", None)
    if not isinstance(shape, tuple) or not all(isinstance(size, int) for size in shape):
        return Description(note="only the type is known: it has no shape, and is not iterated over")
    kind = str(getattr(data, "dtype", ""))
    hash_facts(hasher, shape, kind)
    return Description(shape, [{"name": "", "type": kind, "shape": [-1, *shape[1:]]}], {}, "content not read")


def _target_profile(target: Any, labels: Description) -> dict[str, Any]:
    """Count classes where the target is one column in main memory."""
    shape = labels.shape
    one_column = shape is not None and (len(shape) == 1 or (len(shape) == 2 and shape[1] == 1))
    readable = _is_a(target, "numpy", "ndarray") or _is_a(target, "pandas", "DataFrame", "Series")
    if not one_column or labels.note or not (readable or _is_a(target, "polars", "Series") or type(target) is list):
        return {}
    from autotrack.capture.data_target import class_balance

    if _is_a(target, "pandas", "DataFrame"):
        return class_balance(target.iloc[:, 0])
    return class_balance(target[:, 0] if len(shape or ()) > 1 and not isinstance(target, list) else target)


def _is_a(data: Any, module: str, *names: str) -> bool:
    loaded = sys.modules.get(module)
    kinds = tuple(kind for name in names if isinstance(kind := getattr(loaded, name, None), type))
    return bool(kinds) and isinstance(data, kinds)


def _type_name(data: Any) -> str:
    kind = type(data)
    package = kind.__module__.partition(".")[0]
    return kind.__qualname__ if package == "builtins" else f"{package}.{kind.__qualname__}"
