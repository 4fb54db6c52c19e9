"""Fingerprints of numpy arrays, torch tensors and scipy sparse matrices, read in place."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from autotrack.capture.data_distribution import WIDEST, describe_table
from autotrack.capture.data_sampling import (
    SAMPLE_BYTES,
    SAMPLE_OBJECTS,
    Description,
    Hasher,
    hash_cells,
    hash_facts,
    positions,
    sample_sizes,
)

Array = np.ndarray[Any, Any]

_SPARSE_PARTS = ("data", "indices", "indptr", "row", "col", "offsets")
_LIL_ROWS = 128


def describe_array(data: Any, hasher: Hasher) -> Description:
    """Describe a numpy array or scalar of any kind: strided, structured, masked, memory-mapped, of objects."""
    mask = np.ma.getmaskarray(data) if isinstance(data, np.ma.MaskedArray) and data.mask is not np.ma.nomask else None
    array = np.ndarray.view(data, np.ndarray) if isinstance(data, np.ndarray) else np.asarray(data)
    missing = _hash_array(array, hasher, mask)
    profile: dict[str, Any] = {"size_bytes": int(array.nbytes), "missing": missing}
    if array.ndim:
        profile["sampled_rows"] = _sizes(array)[0]
    if array.ndim == 2 and array.dtype.kind in "fiub" and mask is None and array.shape[1] == _sizes(array)[1] <= WIDEST:
        found = describe_table([str(at) for at in range(array.shape[1])], _take(array, _sizes(array)))
        profile |= {"distributions": found} if found else {}
    schema = [{"name": "", "type": _type_name(array.dtype), "shape": [-1, *array.shape[1:]]}]
    if array.dtype.names:
        fields = array.dtype.fields or {}
        schema = [{"name": name, "type": _type_name(fields[name][0])} for name in array.dtype.names]
    return Description(array.shape, schema, profile)


def describe_tensor(tensor: Any, hasher: Hasher) -> Description:
    """Describe a torch tensor; content only of plain ones in main memory, so that no device has to be waited for."""
    torch = sys.modules["torch"]
    shape = tuple(int(size) for size in tensor.shape)
    plain = type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.layout is torch.strided
    if plain and tensor.device.type == "cpu" and not tensor.is_conj() and not tensor.is_neg():
        content = tensor.detach()
        content = content.view(torch.int16) if tensor.dtype is torch.bfloat16 else content
        description = describe_array(content.numpy(), hasher)
        return Description(shape, [{**description.schema[0], "type": str(tensor.dtype)}], description.profile)
    hash_facts(hasher, str(tensor.dtype), shape)
    schema = [{"name": "", "type": str(tensor.dtype), "shape": [-1, *shape[1:]]}]
    profile = {"size_bytes": math.prod(shape) * int(tensor.element_size())}
    return Description(shape, schema, profile, f"content not read: {tensor.layout} tensor on {tensor.device}")


def describe_sparse(matrix: Any, hasher: Hasher) -> Description:
    """Describe a scipy sparse matrix or array through the arrays it is made of; nothing is converted or densified."""
    shape = tuple(int(size) for size in matrix.shape)
    stored = int(matrix.nnz)
    hash_facts(hasher, matrix.format, shape, matrix.dtype.str, stored)
    parts = {name: part for name in _SPARSE_PARTS if isinstance(part := getattr(matrix, name, None), np.ndarray)}
    size = sum(int(part.nbytes) for part in parts.values())
    if matrix.format == "lil":  # one list for each row: fewer rows make up for their length
        chosen = positions(shape[0], _LIL_ROWS)
        parts = {"data": matrix.data[chosen], "rows": matrix.rows[chosen]}
    missing = 0
    for name, part in parts.items():
        hash_facts(hasher, name)
        missing += _hash_array(part, hasher)
    profile: dict[str, Any] = {
        "stored_values": stored,
        "density": stored / math.prod(shape) if math.prod(shape) else 0.0,
        "missing": missing,
        "size_bytes": size,
    }
    schema = [{"name": "", "type": _type_name(matrix.dtype), "shape": [-1, *shape[1:]], "format": matrix.format}]
    return Description(shape, schema, profile, None if parts else f"content of format {matrix.format!r} not read")


def _hash_array(array: Array, hasher: Hasher, mask: Array | None = None) -> int:
    """Add a sample of the array and return how many of its values are missing."""
    hash_facts(hasher, str(array.dtype) if array.dtype.names else array.dtype.str, array.shape)
    sample = _take(array, _sizes(array))
    if mask is None:
        return _hash_sample(sample, hasher)
    masked = _take(mask, _sizes(array))
    hidden = (
        masked if masked.dtype == bool else np.logical_or.reduce([masked[name] for name in masked.dtype.names or ()])
    )
    hasher.update(masked.tobytes())
    return _hash_sample(np.where(hidden, np.zeros((), sample.dtype), sample), hasher) + int(hidden.sum())


def _hash_sample(sample: Array, hasher: Hasher) -> int:
    if sample.dtype.names:  # field by field: what lies between them is not defined
        return sum(_hash_sample(sample[name], hasher) for name in sample.dtype.names)
    if sample.dtype.kind in "OT":  # objects and variable-length strings hold pointers
        return hash_cells(hasher, sample.reshape(-1).tolist())
    hasher.update(sample.tobytes())
    if sample.dtype.kind in "fc":
        return int(np.count_nonzero(sample != sample))  # noqa: PLR0124  (true for NaN only)
    return int(np.count_nonzero(np.isnat(sample))) if sample.dtype.kind in "mM" else 0


def _sizes(array: Array) -> tuple[int, ...]:
    limit = SAMPLE_BYTES // max(array.dtype.itemsize, 1)
    return sample_sizes(array.shape, min(limit, SAMPLE_OBJECTS) if array.dtype.hasobject else limit)


def _take(array: Array, sizes: tuple[int, ...]) -> Array:
    if sizes == array.shape:
        return array
    chosen = [positions(length, size) for length, size in zip(array.shape, sizes, strict=True)]
    taken: Array = array[chosen[0]] if sizes[1:] == array.shape[1:] else array[np.ix_(*chosen)]
    return taken


def _type_name(dtype: np.dtype[Any]) -> str:
    return str(dtype)[:200]
