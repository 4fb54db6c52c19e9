"""What an evaluation is: frozen structs of numbers, and the way they become builtins and come back.

Numbers are stored, pictures are derived (`figures.py`). Tables and curves are columns of numpy arrays; in `to_dict` a
column is packed as bytes: its numpy dtype in three characters (`<f4`, `<f8`, `<i4`, `<i8`) followed by its
little-endian values. So NaN and infinity survive bit for bit and 500 points cost 8 KB.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
SmallArray = npt.NDArray[np.float32]
IndexArray = npt.NDArray[np.int32]

_DTYPE_LENGTH = 3


class Matrix(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """A confusion matrix as its nonzero cells: rows are true classes, columns are predicted classes.

    Attributes:
        size: Number of classes.
        rows: True class of each cell, as index into `Evaluation.labels`.
        columns: Predicted class of each cell.
        counts: Rows of data in each cell: integers, or sums of sample weights as floats.
        omitted: Total of the cells left out because there were too many, the smallest first.
    """

    size: int
    rows: IndexArray
    columns: IndexArray
    counts: npt.NDArray[Any]
    omitted: float = 0.0

    def to_dense(self) -> npt.NDArray[Any]:
        """The matrix as an array of shape (size, size); for 10,000 classes that is 800 MB."""
        dense = np.zeros((self.size, self.size), dtype=self.counts.dtype)
        dense[self.rows, self.columns] = self.counts
        return dense


class ClassReport(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """One row per class, as columns in the order of `Evaluation.labels`; NaN where a value is undefined.

    Attributes:
        precision: Share of the rows predicted as the class that belong to it.
        recall: Share of the rows of the class that were predicted as it.
        f1: Harmonic mean of the two.
        support: True rows of the class (sum of their weights where weights were given).
        predicted: Rows predicted as the class (likewise).
        roc_auc: Area under the one-vs-rest ROC curve.
        average_precision: Average precision, one-vs-rest.
    """

    precision: FloatArray
    recall: FloatArray
    f1: FloatArray
    support: FloatArray
    predicted: FloatArray
    roc_auc: FloatArray
    average_precision: FloatArray


class Curve(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """Points of one curve, thinned to a bounded number.

    Attributes:
        kind: "roc" (x false positive rate, y true positive rate), "precision_recall" (x recall, y precision) or
            "calibration" (x mean predicted probability, y observed share, one point per occupied bin).
        name: The class, or for an average "micro" or "macro".
        average: Whether the curve is an average over classes.
        x: Growing.
        y: Same length.
        thresholds: A row counts as positive at a point if its score is at least this; empty for averages and
            calibration. The first point of a curve has infinity.
        area: From all points, before thinning: area under the ROC curve, average precision, or expected
            calibration error. NaN where undefined.
        weights: Rows (or sum of weights) behind each point of a calibration curve, else empty.
    """

    kind: str
    name: str
    x: SmallArray
    y: SmallArray
    area: float
    average: bool = False
    thresholds: FloatArray = msgspec.field(default_factory=lambda: np.empty(0))
    weights: FloatArray = msgspec.field(default_factory=lambda: np.empty(0))


class Residuals(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """How true values differ from predicted ones (true minus predicted) for one output of a regression.

    Attributes:
        name: The output.
        quantiles: Quantile level as text ("0.05") to residual.
        counts: Rows in each bin of the histogram.
        edges: Bounds of the bins, one more than counts.
        predicted: Predictions of an evenly spaced sample of rows.
        true: True values of the same rows.
    """

    name: str
    quantiles: dict[str, float]
    counts: FloatArray
    edges: FloatArray
    predicted: FloatArray
    true: FloatArray


class ClassRow(msgspec.Struct, frozen=True):
    """One class of a classification, as `Evaluation.class_rows` gives it; None where a value is undefined."""

    label: str
    precision: float | None
    recall: float | None
    f1: float | None
    support: float | None
    roc_auc: float | None
    average_precision: float | None


class Evaluation(msgspec.Struct, frozen=True, eq=False, kw_only=True):
    """How well predictions fit the truth on one split of the data.

    Attributes:
        split: "training", "validation", "test" or another name.
        task: One of the words in `task.py`.
        n_rows: Rows evaluated.
        labels: Names of classes, clusters or outputs, in the order of all tables and of the matrix.
        metrics: MLflow's metric names without the split's prefix; None where undefined.
        reasons: Why a metric or part is None or absent, or what it leaves out, by its name.
        weighted: Whether sample weights were given; metrics are weighted then, except those named "_unweighted".
        positive: The class that metrics ending in "_binary" and the curves of a binary task are about.
        per_class: Table of classes of a classification.
        matrix: Confusion matrix of a binary or multiclass task.
        curves: ROC, precision-recall and calibration curves.
        residuals: One entry per output of a regression.
        outputs: Metrics of each output of a multioutput regression.
        sizes: Rows in each cluster of a clustering, in the order of `labels`.
    """

    split: str
    task: str
    n_rows: int
    labels: tuple[str, ...] = ()
    metrics: dict[str, float | None]
    reasons: dict[str, str] = {}
    weighted: bool = False
    positive: str | None = None
    per_class: ClassReport | None = None
    matrix: Matrix | None = None
    curves: tuple[Curve, ...] = ()
    residuals: tuple[Residuals, ...] = ()
    outputs: dict[str, dict[str, float | None]] = {}
    sizes: tuple[int, ...] = ()

    def class_rows(self) -> list[ClassRow]:
        """The table of classes row by row; empty where the task has no classes."""
        if self.per_class is None:
            return []
        report = self.per_class
        columns = (report.precision, report.recall, report.f1, report.support, report.roc_auc, report.average_precision)
        cells = zip(*(column.tolist() for column in columns), strict=True)
        return [
            ClassRow(label, *(None if math.isnan(value) else value for value in row))
            for label, row in zip(self.labels, cells, strict=True)
        ]

    def to_dict(self) -> dict[str, Any]:
        """The evaluation as builtins that msgpack takes; `from_dict` gives back the same numbers bit for bit."""
        plain: dict[str, Any] = msgspec.to_builtins(self, builtin_types=(bytes,), enc_hook=_pack)
        return plain

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Evaluation:
        """The evaluation that `to_dict` wrote.

        Raises:
            msgspec.ValidationError: If `data` is something else.
        """
        return msgspec.convert(data, cls, dec_hook=_unpack)

    def __repr__(self) -> str:
        shown = [f"{name}={value:.4g}" for name, value in self.metrics.items() if value is not None][:6]
        more = len(self.metrics) - len(shown)
        tail = f", … {more} more" if more > 0 else ""
        return f"Evaluation({self.split}: {self.task}, {self.n_rows} rows, {', '.join(shown)}{tail})"

    def _repr_html_(self) -> str:
        from autotrack.evaluation.html_report import to_html

        return to_html(self)


def _pack(value: Any) -> bytes:
    if not isinstance(value, np.ndarray):
        raise NotImplementedError(f"{type(value).__name__} has no place in an evaluation")
    little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
    return little.dtype.str.encode() + little.tobytes()


def _unpack(wanted: Any, data: Any) -> npt.NDArray[Any]:
    if not isinstance(data, bytes) or data[:_DTYPE_LENGTH] not in (b"<f4", b"<f8", b"<i4", b"<i8"):
        raise ValueError(f"expected packed numbers for {wanted}")
    return np.frombuffer(data[_DTYPE_LENGTH:], dtype=data[:_DTYPE_LENGTH].decode())
