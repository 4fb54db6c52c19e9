"""Fingerprints of TensorFlow tensors, read in place, and of `tf.data` pipelines, which are never iterated."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from autotrack.capture.data_arrays import describe_array
from autotrack.capture.data_sampling import Description, Hasher, hash_facts


def describe_tensor(tensor: Any, hasher: Hasher) -> Description:
    """Describe a tensor; content only where it lies in main memory, so that no device has to be waited for."""
    if "CPU" in str(getattr(tensor, "device", "")) and hasattr(tensor, "numpy"):
        return describe_array(tensor.numpy(), hasher)
    entry = _entry("", tensor)
    hash_facts(hasher, entry["type"], entry["shape"])
    shape = tuple(tensor.shape) if tensor.shape.is_fully_defined() else None
    return Description(shape, [entry], {}, f"content not read: tensor on {getattr(tensor, 'device', 'no device')}")


def describe_dataset(dataset: Any, hasher: Hasher) -> Description:
    """Describe what a pipeline says of itself: names, types and shapes of what it yields, and how often."""
    tensorflow = sys.modules["tensorflow"]
    schema = [_entry(name, spec) for name, spec in _flat("", dataset.element_spec)]
    yields = int(dataset.cardinality())
    hash_facts(hasher, "tf.data", yields, str(schema))
    profile = {"num_elements": yields} if yields >= 0 else {}
    infinite = " without an end" if yields == tensorflow.data.INFINITE_CARDINALITY else ""
    return Description(None, schema, profile, f"content not read: a pipeline{infinite} is not iterated")


def _flat(path: str, spec: Any) -> Iterator[tuple[str, Any]]:
    """Yield the specs inside a nest of tuples and dicts, each with its path."""
    if isinstance(spec, (tuple, list)):
        spec = dict(enumerate(spec))
    if not isinstance(spec, dict):
        yield path, spec
        return
    for name, inner in spec.items():
        yield from _flat(f"{path}.{name}" if path else str(name), inner)


def _entry(name: str, spec: Any) -> dict[str, Any]:
    """Return name, type and shape of a tensor or its spec; sizes that are not known are -1."""
    shape = getattr(spec, "shape", None)
    sizes = [] if shape is None or shape.rank is None else [-1 if size is None else int(size) for size in shape]
    dtype = getattr(spec, "dtype", None)
    return {"name": name, "type": str(getattr(dtype, "name", type(spec).__name__)), "shape": sizes}
