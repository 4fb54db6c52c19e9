"""An estimator of LightGBM beside its booster: all it knows but the trees, as JSON without code.

LightGBM's own format holds boosters only, and a booster predicts probabilities where `LGBMClassifier` predicts labels.
The trees stay in that format, which everybody reads; a second file lets `autotrack.models.load` put the estimator
around them again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from autotrack.errors import UnsupportedValueError

CLASSES = ("LGBMClassifier", "LGBMModel", "LGBMRanker", "LGBMRegressor")
_BOOSTER, _ENCODER = "_Booster", "_le"  # are in the file with the trees, and follow from the classes
_PLAIN = (type(None), bool, int, float, str)
_KINDS = "biufU"
"""Of NumPy's types those whose values JSON holds: truth values, numbers, texts."""


def attributes_of(estimator: Any) -> dict[str, Any]:
    """Return what a fitted estimator is made of beside its booster, at this moment."""
    return {name: value for name, value in vars(estimator).items() if name not in (_BOOSTER, _ENCODER)}


def write_estimator(class_name: str, attributes: Mapping[str, Any]) -> str:
    """Return the text to make an estimator of again.

    Args:
        class_name: One of `CLASSES`.
        attributes: What `attributes_of` returned.

    Raises:
        UnsupportedValueError: An attribute is no plain value: a function as objective, a random generator.
    """
    found = {}
    for name, value in attributes.items():
        try:
            found[name] = _encode(value)
        except UnsupportedValueError as error:
            raise UnsupportedValueError(f"its attribute {name} is {error}") from error
    return json.dumps({"class": class_name, "attributes": found})


def read_estimator_text(text: str, booster: Any) -> Any:
    """Return the estimator that a text describes, around its booster.

    Raises:
        UnsupportedValueError: The text names a class that is none of LightGBM's estimators.
    """
    import lightgbm

    found = json.loads(text)
    if found["class"] not in CLASSES:
        raise UnsupportedValueError(f"{found['class']!r} is no estimator of LightGBM; it has {', '.join(CLASSES)}")
    estimator = getattr(lightgbm, found["class"])()
    vars(estimator).update({name: _decode(value) for name, value in found["attributes"].items()})
    setattr(estimator, _BOOSTER, booster)
    classes = vars(estimator).get("_classes")
    if classes is not None:
        from sklearn.preprocessing import LabelEncoder

        setattr(estimator, _ENCODER, LabelEncoder().fit(classes))
    return estimator


def _encode(value: Any) -> Any:
    """Turn a value into what JSON has; NumPy's scalars become Python's, tuples lists."""
    if isinstance(value, np.generic) and value.dtype.kind in _KINDS:
        return value.item()
    if type(value) in _PLAIN:
        return value
    if isinstance(value, (list, tuple)):
        return [_encode(item) for item in value]
    if isinstance(value, dict):
        return {"pairs": [[_encode(key), _encode(item)] for key, item in value.items()]}
    if isinstance(value, np.ndarray) and (value.dtype.kind in _KINDS or value.dtype == object):
        return {"dtype": value.dtype.str, "values": _encode(value.tolist())}
    raise UnsupportedValueError(f"a {type(value).__name__}")


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "pairs" in value:
        return {_decode(key): _decode(item) for key, item in value["pairs"]}
    return np.array(value["values"], dtype=value["dtype"])
