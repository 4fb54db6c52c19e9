"""The filter language: every filter means to the database what a few lines of Python say it means."""

from __future__ import annotations

import contextlib
import math
import random
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st
from postgres_cluster import new_database
from store_fixtures import Writer

from autotrack.backends import BackendContext
from autotrack.backends.sql import SqlBackend
from autotrack.errors import FilterError
from autotrack.records import Param, ParamsLogged, TagsSet
from autotrack.store import Store
from autotrack.store.filters import parse_filter
from autotrack.store.filters.syntax import And, Field, Not, Or, Predicate

Run: TypeAlias = dict[str, Any]
Test: TypeAlias = Callable[[Run], bool]
Case: TypeAlias = tuple[str, Test]

NUMBERS = [-2.5, -1.0, 0.0, 0.5, 1.0, 3.0, 1e-3, math.inf]
TEXTS = ["", "a", "A", "ab", "abc", "b%", "1", "0.5", "it's", 'say "x"', "é", "two words"]
PARAMS = [1, 0.5, -2.5, True, False, None, "a", "A", "1", "abc", "b%", "1e-3", "", math.nan, "two words"]
STATUSES = ["running", "finished", "failed", "killed"]
DAY = 86_400
START = 1_790_000_000 - 1_790_000_000 % DAY


def _population(seed: int) -> list[Run]:
    chance = random.Random(seed)
    return [_random_run(f"{seed:04x}{number:028x}", chance) for number in range(40)]


def _random_run(uid: str, chance: random.Random) -> Run:
    start = START + chance.randrange(5 * DAY)
    status = chance.choice(STATUSES)
    points = [*NUMBERS, math.nan, -math.inf]
    return {
        "id": uid,
        "name": chance.choice(TEXTS),
        "experiment": chance.choice("xyz"),
        "status": status,
        "source": chance.choice(["manual", "sklearn"]),
        "parent": chance.choice([None, uid[::-1]]),
        "start_time": start,
        "end_time": None if status == "running" else start + chance.randrange(100),
        "metrics": {key: chance.choices(points, k=chance.randrange(1, 4)) for key in "ab" if chance.random() < 0.8},
        "params": {key: chance.choice(PARAMS) for key in ("a", "b/c", "d e") if chance.random() < 0.8},
        "tags": {key: chance.choice(TEXTS) for key in ("a", "q'") if chance.random() < 0.8},
    }


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    directory = tmp_path_factory.mktemp("filled")
    if request.param == "sqlite":
        yield from _fill(str(directory), directory)
    else:
        with new_database() as url:
            yield from _fill(url, directory)


def _fill(url: str, directory: Path) -> Iterator[Store]:
    backend = SqlBackend(url, BackendContext(directory, directory))
    for run in RUNS:
        writer = Writer(run["id"])
        fields = {name: run[name] for name in ("name", "experiment", "source")}
        records: list[Any] = [writer.started(run["start_time"] * 10**9, parent_id=run["parent"], **fields)]
        params = {key: Param(str(value), _kind(value)) for key, value in run["params"].items()}
        records.append(writer.place(ParamsLogged(time=0, params=params)))
        records.append(writer.place(TagsSet(time=0, tags=run["tags"])))
        records += [writer.metrics(i, **{k: v}) for k, values in run["metrics"].items() for i, v in enumerate(values)]
        if run["end_time"] is not None:
            records.append(writer.ended(run["end_time"] * 10**9, run["status"]))
        backend.write(records)
    backend.close()
    with Store.open(url) as store:
        yield store


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__


RUNS = _population(1) + _population(2)


def _literal(value: float | str) -> str:
    if isinstance(value, str):
        quote = random.Random(value).choice("'\"")
        return quote + value.replace("\\", "\\\\").replace(quote, "\\" + quote) + quote
    return repr(value)


def _signs(value: Any) -> dict[str, Callable[[Any], bool]]:
    return {
        "=": lambda x: x == value,
        "!=": lambda x: x != value,
        "<": lambda x: x < value,
        "<=": lambda x: x <= value,
        ">": lambda x: x > value,
        ">=": lambda x: x >= value,
    }


def _question(
    draw: Callable[..., Any], field: str, get: Callable[[Run], Any], values: st.SearchStrategy[Any], texts: bool
) -> Case:
    """Ask something about a field; `get` gives None where a run does not have it, else a value or NaN."""
    negated = draw(st.booleans())
    word = "not " if negated else ""
    kind = draw(st.sampled_from(["sign", "in", "between", *(["like", "~"] if texts else [])]))
    if kind == "sign":
        value = draw(values)
        sign = draw(st.sampled_from(sorted(_signs(value))))
        return f"{field} {sign} {_literal(value)}", lambda run: get(run) is not None and _signs(value)[sign](get(run))
    if kind == "in":
        some = draw(st.lists(values, min_size=1, max_size=3))
        text = f"{field} {word}in ({', '.join(map(_literal, some))})"
        return text, lambda run: get(run) is not None and (get(run) in some) != negated
    if kind == "between":
        low, high = draw(values), draw(values)
        text = f"{field} {word}between {_literal(low)} and {_literal(high)}"
        return text, lambda run: get(run) is not None and (low <= get(run) <= high) != negated
    if kind == "like":
        pattern, fold = draw(st.text("abA%_1", max_size=4)), draw(st.booleans())
        text = f"{field} {word}{'ilike' if fold else 'like'} {_literal(pattern)}"
        return text, lambda run: get(run) is not None and _like(pattern, get(run), fold) != negated
    pattern = draw(st.sampled_from(["^a", "b$", "[0-9]+", "a.c", "^$", "(a|b)%"]))
    sign = "!~" if negated else "~"
    text = f"{field} {sign} {_literal(pattern)}"
    return text, lambda run: get(run) is not None and (re.search(pattern, get(run)) is not None) != negated


def _like(pattern: str, text: str, fold: bool) -> bool:
    if fold:
        pattern, text = pattern.lower(), text.lower()

    @cache
    def match(p: int, t: int) -> bool:
        if p == len(pattern):
            return t == len(text)
        if pattern[p] == "%":
            return match(p + 1, t) or (t < len(text) and match(p, t + 1))
        return t < len(text) and pattern[p] in ("_", text[t]) and match(p + 1, t + 1)

    return match(0, 0)


@st.composite
def _metric(draw: Callable[..., Any]) -> Case:
    key = draw(st.sampled_from("abc"))
    word = draw(st.sampled_from(["metrics", "metric", "m", "METRICS"]))
    statistic = draw(st.sampled_from(["", "last", "min", "max", "mean", "count"]))
    field = f"{statistic}({word}.{key})" if statistic else f"{word}.`{key}`"
    what = draw(st.sampled_from(["value", "null", "nan"]))

    def get(run: Run) -> float | None:
        return _statistic(statistic, run["metrics"][key]) if key in run["metrics"] else None

    if what == "value":
        return _question(draw, field, get, st.sampled_from([*NUMBERS, -math.inf]), texts=False)
    negated = draw(st.booleans())
    text = f"{field} is {'not ' if negated else ''}{what}"
    if what == "null":
        return text, lambda run: (get(run) is None) != negated
    return text, lambda run: get(run) is not None and math.isnan(get(run)) != negated


def _statistic(name: str, values: list[float]) -> float:
    numbers = [value for value in values if not math.isnan(value)]
    match name:
        case "count":
            return len(values)
        case "min":
            return min(numbers, default=math.nan)
        case "max":
            return max(numbers, default=math.nan)
        case "mean":
            return sum(numbers) / len(numbers) if numbers else math.nan
    return values[-1]


def _as_number(value: Any) -> float | None:
    """NaN for a parameter that is no number: it is there, but equals nothing."""
    if value is None or isinstance(value, float | bool | int):
        return math.nan if value is None else float(value)
    return float(value) if re.fullmatch(r"-?[0-9.]+(e-?\d+)?", value) else math.nan


@st.composite
def _param(draw: Callable[..., Any]) -> Case:
    key, field = draw(st.sampled_from([("a", "params.a"), ("b/c", "p.b/c"), ("d e", 'param."d e"'), ("z", "params.z")]))
    kind = draw(st.sampled_from(["number", "text", "bool", "null"]))
    if kind == "bool":
        value = draw(st.booleans())
        return f"{field} = {str(value).lower()}", lambda run: run["params"].get(key) is value
    if kind == "null":
        return f"{field} is null", lambda run: run["params"].get(key) is None
    if kind == "number":
        return _question(
            draw,
            field,
            lambda run: _as_number(run["params"][key]) if key in run["params"] else None,
            st.sampled_from(NUMBERS),
            texts=False,
        )
    texts = st.sampled_from([*TEXTS, *(str(value) for value in PARAMS)])
    return _question(draw, field, lambda r: str(r["params"][key]) if key in r["params"] else None, texts, texts=True)


@st.composite
def _text_field(draw: Callable[..., Any]) -> Case:
    field, kind, key = draw(
        st.sampled_from(
            [
                ("tags.a", "tags", "a"),
                ('t."q\'"', "tags", "q'"),
                ("tag.`z`", "tags", "z"),
                ("name", "", "name"),
                ("attributes.experiment", "", "experiment"),
                ("source", "", "source"),
                ("parent", "", "parent"),
            ]
        )
    )
    values = st.sampled_from([*TEXTS, "x", "manual"])
    return _question(draw, field, lambda r: r[kind].get(key) if kind else r[key], values, texts=True)


@st.composite
def _number_field(draw: Callable[..., Any]) -> Case:
    def duration(run: Run) -> float | None:
        return None if run["end_time"] is None else run["end_time"] - run["start_time"]

    return _question(draw, "duration", duration, st.integers(0, 100).map(float), texts=False)


@st.composite
def _time_field(draw: Callable[..., Any]) -> Case:
    name = draw(st.sampled_from(["start_time", "end_time"]))
    day = draw(st.integers(0, 5))
    text = f"2026-09-{21 + day}"
    low = START + day * DAY
    sign = draw(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]))
    tests: dict[str, Callable[[float], bool]] = {
        "=": lambda t: low <= t < low + DAY,
        "!=": lambda t: not low <= t < low + DAY,
        "<": lambda t: t < low,
        "<=": lambda t: t < low + DAY,
        ">": lambda t: t >= low + DAY,
        ">=": lambda t: t >= low,
    }
    return f'{name} {sign} "{text}"', lambda run: run[name] is not None and tests[sign](run[name])


def _combine(parts: st.SearchStrategy[Case]) -> st.SearchStrategy[Case]:
    pairs = st.tuples(parts, parts)
    return st.one_of(
        pairs.map(lambda p: (f"({p[0][0]}) and ({p[1][0]})", lambda run: p[0][1](run) and p[1][1](run))),
        pairs.map(lambda p: (f"(({p[0][0]}) OR {p[1][0]})", lambda run: p[0][1](run) or p[1][1](run))),
        parts.map(lambda p: (f"not ({p[0]})", lambda run: not p[1](run))),
    )


CASES = st.recursive(
    st.one_of(_metric(), _param(), _text_field(), _number_field(), _time_field()), _combine, max_leaves=5
)


@given(CASES)
def test_the_database_finds_what_python_finds(filled: Store, case: Case) -> None:
    text, test = case
    assert {run.id for run in filled.search(text, with_values=False)} == {run["id"] for run in RUNS if test(run)}


def test_the_dates_of_the_runs() -> None:
    assert START == 1_789_948_800  # 2026-09-21, on which the test of times relies


def test_and_binds_tighter_than_or() -> None:
    a, b, c = (Predicate(Field("metric", key), ">", (1.0,)) for key in "abc")
    assert parse_filter("metrics.a > 1 or metrics.b > 1 and not metrics.c > 1") == Or((a, And((b, Not(c)))))


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("metrics.val/acc > 1", Field("metric", "val/acc")),
        ("metrics.validation_0-logloss>1", Field("metric", "validation_0-logloss")),
        ('metrics."a \\"b\\" c" > 1', Field("metric", 'a "b" c')),
        ("metrics.`a \\ b` > 1", Field("metric", "a \\ b")),
        ("min(m.loss)>1", Field("metric", "loss", "min")),
        ("params.a.b.c = 1", Field("param", "a.b.c")),
        ("params.min = 1", Field("param", "min")),
        ("attr.duration >= +1.5e3", Field("attribute", "duration")),
    ],
)
def test_fields(text: str, field: Field) -> None:
    node = parse_filter(text)
    assert isinstance(node, Predicate)
    assert node.field == field


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_an_empty_filter_finds_all(filled: Store, text: str) -> None:
    assert filled.count(text) == len(RUNS)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("metrcs.loss > 1", 0, 'did you mean "metrics"'),
        ("metrics.a > 1 and stats = 'x'", 18, 'did you mean "status"'),
        ("metrics.a > 'x'", 12, "without quotes"),
        ("tags.team = 3", 12, "into quotes"),
        ("status = 'finish'", 9, 'did you mean "finished"'),
        ("metrics.a >", 11, "expected a number"),
        ("metrics.a", 9, "expected a comparison"),
        ("metrics.a lik 1", 10, 'did you mean "like"'),
        ("metrics.a > 1 metrics.b > 1", 14, 'expected "and", "or" or the end'),
        ("start_time > 2026-11-20", 17, "into quotes"),
        ("start_time > 'yesterday'", 13, "this is no time"),
        ("(metrics.a > 1", 14, "close the parenthesis"),
        ("metrics.a in ()", 14, "expected a number"),
        ("metrics.a in 1", 13, 'expected "("'),
        ("metrics.a between 1 or 2", 20, '"and" between'),
        ("metrics.a = nan", 12, "is nan"),
        ("params.a = None", 11, "is null"),
        ("params.a is nan", 12, "only metrics"),
        ("params.a is 3", 12, '"null" or "nan"'),
        ("params.a ~ '('", 11, "no regular expression"),
        ("params.a like 3", 14, "needs a text"),
        ("metrics.a ~ 'x'", 12, "compares texts"),
        ("params.a < true", 11, "true and false"),
        ("metrics. > 1", 7, "must follow the dot"),
        ("metrics > 1", 0, "a key must follow"),
        ("foo.bar = 1", 0, "unknown field foo.bar"),
        ("min(params.a) > 1", 0, "for metrics only"),
        ("tags.a = 'x", 9, "no closing quote"),
        ("metrics.a > 1x", 12, "no number"),
        ("metrics.a > 1; drop table run", 13, "';' has no meaning"),
        ("1 < metrics.a", 0, "expected a field"),
        ("tags.a ~ '" + "x" * 501 + "'", 9, "longer than 500"),
        ("(" * 60 + "metrics.a > 1" + ")" * 60, 50, "more than 50 levels"),
        (" or ".join(["metrics.a > 1"] * 201), 201 * 17 - 17, "more than 200 comparisons"),
        ("x" * 10_001, 79, "longer than 10,000"),
    ],
)
def test_mistakes_are_pointed_at(text: str, column: int, reason: str) -> None:
    with pytest.raises(FilterError) as caught:
        parse_filter(text)
    assert reason in caught.value.reason
    assert caught.value.column == column


@given(st.text("metrics.a >=<!~()'\"`\\,0123456789eE+-andornot inlike\n", max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(FilterError):
        parse_filter(text)


def test_values_are_bound_and_never_become_sql(filled: Store) -> None:
    for field in ("tags.a", "params.`x' OR 1=1 --`", "name"):
        assert filled.count(f'{field} = "\' OR 1=1 --"') == 0
    assert filled.count() == len(RUNS)


def test_patterns_that_only_python_can_read(filled: Store) -> None:
    with contextlib.suppress(FilterError):
        assert filled.count('name ~ "(?<=a)b"') == sum("ab" in run["name"] for run in RUNS)


def test_the_largest_filters_run(filled: Store) -> None:
    assert filled.count(" or ".join(["params.a = 1"] * 200)) == filled.count("params.a = 1")
    assert filled.count("not " * 49 + "params.a = 1") == len(RUNS) - filled.count("params.a = 1")


@pytest.mark.parametrize("pattern", ["(a+)+b", "(a|aa)*", "((a+)b)*", "(a?){9}", "(?:a+)+"])
def test_patterns_whose_time_may_explode_are_refused(pattern: str) -> None:
    with pytest.raises(FilterError, match="may take forever"):
        parse_filter(f'name ~ "{pattern}"')


@pytest.mark.parametrize(
    "pattern", ["^run-[0-9]+$", "(?:ab)+", "a(b+)c+", "[(+]+x", r"\\(a+\\)+", "(?i)foo.*bar", "(x+)?"]
)
def test_usual_patterns_are_not_refused(pattern: str) -> None:
    assert parse_filter(f'name ~ "{pattern}"') is not None


def test_a_filter_is_text() -> None:
    with pytest.raises(FilterError, match="a filter is text such as"):
        parse_filter(5)  # type: ignore[arg-type]
