"""What backends remember on disk: it survives the process, and its loss is no loss of data."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from autotrack.backends.ledger import Entry, Ledger


def test_entries_survive_and_targets_do_not_mix(tmp_path: Path) -> None:
    first = Ledger(tmp_path, "http://one")
    assert first.load("r") == Entry()
    first.save("r", Entry(ids={"run": "1"}, writers={"w": 2**62}))
    first.close()
    first.close()
    again, other = Ledger(tmp_path, "http://one"), Ledger(tmp_path, "http://two")
    assert (again.load("r"), other.load("r")) == (Entry(ids={"run": "1"}, writers={"w": 2**62}), Entry())
    again.save("r", Entry(ids={"run": "2"}))
    assert again.load("r").ids == {"run": "2"}
    again.close()
    other.close()


def test_two_processes_may_write(tmp_path: Path) -> None:
    one, two = Ledger(tmp_path, "t"), Ledger(tmp_path, "t")
    for at in range(20):
        (one, two)[at % 2].save(f"r{at}", Entry(ids={"run": str(at)}))
    assert [one.load(f"r{at}").ids["run"] for at in range(20)] == [str(at) for at in range(20)]
    one.close()
    two.close()


def test_a_damaged_file_is_begun_anew(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Ledger(tmp_path, "t").close()
    [file] = (tmp_path / "remote").glob("*.db")
    file.write_bytes(b"nonsense" * 1_000)
    with caplog.at_level(logging.WARNING):
        ledger = Ledger(tmp_path, "t")
    assert "begun anew" in caplog.text
    ledger.save("r", Entry(ids={"run": "1"}))
    assert ledger.load("r").ids == {"run": "1"}
    ledger.close()
