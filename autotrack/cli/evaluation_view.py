"""An evaluation on the terminal: its classes and its confusion matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from autotrack.cli.screen import Cell, Column, Screen, Styled
from autotrack.words import number, plural, shorten

if TYPE_CHECKING:
    from autotrack.evaluation.report import Evaluation

MAX_CLASSES = 12
LABEL_WIDTH = 16


def evaluation_fields(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as builtins, its columns as lists."""
    fields: dict[str, Any] = msgspec.to_builtins(evaluation, enc_hook=lambda column: column.tolist())
    return fields


def show_evaluation(screen: Screen, evaluation: Evaluation) -> None:
    """Print what an evaluation has beyond the metrics of the run."""
    screen.heading(f"evaluation: {evaluation.split}", f"{evaluation.task}, {plural(evaluation.n_rows, 'row')}")
    for missing, reason in evaluation.reasons.items():
        screen.paragraph(Styled(f"{missing}: {reason}", "yellow"), indent=2)
    if evaluation.per_class is not None:
        _classes(screen, evaluation)
    if evaluation.matrix is not None and evaluation.matrix.size <= MAX_CLASSES:
        _matrix(screen, evaluation)


def _classes(screen: Screen, evaluation: Evaluation) -> None:
    rows = evaluation.class_rows()
    screen.table(
        [Column("class"), *(Column(name, right=True) for name in ("precision", "recall", "f1", "support"))],
        [
            [shorten(row.label, LABEL_WIDTH), *map(number, (row.precision, row.recall, row.f1, row.support))]
            for row in rows[:MAX_CLASSES]
        ],
        indent=2,
    )
    if len(rows) > MAX_CLASSES:
        screen.line(Styled(f"  and {len(rows) - MAX_CLASSES} more classes", "dim"))


def _matrix(screen: Screen, evaluation: Evaluation) -> None:
    assert evaluation.matrix is not None  # noqa: S101 - the caller has looked
    labels = [shorten(label, LABEL_WIDTH) for label in evaluation.labels]
    dense = evaluation.matrix.to_dense().tolist()
    screen.line()
    rows: list[list[Cell]] = [
        [label, *(_count(count, diagonal=at == row) for at, count in enumerate(counts))]
        for row, (label, counts) in enumerate(zip(labels, dense, strict=True))
    ]
    screen.table([Column("true \\ predicted"), *(Column(label, right=True) for label in labels)], rows, indent=2)


def _count(count: float, *, diagonal: bool) -> Styled:
    return Styled(number(float(count)), "green" if diagonal else "red" if count else "dim")
