"""An evaluation becomes builtins, goes through msgpack, comes back the same, and shows itself."""

from typing import Any

import msgspec
import numpy as np
import pytest

from autotrack.evaluation import Evaluation, evaluate, evaluate_clustering


def examples() -> dict[str, Evaluation]:
    rng = np.random.default_rng(0)
    true, score = rng.integers(0, 3, 60), rng.dirichlet([1, 1, 1], 60)
    table = rng.normal(size=(60, 2))
    return {
        "binary": evaluate([0, 1, 1, 0], y_score=[0.1, 0.7, 0.2, 0.3]),
        "multiclass": evaluate(true, y_score=score, sample_weight=rng.random(60)),
        "multilabel": evaluate(rng.integers(0, 2, (60, 3)), y_score=rng.random((60, 3))),
        "regression": evaluate(table[:, 0], table[:, 1]),
        "multioutput": evaluate(table, table + 1),
        "undefined": evaluate([0, 0], [0, 0], [0.3, 0.2], labels=[0, 1]),
        "empty": evaluate([], []),
        "clustering": evaluate_clustering(table, true),
    }


def is_builtin(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and is_builtin(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(is_builtin, value))
    return value is None or type(value) in (str, bytes, int, float, bool)


@pytest.mark.parametrize(("name", "result"), examples().items())
def test_round_trip(name: str, result: Evaluation) -> None:
    data = result.to_dict()
    assert is_builtin(data)
    packed = msgspec.msgpack.encode(data)
    back = Evaluation.from_dict(msgspec.msgpack.decode(packed))
    assert msgspec.msgpack.encode(back.to_dict()) == packed
    assert back.metrics == result.metrics
    assert [curve.area for curve in back.curves] == [curve.area for curve in result.curves]
    for curve, other in zip(result.curves, back.curves, strict=True):
        assert other.x.dtype == np.float32
        np.testing.assert_array_equal(curve.thresholds, other.thresholds)


def test_nan_and_infinity_survive() -> None:
    result = evaluate(["a", "b"], ["a", "b"], [[0.9, 0.1, 0.0], [0.1, 0.9, 0.0]], labels=["a", "b", "c"])
    back = Evaluation.from_dict(result.to_dict())
    assert np.isnan(back.per_class.recall[2])
    assert np.isinf(back.curves[-2].thresholds[0])


def test_something_else_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        Evaluation.from_dict({"split": "test"})
    data = evaluate([0, 1], [0, 1]).to_dict()
    data["matrix"]["rows"] = b"<O8\x00"
    with pytest.raises(msgspec.ValidationError, match="expected packed numbers"):
        Evaluation.from_dict(data)


def test_numbers_are_packed_little_endian() -> None:
    rows = evaluate([0, 1], [0, 1]).to_dict()["matrix"]["rows"]
    assert rows == b"<i4" + b"\x00\x00\x00\x00" + b"\x01\x00\x00\x00"


def test_what_it_shows() -> None:
    result = evaluate(["<b>", "&"], ["<b>", "&"], split="validation")
    assert repr(result).startswith("Evaluation(validation: binary, 2 rows, accuracy_score=1,")
    page = result._repr_html_()
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    undefined = evaluate([0, 0], [0, 0], [0.1, 0.2], labels=[0, 1])
    assert 'title="the true rows are all of one class"' in undefined._repr_html_()
    many = np.arange(50)
    assert "30 smaller classes" in evaluate(many, many)._repr_html_()


def test_it_is_frozen() -> None:
    with pytest.raises(AttributeError):
        evaluate([0, 1], [0, 1]).split = "other"
