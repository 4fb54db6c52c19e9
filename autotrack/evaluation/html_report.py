"""What a notebook shows for an evaluation: a compact table of metrics and of classes, all text escaped."""

from __future__ import annotations

import html

from autotrack.evaluation.report import ClassRow, Evaluation

_MAX_CLASSES = 20
_COLUMNS = ("precision", "recall", "f1", "support", "roc_auc", "average_precision")


def to_html(evaluation: Evaluation) -> str:
    """The evaluation as an HTML fragment without scripts or styles of its own."""
    title = f"{evaluation.split}: {evaluation.task}, {evaluation.n_rows:,} rows"
    parts = [f"<div><strong>{html.escape(title)}</strong>", _metrics(evaluation)]
    rows = evaluation.class_rows()
    if rows:
        parts.append(_classes(rows))
    return "".join([*parts, "</div>"])


def _metrics(evaluation: Evaluation) -> str:
    cells = []
    for name, value in evaluation.metrics.items():
        reason = evaluation.reasons.get(name, "")
        hint = f' title="{html.escape(reason)}"' if reason else ""
        cells.append(f"<tr{hint}><td>{html.escape(name)}</td><td>{_number(value)}</td></tr>")
    return f"<table><tbody>{''.join(cells)}</tbody></table>"


def _classes(rows: list[ClassRow]) -> str:
    head = "".join(f"<th>{column.replace('_', ' ')}</th>" for column in ("class", *_COLUMNS))
    shown = sorted(rows, key=lambda row: -(row.support or 0.0))[:_MAX_CLASSES] if len(rows) > _MAX_CLASSES else rows
    body = "".join(
        f"<tr><td>{html.escape(row.label)}</td>"
        + "".join(f"<td>{_number(getattr(row, column))}</td>" for column in _COLUMNS)
        + "</tr>"
        for row in shown
    )
    rest = len(rows) - len(shown)
    more = f"<p>… and {rest:,} smaller classes</p>" if rest else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{more}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"  # noqa: RUF001 - a dash for "undefined"
