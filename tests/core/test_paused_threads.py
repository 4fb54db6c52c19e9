"""A pause holds for the threads that are started in it, and for no longer than it lasts."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import autotrack
from autotrack.active import is_paused


@pytest.fixture(autouse=True)
def enabled() -> Iterator[None]:
    autotrack.enable(to=f"memory://{os.urandom(4).hex()}", only=["sklearn"], capture=[], log_system_metrics=False)
    yield
    autotrack.disable()


def seen_in_thread() -> bool:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(is_paused()))
    thread.start()
    thread.join()
    return found[0]


def test_threads_started_in_a_pause_are_paused() -> None:
    assert not seen_in_thread()
    with autotrack.paused():
        assert seen_in_thread()
        with autotrack.paused():
            assert seen_in_thread()
        assert seen_in_thread()
    assert not seen_in_thread()


def test_threads_of_a_paused_thread_are_paused() -> None:
    with autotrack.paused(), ThreadPoolExecutor(1) as pool:
        assert pool.submit(seen_in_thread).result()


def test_a_thread_that_outlives_the_pause_records_again() -> None:
    with ThreadPoolExecutor(1) as pool:
        with autotrack.paused():
            with autotrack.paused():
                assert pool.submit(is_paused).result()  # here the pool starts its thread
            assert pool.submit(is_paused).result()
        assert not pool.submit(is_paused).result()


def test_a_thread_pauses_for_itself() -> None:
    with ThreadPoolExecutor(1) as pool:

        def pause_inside() -> tuple[bool, bool]:
            with autotrack.paused():
                inside = is_paused()
            return inside, is_paused()

        with autotrack.paused():
            assert pool.submit(pause_inside).result() == (True, True)
        assert pool.submit(pause_inside).result() == (True, False)
    assert not is_paused()
