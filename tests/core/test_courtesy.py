"""Background threads let short trainings go first, and never wait long."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from autotrack import courtesy


@contextmanager
def training() -> Iterator[None]:
    call = object()
    courtesy.training_begins(call)
    yield
    courtesy.training_ends(call)


@pytest.fixture(autouse=True)
def quiet_before() -> None:
    time.sleep(courtesy.AFTERMATH)
    assert not courtesy.is_busy()


def test_a_training_is_waited_for_until_just_after_its_end() -> None:
    with training():
        assert courtesy.is_busy()
    assert courtesy.is_busy()  # the next one may follow
    time.sleep(courtesy.AFTERMATH * 1.1)
    assert not courtesy.is_busy()


def test_one_of_two_overlapping_trainings_may_end_first() -> None:
    with training():
        with training():
            pass
        time.sleep(courtesy.AFTERMATH * 1.1)
        assert courtesy.is_busy()


def test_a_long_training_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "SHORT", 0.01)
    with training():
        time.sleep(0.02)
        assert not courtesy.is_busy()


def test_nobody_waits_where_nothing_is_trained() -> None:
    courtesy.give_way(lambda seconds: pytest.fail("there was nothing to wait for"))


def test_who_waits_for_results_ends_the_wait() -> None:
    hurry = threading.Event()
    hurry.set()
    with training():
        courtesy.give_way(hurry.wait)  # else the test would end at its time limit of patience


def test_patience_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(courtesy, "PATIENCE", 0.02)
    looks = []

    def look(seconds: float) -> None:
        looks.append(seconds)
        time.sleep(0.01)

    with training():
        courtesy.give_way(look)
    assert 1 <= len(looks) <= 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_process_does_not_wait_for_trainings_of_its_parent() -> None:
    with training():
        child = os.fork()
        if child == 0:
            os._exit(0 if not courtesy._began else 1)
        assert os.waitpid(child, 0)[1] == 0
