"""MLflow's search syntax: what is read, and what is refused without saying more than why."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.server.mlflow_api.filters import EXPERIMENTS, RUNS, parse_filter, parse_order
from autotrack.server.mlflow_api.protocol import ProtocolError
from autotrack.server.mlflow_api.registry import MODELS
from autotrack.store.filters.syntax import And, Field, Not, Ordering, Predicate, Span


def one(text: str) -> Predicate | Not:
    found = parse_filter(text, RUNS)
    assert isinstance(found, And)
    [part] = found.parts
    assert isinstance(part, Predicate | Not)
    return part


@pytest.mark.parametrize(
    ("text", "field", "operator", "values", "negated"),
    [
        ("metrics.acc > 0.5", Field("metric", "acc"), ">", (0.5,), False),
        ("metric.`val acc`<=-1e-3", Field("metric", "val acc"), "<=", (-1e-3,), False),
        ('params."a b" = "x y"', Field("param", "a b"), "=", ("x y",), False),
        ("param.rate != '0.1'", Field("param", "rate"), "=", ("0.1",), True),
        ("tags.mlflow.user like 'a%'", Field("tag", "mlflow.user"), "like", ("a%",), False),
        ("tag.mlflow.runName = 'x'", Field("attribute", "run_name"), "=", ("x",), False),
        ("tags.`mlflow.parentRunId` = 'x'", Field("attribute", "parent"), "=", ("x",), False),
        ("attributes.run_id IN ('a', 'b')", Field("attribute", "run_id"), "in", ("a", "b"), False),
        ("run_id not in ('a')", Field("attribute", "run_id"), "in", ("a",), True),
        ("`Run name` ilike '%X%'", Field("attribute", "run_name"), "ilike", ("%X%",), False),
        (
            "start_time >= 1700000000000",
            Field("attribute", "start_time"),
            ">=",
            (Span(1_700_000_000_000_000_000, 1_700_000_000_001_000_000),),
            False,
        ),
        ("status = 'KILLED'", Field("attribute", "status"), "in", ("interrupted", "killed"), False),
        ("status != 'FINISHED'", Field("attribute", "status"), "in", ("finished",), True),
        ("status like 'F%'", Field("attribute", "status"), "in", ("finished", "failed"), False),
        ("dataset.name = 'iris'", Field("attribute", "dataset_name"), "=", ("iris",), False),
    ],
)
def test_comparisons(text: str, field: Field, operator: str, values: tuple[object, ...], negated: bool) -> None:
    assert one(text) == Predicate(field, operator, values, negated)  # type: ignore[arg-type]


def test_what_is_missing_can_be_asked_for() -> None:
    assert one("tags.x IS NOT NULL") == Predicate(Field("tag", "x"), "exists")
    assert one("params.x is null") == Not(Predicate(Field("param", "x"), "exists"))


def test_prompts_are_hidden_among_models() -> None:
    hidden = Not(Predicate(Field("tag", "mlflow.prompt.is_prompt"), "=", ("true",)))
    assert parse_filter("", MODELS) == And((hidden,))
    assert parse_filter("tag.`mlflow.prompt.is_prompt` != 'true'", MODELS) == And((hidden,))


@pytest.mark.parametrize(
    "text",
    [
        "metrics.a > 1 OR metrics.b > 1",
        "(metrics.a > 1)",
        "NOT metrics.a > 1",
        "metrics.a > '1'",
        "metrics.a LIKE '1'",
        "params.a = 1",
        "params.a = x",
        "params.a > '1'",
        "params.a IN ('x')",
        "tags.a = ",
        "tags.a",
        "tags. = 'x'",
        "nothing = 'x'",
        "nothing.a = 'x'",
        "run_id IN ()",
        "run_id IN ('a'",
        "start_time > 'yesterday'",
        "status IS NULL",
        "dataset.size = '1'",
        "tags.a = 'x' AND",
        "AND",
        "tags.a = 'x'; DROP TABLE run",
        "tags.a = 'x' -- y",
        "tags.a = '" + "x" * 30_000 + "'",
        "tags.a LIKE '" + "%" * 600 + "'",
    ],
)
def test_what_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(ProtocolError):
        parse_filter(text, RUNS)


def test_orders() -> None:
    assert parse_order(["metrics.acc DESC", "params.`a b`", "start_time asc"], RUNS) == [
        Ordering(Field("metric", "acc"), True),
        Ordering(Field("param", "a b"), False),
        Ordering(Field("attribute", "start_time"), False),
    ]
    for wrong in ("", "acc", "metrics.acc DOWN", "metrics.acc DESC x", "dataset.name", "metrics.a, metrics.b"):
        with pytest.raises(ProtocolError):
            parse_order([wrong], RUNS)


WORDS = ["metrics.", "a", "=", "1", "'x'", "AND", "(", ")", "`", '"', "IN", "NOT", "IS", "NULL", "tags.b", "<"]


@given(st.text(max_size=80) | st.lists(st.sampled_from(WORDS)).map(" ".join))
def test_any_text_is_read_or_refused(text: str) -> None:
    for grammar in (RUNS, EXPERIMENTS, MODELS):
        with suppress(ProtocolError):
            parse_filter(text, grammar)
        with suppress(ProtocolError):
            parse_order([text], grammar)
