"""Every kind of array and label gives the same evaluation; what cannot be read is refused in words."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from autotrack.errors import EvaluationError
from autotrack.evaluation import evaluate

TRUE, PRED = ["b", "a", "b", "c"], ["b", "b", "b", "c"]
CODES, GUESSES = [1, 0, 1, 2], [1, 1, 1, 2]

TEXT_FORMS = {
    "list": list,
    "tuple": tuple,
    "numpy": np.array,
    "objects": lambda column: np.array(column, dtype=object),
    "string dtype": lambda column: (
        np.array(column, dtype="T") if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else column
    ),
    "column": lambda column: np.array(column)[:, None],
    "series": pd.Series,
    "frame": lambda column: pd.DataFrame({"y": column}),
    "categorical": pd.Categorical,
    "categorical series": lambda column: pd.Series(column, dtype="category"),
    "nullable": lambda column: pd.Series(column, dtype="string"),
    "index": pd.Index,
    "polars": pl.Series,
    "polars categorical": lambda column: pl.Series(column, dtype=pl.Categorical),
    "polars frame": lambda column: pl.DataFrame({"y": column}),
    "arrow": pa.array,
    "arrow chunks": lambda column: pa.chunked_array([column[:2], column[2:]]),
    "arrow dictionary": lambda column: pa.array(column).dictionary_encode(),
}
NUMBER_FORMS = {
    "list": list,
    "int8": lambda column: np.array(column, dtype="int8"),
    "uint64": lambda column: np.array(column, dtype="uint64"),
    "float32": lambda column: np.array(column, dtype="float32"),
    "objects": lambda column: np.array(column, dtype=object),
    "read only": lambda column: np.frombuffer(np.array(column).tobytes(), dtype=np.int64),
    "series": pd.Series,
    "nullable": lambda column: pd.Series(column, dtype="Int64"),
    "polars": pl.Series,
    "arrow": pa.array,
    "masked": np.ma.array,
}


@pytest.mark.parametrize("form", TEXT_FORMS.values(), ids=TEXT_FORMS)
def test_text(form: Callable[[Any], Any]) -> None:
    result = evaluate(form(TRUE), form(PRED))
    assert result.labels == ("a", "b", "c")
    assert result.matrix.to_dense().tolist() == [[0, 1, 0], [0, 2, 0], [0, 0, 1]]


@pytest.mark.parametrize("form", NUMBER_FORMS.values(), ids=NUMBER_FORMS)
@pytest.mark.parametrize("other", [list, np.array, lambda column: np.array(column, dtype=float)])
def test_numbers(form: Callable[[Any], Any], other: Callable[[Any], Any]) -> None:
    result = evaluate(form(CODES), other(GUESSES), task="multiclass")
    assert [float(label) for label in result.labels] == [0, 1, 2]
    assert result.matrix.to_dense().tolist() == [[0, 1, 0], [0, 2, 0], [0, 0, 1]]
    assert evaluate(form(CODES), other(GUESSES), task="regression").metrics["max_error"] == 1.0


@pytest.mark.parametrize("form", [list, np.array, pd.DataFrame, pl.DataFrame, np.asfortranarray])
def test_scores(form: Callable[[Any], Any]) -> None:
    table = [[0.1, 0.7, 0.2], [0.8, 0.1, 0.1], [0.2, 0.6, 0.2], [0.1, 0.1, 0.8]]
    values = form(table) if form is not pl.DataFrame else pl.DataFrame(table, orient="row")
    assert evaluate(CODES, y_score=values).metrics["roc_auc"] == 1.0


@pytest.mark.parametrize(
    ("true", "pred", "labels"),
    [
        ([True, False], [True, True], ("False", "True")),
        ([True, False], [1, 1], ("False", "True")),
        ([b"x", b"y"], [b"y", b"y"], ("x", "y")),
        ([b"\xff", b"y"], [b"y", b"y"], ("y", "\\xff")),
        ([-1, 1], [1, 1], ("-1", "1")),
        ([0.0, 1.0], [1.0, 1.0], ("0.0", "1.0")),
        ([10**15, 5], [5, 5], ("5", str(10**15))),
        (np.array([2**63 + 1, 5], dtype=np.uint64), [5, 5], ("5", str(2**63 + 1))),
        ([("a", 1), ("b", 2)], [("a", 1), ("b", 2)], None),
    ],
)
def test_labels_of_many_types(true: Any, pred: Any, labels: Any) -> None:
    if labels is None:
        true, pred = (np.fromiter(column, dtype=object, count=2) for column in (true, pred))
        labels = ("('a', 1)", "('b', 2)")
    assert evaluate(true, pred).labels == labels


def test_order_of_classes() -> None:
    assert evaluate(TRUE, PRED, labels=["c", "b", "a"]).labels == ("c", "b", "a")
    ordered = pd.Categorical(TRUE, categories=["c", "a", "b"], ordered=True)
    assert evaluate(ordered, PRED).labels == ("c", "a", "b")
    assert evaluate(CODES, GUESSES, class_names=["x", "y", "z"]).labels == ("x", "y", "z")
    assert evaluate(CODES, GUESSES, class_names={1: "one"}).labels == ("0", "one", "2")
    with pytest.raises(EvaluationError, match="2 names for 3 classes"):
        evaluate(CODES, GUESSES, class_names=["x", "y"])
    with pytest.raises(EvaluationError, match="twice"):
        evaluate(CODES, GUESSES, labels=[0, 1, 1])


def test_labels_of_several_types_are_ordered_somehow() -> None:
    column = np.array(["a", 1, "b"], dtype=object)
    assert evaluate(column, column).metrics["accuracy_score"] == 1.0


@pytest.mark.parametrize(
    ("true", "message"),
    [
        (["a", None, "b"], "y_true has 1 missing labels, the first in row 1"),
        (["a", float("nan"), "b"], "y_true has 1 missing labels"),
        ([0.0, float("nan"), 1.0], "y_true has 1 missing labels"),
        (pd.Series([1, None, 2], dtype="Int64"), "y_true has 1 missing labels"),
        (pd.Series(["a", None, "b"]), "y_true has 1 missing labels"),
        (pl.Series(["a", None, "b"]), "y_true has 1 missing labels"),
        (pa.array(["a", None, "b"]), "y_true has 1 missing labels"),
        (np.ma.array([1, 2, 3], mask=[0, 1, 0]), "y_true has 1 masked values"),
    ],
)
def test_missing_labels(true: Any, message: str) -> None:
    guess = ["a", "a", "b"] if isinstance(true[0], str) or "a" in [str(item) for item in true] else [1, 1, 1]
    with pytest.raises(EvaluationError, match=message):
        evaluate(true, guess, task="multiclass")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([1, 0, 1], [1, 0]), "y_true has 3 rows, y_pred has 2"),
        (([1, 0, 1], [1, 0, 1], [0.5]), "y_true has 3 rows, y_score has 1"),
        ((["a", "b"], [0, 1]), "y_pred holds numbers .0. where the classes are str .'a'."),
        ((iter([1, 2]), [1, 2]), "list_iterator, which cannot be read"),
        ((5, [1]), "int, which cannot be read"),
        (("ab", ["a", "b"]), "str, which cannot be read"),
        (([[1, 2], [3]], [1, 2]), "cannot be read as an array"),
        ((np.zeros((2, 2, 2)), [1, 2]), "3 dimensions"),
        (([0, 1], None, ["x", "y"]), "y_score holds values that are not numbers"),
        (([0, 1],), "y_pred is not given"),
        (([["a", "b"], ["c", "d"]], [["a", "b"], ["c", "d"]]), "2 columns of labels"),
    ],
)
def test_what_cannot_be_read(arguments: Any, message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        evaluate(*arguments)


@pytest.mark.parametrize(
    "weights", [[1.0, -1.0], [0.0, 0.0], [np.nan, 1.0], [np.inf, 1.0], ["a", "b"], np.ones((2, 2))]
)
def test_weights_that_make_no_sense(weights: Any) -> None:
    with pytest.raises(EvaluationError, match="sample_weight"):
        evaluate([0, 1], [0, 1], sample_weight=weights)
    with pytest.raises(EvaluationError, match="y_true has 2 rows, sample_weight has 1"):
        evaluate([0, 1], [0, 1], sample_weight=[1.0])


def test_iterators_are_not_touched() -> None:
    source = iter([0, 1, 2])
    with pytest.raises(EvaluationError):
        evaluate(source, [0, 1, 2])
    assert next(source) == 0


@pytest.mark.parametrize(
    ("true", "pred", "score", "task"),
    [
        ([0, 1, 1], [0, 1, 0], None, "binary"),
        ([0, 1, 2], [0, 1, 0], None, "multiclass"),
        ([0.0, 1.0, 2.0], [0.0, 1.0, 0.0], None, "multiclass"),
        ([0, 1, 2], [0.1, 1.2, 1.9], None, "regression"),
        ([0.5, 1, 2], [0, 1, 2], None, "regression"),
        ([[1, 0], [1, 1]], [[1, 0], [0, 0]], None, "multilabel"),
        ([[1, 0], [0, 1]], [[1, 0], [0, 1]], None, "multilabel"),
        ([[1, 0], [0, 1]], None, [[0.9, 0.1], [0.2, 0.8]], "binary"),
        ([[1, 0], [0, 1]], None, [[0.9, 0.9], [0.2, 0.8]], "multilabel"),
        ([[1, 0, 0], [0, 0, 1]], [0, 2], None, "multiclass"),
        ([[1.5, 0], [0, 1]], [[1, 0], [0, 1.0]], None, "multioutput_regression"),
        (scipy.sparse.csr_matrix([[1, 0], [1, 1]]), scipy.sparse.csr_matrix([[1, 0], [1, 1]]), None, "multilabel"),
        ([0, 0], None, [[0.5, 0.2, 0.3], [0.5, 0.3, 0.2]], "multiclass"),
    ],
)
def test_task_decided(true: Any, pred: Any, score: Any, task: str) -> None:
    assert evaluate(true, pred, score).task == task


def test_arguments_are_not_changed() -> None:
    rng = np.random.default_rng(0)
    arrays = [rng.integers(0, 3, 60), rng.integers(0, 3, 60), rng.random((60, 3)), rng.random(60)]
    copies = [array.copy() for array in arrays]
    evaluate(*arrays[:3], sample_weight=arrays[3])
    for array, copy in zip(arrays, copies, strict=True):
        np.testing.assert_array_equal(array, copy)


def test_the_programs_settings_stay_and_do_not_matter() -> None:
    state = np.random.get_state()[1].copy()
    with np.errstate(all="raise"):
        before = np.geterr()
        result = evaluate([0, 1, 1], [0, 0, 0], [0.0, 1.0, 1.0], sample_weight=[1.0, 0.0, 0.0])
        assert np.geterr() == before
    assert result.metrics["roc_auc"] is None
    np.testing.assert_array_equal(np.random.get_state()[1], state)
