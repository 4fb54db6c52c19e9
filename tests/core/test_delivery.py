"""Delivery: every record reaches every backend, in order, whatever the backends do meanwhile."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from autotrack.backends.base import Backend
from autotrack.delivery import Delivery
from autotrack.errors import RetryableError, StoreUnavailableError
from autotrack.follower import Follower, Track
from autotrack.journal import Journal, create_journal
from autotrack.records import AnyRecord, MetricsLogged
from autotrack.testing import FakeClock, MemoryBackend

RUN = "0" * 32


class Flaky(MemoryBackend):
    """A backend in memory that refuses as often as it is told to."""

    def __init__(self, refusals: Sequence[Exception] = (), poison: float | None = None) -> None:
        super().__init__()
        self.refusals = list(refusals)
        self.poison = poison
        self.offers = 0

    def write(self, records: Sequence[AnyRecord]) -> None:
        self.offers += 1
        if self.refusals:
            raise self.refusals.pop(0)
        for record in records:
            if isinstance(record, MetricsLogged) and record.metrics.get("loss") == self.poison:
                raise ValueError("poison")
        super().write(records)


def journal_with(directory: Path, steps: Sequence[int], targets: tuple[str, ...] = ("a",)) -> Journal:
    journal = create_journal(directory, RUN, "owner", targets)
    for step in steps:
        append(journal, step)
    return journal


def append(journal: Journal, step: int) -> None:
    journal.append(MetricsLogged(time=step, metrics={"loss": float(step)}, step=step))


def delivery(backends: dict[str, Callable[[], Backend]]) -> tuple[Delivery, list[tuple[str, str, str]]]:
    notes: list[tuple[str, str, str]] = []
    made = Delivery(backends, lambda *note: notes.append(note))
    made.start()
    return made, notes


def steps(backend: MemoryBackend) -> list[int]:
    return [record.step for record in backend.records if isinstance(record, MetricsLogged)]


def test_everything_reaches_all_backends_and_the_journal_goes(tmp_path: Path) -> None:
    first, second = Flaky(), Flaky()
    made, _ = delivery({"a": lambda: first, "b": lambda: second})
    journal = journal_with(tmp_path, range(100), ("a", "b"))
    made.add(journal.path, journal.header, journal)
    append(journal, 100)
    journal.close()
    assert made.close(5)
    assert steps(first) == steps(second) == list(range(101))
    assert list(tmp_path.iterdir()) == []


def test_a_flush_waits_for_what_was_logged_before(tmp_path: Path) -> None:
    backend = Flaky()
    made, _ = delivery({"a": lambda: backend})
    journal = journal_with(tmp_path, [0])
    made.add(journal.path, journal.header, journal)
    for step in range(1, 20):
        append(journal, step)
        assert made.flush(5)
        assert steps(backend) == list(range(step + 1))
    journal.close()
    assert made.close(5)


def test_a_backend_that_cannot_now_gets_everything_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("autotrack.follower.FIRST_DELAY", 0.01)
    backend = Flaky([RetryableError("busy"), RetryableError("busy", retry_after=0.01), RetryableError("busy")])
    made, notes = delivery({"a": lambda: backend})
    journal = journal_with(tmp_path, range(10))
    made.add(journal.path, journal.header, journal)
    assert made.flush(10)
    assert steps(backend) == list(range(10))
    assert notes == []
    journal.close()
    assert made.close(5)


def test_one_backend_out_of_order_does_not_stop_another(tmp_path: Path) -> None:
    def unreachable() -> Backend:
        raise StoreUnavailableError("no such host")

    backend = Flaky()
    made, _ = delivery({"down": unreachable, "up": lambda: backend})
    journal = journal_with(tmp_path, range(10), ("down", "up"))
    made.add(journal.path, journal.header, journal)
    journal.close()
    started = time.monotonic()
    assert not made.close(5)
    assert time.monotonic() - started < 5
    assert steps(backend) == list(range(10))
    assert journal.path.exists(), "what was not delivered stays on disk"


def test_a_record_that_is_refused_for_good_is_parked_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOTRACK_TESTING", "0")
    backend = Flaky(poison=7.0)
    made, notes = delivery({"a": lambda: backend})
    journal = journal_with(tmp_path, range(20))
    made.add(journal.path, journal.header, journal)
    journal.close()
    assert made.close(5)
    assert steps(backend) == [step for step in range(20) if step != 7]
    ((run_id, code, message),) = notes
    assert (run_id, code) == (RUN, "delivery.parked")
    assert "poison" in message
    (parked,) = (tmp_path / "parked").iterdir()
    assert parked.stat().st_size > 0


def test_the_circuit_opens_and_waits_longer_and_longer(tmp_path: Path) -> None:
    clock = FakeClock()
    backend = Flaky([RetryableError("down")] * 7)
    follower = Follower("a", lambda: backend, lambda track: None, lambda *note: None, clock=clock)
    journal = journal_with(tmp_path, [0])
    follower.tracks.append(Track(journal.path, journal.header, "a", journal))
    states = []
    while follower.failures or not backend.records:
        if clock() >= follower.retry_at:
            follower.step()
            states.append(follower.state)
        clock.advance(0.1)
        assert clock() < 600
    assert states == ["retrying"] * 4 + ["open"] * 3 + ["ok"]
    journal.close()


def test_the_other_sides_wish_to_wait_is_honoured(tmp_path: Path) -> None:
    clock = FakeClock()
    backend = Flaky([RetryableError("slow down", retry_after=42.0)])
    follower = Follower("a", lambda: backend, lambda track: None, lambda *note: None, clock=clock)
    journal = journal_with(tmp_path, [0])
    follower.tracks.append(Track(journal.path, journal.header, "a", journal))
    assert not follower.step()
    assert follower.retry_at == 42.0
    journal.close()


def test_a_new_process_goes_on_where_the_last_one_stopped(tmp_path: Path) -> None:
    backend = Flaky()
    follower = Follower("a", lambda: backend, lambda track: None, lambda *note: None)
    journal = journal_with(tmp_path, range(5))
    follower.tracks.append(Track(journal.path, journal.header, "a", journal))
    assert follower.step()
    again = Track(journal.path, journal.header, "a")
    assert again.offset == journal.size
    append(journal, 5)
    assert [record.step for record in again.read(100)[0]] == [5]
    journal.close()


def test_damage_is_counted_and_said(tmp_path: Path) -> None:
    backend = Flaky()
    journal = journal_with(tmp_path, range(10))
    journal.close()
    content = bytearray(journal.path.read_bytes())
    content[-60] ^= 255
    journal.path.write_bytes(content)
    made, notes = delivery({"a": lambda: backend})
    made.add(journal.path, journal.header)
    assert made.close(5)
    assert len(steps(backend)) == 9
    assert [code for _, code, _ in notes] == ["journal.damaged"]


def test_exit_is_quick_when_a_backend_hangs(tmp_path: Path) -> None:
    class Hanging(MemoryBackend):
        def write(self, records: Sequence[AnyRecord]) -> None:
            time.sleep(3)

    made, _ = delivery({"a": Hanging})
    journal = journal_with(tmp_path, [0])
    made.add(journal.path, journal.header, journal)
    journal.close()
    started = time.monotonic()
    assert not made.close(0.3)
    assert time.monotonic() - started < 1
    time.sleep(3)  # let the thread end, for the check that tests leave none behind
