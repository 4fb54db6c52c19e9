"""Runs in groups: mean and spread over all runs of a group, on SQLite and PostgreSQL."""

from __future__ import annotations

import math
import statistics

import pytest
from store_fixtures import Writer

from autotrack.backends.sql import SqlBackend
from autotrack.errors import FilterError
from autotrack.records import Param, ParamsLogged, TagsSet
from autotrack.store import Store, grouping
from autotrack.store.filters.syntax import Field
from autotrack.store.grouping import Group, read_groups
from autotrack.store.queries import Search

KIND, TEAM, LOSS = Field("param", "kind"), Field("tag", "team"), Field("metric", "loss")
SCORES = [0.5, 0.7, 0.9, math.nan, 0.1, 0.3, 1e9, math.inf]


@pytest.fixture(autouse=True)
def runs(backend: SqlBackend) -> None:
    """Write eight runs: six of two kinds, and two of none; the last three without a tag."""
    for number, score in enumerate(SCORES):
        writer = Writer(f"{number:032x}")
        records = [
            writer.started(time=number, name=f"run-{number}", experiment="e" if number < 4 else "f"),
            writer.metrics(step=0, loss=score, **({"other": 1.0} if number else {})),
        ]
        if number < 6:
            records.append(writer.place(ParamsLogged(time=1, params={"kind": Param("ab"[number % 2], "str")})))
        if number < 5:
            records.append(writer.place(TagsSet(time=1, tags={"team": "x,\uf8ff\0 y"})))
        backend.write(records)


def by_first(groups: list[Group]) -> dict[object, Group]:
    return {value.text if isinstance(value := group.values[0], Param) else value: group for group in groups}


@pytest.mark.parametrize("selective", [0, 500])
def test_groups_are_over_all_runs(store: Store, monkeypatch: pytest.MonkeyPatch, selective: int) -> None:
    monkeypatch.setattr(grouping, "SELECTIVE", selective)
    groups = by_first(read_groups(store, Search(), [KIND], [LOSS, Field("metric", "no")]))
    assert groups.keys() == {"a", "b", None}
    spread, none = groups["a"].spreads
    assert (groups["a"].runs, spread.count, none.count) == (3, 3, 0)
    assert spread.mean == pytest.approx(statistics.mean([0.5, 0.9, 0.1]))
    assert spread.std == pytest.approx(statistics.stdev([0.5, 0.9, 0.1]))
    spread = groups["b"].spreads[0]
    assert (groups["b"].runs, spread.count, spread.min, spread.max) == (3, 2, 0.3, 0.7)
    endless = groups[None].spreads[0]
    assert (endless.count, endless.mean, endless.min) == (2, math.inf, 1e9)
    assert math.isnan(endless.std)


def test_groups_of_several_fields(store: Store) -> None:
    groups = read_groups(store, Search(), [KIND, TEAM, Field("attribute", "experiment")], [])
    found = {(by_first([group]).popitem()[0], *group.values[1:]): group.runs for group in groups}
    team = "x,\uf8ff\0 y"
    assert found == {
        ("a", team, "e"): 2,
        ("b", team, "e"): 2,
        ("a", team, "f"): 1,
        ("b", None, "f"): 1,
        (None, None, "f"): 2,
    }


def test_groups_by_a_metric_tell_nan_from_none(store: Store) -> None:
    groups = read_groups(store, Search(), [LOSS, Field("metric", "other")], [])
    without = [group.values for group in groups if group.values[1] is None]
    assert without == [(0.5, None)]
    assert sum(isinstance(value := group.values[0], float) and math.isnan(value) for group in groups) == 1
    assert len(groups) == 8


def test_groups_of_a_filter(store: Store) -> None:
    (group,) = read_groups(store, Search('params.kind = "a" and name != "run-0"'), [KIND], [LOSS])
    assert (group.runs, group.spreads[0].mean) == (2, pytest.approx(0.5))
    assert read_groups(store, Search('name = "nobody"'), [KIND], [LOSS]) == []
    with pytest.raises(FilterError):
        read_groups(store, Search("name ="), [KIND], [LOSS])
