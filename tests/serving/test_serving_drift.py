"""Drift: what the index and the test say of the same data, of other data, and of small samples."""

from __future__ import annotations

import math
import threading
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from autotrack.capture.data import fingerprint
from autotrack.capture.data_distribution import describe_table, describe_texts
from autotrack.serving.drift import measure_drift, p_value, stability_index
from autotrack.serving.sampling import ROWS, Reservoir, Sampler


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(11)


def of_numbers(values: Any) -> dict[str, Any]:
    return describe_table(["x"], np.asarray(values, dtype=float).reshape(-1, 1))["x"]


def test_the_index_is_the_formula() -> None:
    expected, seen = [50, 30, 20], [20, 30, 50]
    by_hand = 0.3 * math.log(0.5 / 0.2) * 2
    assert stability_index(expected, seen) == pytest.approx(by_hand)
    assert stability_index(expected, expected) == 0


def test_the_p_value_is_that_of_scipy(generator: np.random.Generator) -> None:
    for shift in (0.0, 0.1, 0.2):
        one, other = generator.normal(size=400), generator.normal(shift, size=300)
        known = stats.ks_2samp(one, other, method="asymp")
        assert p_value(known.statistic, 400, 300) == pytest.approx(known.pvalue, abs=0.02)


def test_the_distance_is_near_that_of_the_whole_data(generator: np.random.Generator) -> None:
    before, since = generator.normal(size=2_000), generator.normal(0.5, 1.2, size=1_000)
    drift = measure_drift("x", of_numbers(before), since.tolist())
    exact = stats.ks_2samp(before, since).statistic
    assert exact - 0.05 <= drift.ks <= exact + 1e-9
    assert drift.verdict != "stable"


@pytest.mark.parametrize("size", [30, 200, 5_000])
def test_chance_is_not_called_drift(size: int, generator: np.random.Generator) -> None:
    verdicts = []
    for _ in range(100):
        before = of_numbers(generator.normal(size=300))
        verdicts.append(measure_drift("x", before, generator.normal(size=size).tolist()).verdict)
    assert verdicts.count("stable") >= 98


def test_another_distribution_is_called_drift(generator: np.random.Generator) -> None:
    before = of_numbers(generator.normal(size=300))
    assert measure_drift("x", before, generator.normal(1.5, size=300).tolist()).verdict == "major"
    gone = [None] * 150 + generator.normal(size=150).tolist()
    drift = measure_drift("x", before, gone)
    assert (drift.missing, drift.verdict) == (0.5, "major")
    assert measure_drift("x", before, ["text"] * 300).verdict == "major"


def test_few_values_are_compared_one_by_one() -> None:
    before = of_numbers([0.0] * 50 + [1.0] * 50)
    assert before["values"] == {"0": 50, "1": 50}
    assert measure_drift("x", before, [True] * 50 + [0] * 50).psi == pytest.approx(0, abs=0.01)
    drift = measure_drift("x", before, [1] * 100)
    assert drift.ks == pytest.approx(0.5)
    assert drift.verdict == "major"
    texts = describe_texts(["a", "b"] * 50)
    assert measure_drift("x", texts, ["a", "b"] * 50).verdict == "stable"
    assert measure_drift("x", texts, ["c"] * 100).verdict == "major"


@given(
    before=st.lists(st.floats(-1e9, 1e9) | st.just(math.nan), min_size=1),
    since=st.lists(st.floats(-1e9, 1e9) | st.none(), min_size=1),
)
def test_any_numbers_have_a_finite_index(before: list[float], since: list[float | None]) -> None:
    drift = measure_drift("x", of_numbers(before), since)
    assert math.isfinite(drift.psi)
    assert drift.psi >= 0
    assert drift.ks is None or 0 <= drift.ks <= 1


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=200))
def test_data_have_not_drifted_from_themselves(values: list[int]) -> None:
    drift = measure_drift("x", of_numbers(values), values)
    assert drift.verdict == "stable"
    assert drift.psi == pytest.approx(0, abs=1e-9)


def test_fingerprints_have_distributions_of_what_repeats_and_of_numbers() -> None:
    table = pd.DataFrame(
        {
            "age": np.arange(100.0),
            "plan": ["pro", "basic"] * 50,
            "kind": pd.Categorical(["x"] * 99 + [None]),
            "name": [f"person {at}" for at in range(100)],
            "when": pd.date_range("2024-01-01", periods=100),
        }
    )
    found = fingerprint(table).profile["distributions"]
    assert set(found) == {"age", "plan", "kind"}
    assert found["age"]["quantiles"][0::10] == [0.0, 49.0, 99.0]
    assert found["plan"]["values"] == {"basic": 50, "pro": 50}
    assert found["kind"] == {"count": 100, "missing": 1, "values": {"x": 99}}
    array = fingerprint(np.column_stack([np.arange(60), np.arange(60) % 2])).profile["distributions"]
    assert array["1"]["values"] == {"0": 30, "1": 30}
    assert "distributions" not in fingerprint(np.zeros((4, 300))).profile
    assert "distributions" not in fingerprint(np.array([["person 1"], ["person 2"]], dtype=object)).profile


def test_a_reservoir_draws_every_item_with_the_same_chance() -> None:
    counts = np.zeros(200)
    random = np.random.default_rng(5)
    for _ in range(400):
        reservoir = Reservoir(20, random)
        for start in range(0, 200, 50):
            reservoir.offer(50, lambda at, start=start: [start + one for one in at])
        drawn = reservoir.take()
        assert drawn == sorted(drawn) or len(set(drawn)) == 20
        counts[drawn] += 1
    assert stats.chisquare(counts).pvalue > 1e-4


def test_a_sampler_keeps_few_rows_and_counts_all() -> None:
    sampler = Sampler()
    state = np.random.get_state()[1].tolist()
    table = pd.DataFrame({"a": range(100), "b": [None, "x"] * 50})

    def observe() -> None:
        for _ in range(25):
            sampler.observe(table, np.arange(100), 0.01)

    threads = [threading.Thread(target=observe) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    window = sampler.take(100, 0)
    assert (window.rows, len(window.sample), len(window.seconds)) == (10_000, ROWS, 100)
    row = msgspec.json.decode(window.sample[0])
    assert row["inputs"]["a"] == row["predictions"]["prediction"]
    assert sampler.take(0, 0).sample == []
    assert np.random.get_state()[1].tolist() == state


@pytest.mark.parametrize(
    ("data", "inputs"),
    [
        ({"a": [1, 2]}, {"a": 1}),
        ([{"a": 1}, {"a": 2}], {"a": 1}),
        ([[1, 2], [3, 4]], {"0": 1, "1": 2}),
        (np.array([[1, 2], [3, 4]]), {"0": 1, "1": 2}),
        (np.zeros((2, 4, 4)), None),
        ({"x": np.zeros((2, 2)), "y": [1, 2]}, None),
        (["a document", "another"], None),
    ],
)
def test_rows_of_every_kind_of_input(data: Any, inputs: dict[str, Any] | None) -> None:
    sampler = Sampler()
    sampler.observe(data, [5, 6], 0.01)
    sample = [msgspec.json.decode(row) for row in sampler.take(1, 0).sample]
    assert [row["inputs"] for row in sample][:1] in ([inputs], [])
    assert bool(sample) == (inputs is not None)
