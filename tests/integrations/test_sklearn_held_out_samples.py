"""An array is known again by its sample, and what was derived from it too; anything else is not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotrack.held_out.samples import digest, follows

seeds = st.integers(0, 2**32 - 1)


@given(seed=seeds, rows=st.integers(1, 10_000))
def test_digest_is_of_the_content(seed: int, rows: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 3, rows)
    forms: list[Any] = [
        labels.copy(),
        labels.tolist(),
        labels.astype(float),
        labels.astype("int8"),
        labels.astype(object),
    ]
    assert {digest(form) for form in forms} == {digest(labels)}
    assert digest(labels[:-1]) != digest(labels)
    assert digest(labels + 1) != digest(labels)


def test_digest_of_names_and_of_what_is_no_array() -> None:
    assert digest(["a", "b"]) == digest(np.array(["a", "b"], dtype=object))
    assert digest(["a", "b"]) != digest(["b", "a"])
    assert [digest(value) for value in (None, 3, "text", {"a": 1})] == [None] * 4


@given(seed=seeds, rows=st.integers(20, 1000), threshold=st.floats(0.2, 0.8))
def test_what_is_derived_follows(seed: int, rows: int, threshold: float) -> None:
    scores = np.random.default_rng(seed).random((rows, 2))
    labels = scores[:, 1] > threshold
    if labels.all() or not labels.any():
        return
    assert follows(labels, scores, scores=True)
    assert follows(~labels, scores, scores=True)
    assert follows(np.array(["no", "yes"])[labels.astype(int)], scores, scores=True)
    assert follows(np.log(scores[:, 1]), scores, scores=True)
    assert follows(np.array(["no", "yes"])[labels.astype(int)], labels, scores=False)


@given(seed=seeds)
def test_what_is_drawn_by_hand_does_not_follow(seed: int) -> None:
    generator = np.random.default_rng(seed)
    scores, labels = generator.random(200), generator.integers(0, 2, 200)
    assert not follows(labels, scores, scores=True)
    assert not follows(generator.permutation(labels), labels, scores=False)
    assert not follows(np.zeros(200), scores, scores=True)


@pytest.mark.parametrize("rows", [3, 200])
def test_classes_of_most_probability_follow(rows: int) -> None:
    proba = np.random.default_rng(0).dirichlet([1, 1, 1], rows)
    found = follows(np.array(["a", "b", "c"])[proba.argmax(axis=1)], proba, scores=True)
    assert found == (rows > 3)  # of three rows it would say nothing
