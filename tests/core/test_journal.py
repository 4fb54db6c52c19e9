"""Journals give back every record they took, whatever happens to their bytes afterwards."""

from __future__ import annotations

import math
import os
import struct
import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotrack.errors import JournalError
from autotrack.journal import Journal, create_journal
from autotrack.journal_reader import journal_files, read_header, read_records
from autotrack.records import MetricsLogged, NoteLogged, Param, ParamsLogged, Record

RUN = "0" * 32


def point(step: int, value: float = 0.5) -> MetricsLogged:
    return MetricsLogged(time=step, metrics={"loss": value}, step=step)


def written(directory: Path, count: int) -> Journal:
    journal = create_journal(directory, RUN, "owner", ("home",))
    for step in range(count):
        journal.append(point(step))
    return journal


def read_all(journal: Journal, limit: int = 10_000) -> tuple[list[Record], int]:
    records: list[Record] = []
    offset = damaged = 0
    while True:
        found, position = read_records(journal.path, journal.header, offset, limit)
        records += found
        damaged += position.damaged
        if position.offset == offset:
            return records, damaged
        offset = position.offset


def test_records_come_back_in_order_and_know_where_they_stand(tmp_path: Path) -> None:
    journal = written(tmp_path, 5)
    records, damaged = read_all(journal)
    assert [record.step for record in records] == [0, 1, 2, 3, 4]
    assert damaged == 0
    assert {(record.run_id, record.writer) for record in records} == {(RUN, journal.header.writer)}
    assert sorted({record.seq for record in records}) == [record.seq for record in records]
    assert read_header(journal.path) == journal.header
    journal.close()


def test_reading_in_small_bites_gives_the_same(tmp_path: Path) -> None:
    journal = written(tmp_path, 50)
    assert read_all(journal, limit=7) == read_all(journal)
    journal.close()


def test_a_reader_follows_a_growing_file(tmp_path: Path) -> None:
    journal = written(tmp_path, 2)
    _, position = read_records(journal.path, journal.header)
    journal.append(point(2))
    records, _ = read_records(journal.path, journal.header, position.offset)
    assert [record.step for record in records] == [2]
    journal.close()


def test_records_longer_than_a_read_block_survive(tmp_path: Path) -> None:
    journal = create_journal(tmp_path, RUN, "owner", ())
    journal.append(ParamsLogged(time=1, params={"big": Param("x" * 3_000_000, "str")}))
    journal.append(point(1))
    records, damaged = read_all(journal)
    assert len(records[0].params["big"].text) == 3_000_000
    assert records[1].step == 1
    assert damaged == 0
    journal.close()


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308])
def test_floats_survive_bit_for_bit(tmp_path: Path, value: float) -> None:
    journal = create_journal(tmp_path, RUN, "owner", ())
    journal.append(point(0, value))
    (record,), _ = read_all(journal)
    assert struct.pack("<d", record.metrics["loss"]) == struct.pack("<d", value)
    journal.close()


@settings(max_examples=60)
@given(data=st.data())
def test_damage_costs_only_the_records_it_touches(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    journal = written(tmp_path_factory.mktemp("journal"), 30)
    whole, _ = read_all(journal)
    content = bytearray(journal.path.read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(1, 60))
    for at in range(start, min(start + length, len(content))):
        content[at] ^= data.draw(st.integers(1, 255))
    journal.path.write_bytes(content)
    survivors = {record.seq for record in read_all(journal)[0]}
    ends = [record.seq for record in whole[1:]] + [len(content)]
    untouched = {
        record.seq for record, end in zip(whole, ends, strict=True) if end <= start or record.seq >= start + length
    }
    assert untouched <= survivors
    journal.close()


@given(keep=st.integers(0, 400))
@settings(max_examples=60)
def test_a_truncated_journal_gives_what_is_whole(keep: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    journal = written(tmp_path_factory.mktemp("journal"), 10)
    whole, _ = read_all(journal)
    content = journal.path.read_bytes()
    keep = min(keep, len(content))
    journal.path.write_bytes(content[:keep])
    ends = [record.seq for record in whole[1:]] + [len(content)]
    expected = [record.seq for record, end in zip(whole, ends, strict=True) if end <= keep]
    assert [record.seq for record in read_all(journal)[0]] == expected
    journal.close()


def test_a_lost_header_is_made_up_for_by_the_file_name(tmp_path: Path) -> None:
    journal = written(tmp_path, 3)
    content = bytearray(journal.path.read_bytes())
    content[20] ^= 255
    journal.path.write_bytes(content)
    header = read_header(journal.path)
    assert (header.run_id, header.writer) == (RUN, journal.header.writer)
    records, position = read_records(journal.path, header)
    assert [record.step for record in records] == [0, 1, 2]
    assert position.damaged > 0
    journal.close()


def test_threads_share_a_journal(tmp_path: Path) -> None:
    journal = create_journal(tmp_path, RUN, "owner", ())
    threads = [
        threading.Thread(target=lambda base=base: [journal.append(point(base + at)) for at in range(500)])
        for base in range(0, 4000, 500)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    records, damaged = read_all(journal)
    assert sorted(record.step for record in records) == list(range(4000))
    assert damaged == 0
    journal.close()


def test_a_full_disk_leaves_whole_records_only(tmp_path: Path) -> None:
    script = f"""
import resource, signal
from pathlib import Path
from autotrack.journal import create_journal
from autotrack.journal_reader import read_records
from autotrack.records import NoteLogged
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
journal = create_journal(Path({str(tmp_path)!r}), "0" * 32, "owner", ())
kept = 0
try:
    while True:
        journal.append(NoteLogged(time=1, code="x", message="y" * 300))
        kept += 1
except OSError:
    pass
records, position = read_records(journal.path, journal.header)
assert len(records) == kept > 20, (len(records), kept)
assert position.damaged == 0 and position.offset == journal.path.stat().st_size
"""
    import subprocess
    import sys

    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_a_closed_journal_says_so(tmp_path: Path) -> None:
    journal = written(tmp_path, 1)
    journal.close()
    journal.close()
    with pytest.raises(JournalError, match="closed"):
        journal.append(NoteLogged(time=1, code="x", message="y"))


def test_files_are_private_and_sorted_by_run(tmp_path: Path) -> None:
    late = create_journal(tmp_path, "1" * 32, "owner", ())
    early = create_journal(tmp_path, "0" * 32, "owner", ())
    assert list(journal_files(tmp_path)) == [early.path, late.path]
    assert os.stat(early.path).st_mode & 0o777 == 0o600
    early.close()
    late.close()
