"""The SQL backend: each record exactly once, whatever happens to the process, the file or the server."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, event, text
from store_fixtures import Writer

from autotrack.backends import BackendContext
from autotrack.backends.sql import SqlBackend
from autotrack.errors import RetryableError
from autotrack.records import AnyRecord, ArtifactLogged, NoteLogged, Param, ParamsLogged, RunStarted, TagsSet
from autotrack.store import Store
from autotrack.store import engine as store_engine
from autotrack.store.rows import RunRow


def _everything(writer: Writer) -> list[AnyRecord]:
    return [
        writer.started(tags={"a": "1"}),
        writer.place(ParamsLogged(time=1, params={"C": Param("1.0", "float")})),
        *(writer.metrics(step=step, loss=step / 8, acc=-0.0) for step in range(1_500)),
        writer.place(TagsSet(time=2, tags={"a": None, "b": "2"})),
        writer.place(NoteLogged(time=3, code="c", message="m")),
        writer.metrics(step=3, loss=1.0),
        writer.ended(),
        writer.metrics(step=4, loss=2.0),
    ]


def _state(store: Store, run_id: str) -> tuple[RunRow, object, object, object]:
    history = [column.tobytes() for column in store.metric_history(run_id, "loss")]
    return store.find_run(run_id), history, store.metric_summaries(run_id), store.notes(run_id)


def test_a_run_is_stored(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    backend.write(_everything(writer))
    backend.flush()
    run = store.find_run(writer.run_id)
    assert (run.name, run.experiment, run.status, run.source) == ("amber-falcon-17", "e", "finished", "manual")
    assert (run.start_time, run.end_time, run.error) == (1_000, 2_000, None)
    assert (run.params, run.tags) == ({"C": Param("1.0", "float")}, {"b": "2"})
    assert (run.metrics["loss"], store.metric_summaries(writer.run_id)["loss"].count) == (1_499 / 8, 1_502)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 1_506), st.integers(1, 600)), max_size=5))
def test_batches_offered_again_change_nothing(backend: SqlBackend, store: Store, again: list[tuple[int, int]]) -> None:
    plain, repeated = Writer(os.urandom(16).hex()), Writer(os.urandom(16).hex())
    backend.write(_everything(plain))
    records = _everything(repeated)
    at = 0
    for back, size in again:
        start = max(0, at - back)
        backend.write(records[start : at + size])
        at = max(at, min(len(records), at + size))
    backend.write(records[at:] or records[-1:])
    backend.write(records)
    expected, found = _state(store, plain.run_id), _state(store, repeated.run_id)
    assert found[1:] == expected[1:]
    assert found[0].params == expected[0].params
    assert store.check() == []


def test_runs_whose_start_is_lost_are_made_up(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    backend.write([writer.metrics(time=7, loss=1.0)])
    run = store.find_run(writer.run_id)
    assert (run.name, run.experiment, run.status, run.source) == (writer.run_id[:8], "default", "running", None)
    assert (run.start_time, run.metrics) == (7, {"loss": 1.0})
    backend.write([writer.started(5, name="found", experiment="e")])
    run = store.find_run(writer.run_id)
    assert (run.name, run.experiment, run.source, run.start_time) == ("found", "e", "manual", 5)


def test_a_second_start_changes_only_tags(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    backend.write([writer.started(), writer.ended(), writer.started(9, name="other", tags={"t": "x"})])
    run = store.find_run(writer.run_id)
    assert (run.name, run.status, run.tags) == ("amber-falcon-17", "finished", {"t": "x"})


def test_a_resumed_run_is_running_again(backend: SqlBackend, store: Store) -> None:
    first = Writer()
    backend.write([first.started(), first.metrics(step=0, loss=1.0), first.ended(status="failed", error="Traceback")])
    second = Writer(name="second process")
    backend.write([second.started(50, resumed=True), second.metrics(step=1, loss=0.5)])
    run = store.find_run(first.run_id)
    assert (run.status, run.end_time, run.error, run.start_time) == ("running", None, None, 1_000)
    assert store.metric_history(first.run_id, "loss").values.tolist() == [1.0, 0.5]


def test_records_without_a_writer_are_applied_each_time(backend: SqlBackend, store: Store) -> None:
    note = NoteLogged(time=1, run_id="r", code="c", message="m")
    backend.write([RunStarted(time=0, run_id="r", name="n", experiment="e"), note, note])
    assert len(store.notes("r")) == 2


def test_files_are_hashed(backend: SqlBackend, store: Store, context: BackendContext) -> None:
    writer = Writer()
    folder = context.artifacts / writer.run_id
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(b"weights")
    (context.artifacts / "outside").write_bytes(b"secret")
    paths = ("model.bin", "gone.bin", "../outside", ".")
    backend.write([writer.started(), *(writer.place(ArtifactLogged(time=1, path=path, size=7)) for path in paths)])
    hashes = {row.path: row.sha256 for row in store.artifacts(writer.run_id)}
    assert hashes == dict.fromkeys(paths) | {"model.bin": hashlib.sha256(b"weights").hexdigest()}


def test_a_locked_store_asks_for_another_try(
    tmp_path: Path, context: BackendContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_engine, "BUSY_SECONDS", 0.05)
    backend, writer = SqlBackend(tmp_path, context), Writer()
    records = [writer.started(), writer.metrics(loss=1.0)]
    with Store.open(tmp_path) as store:
        with store._engine.begin(), pytest.raises(RetryableError, match="locked"):
            backend.write(records)
        backend.write(records)
        assert store.find_run("@last").metrics == {"loss": 1.0}
    backend.close()


def test_a_server_that_went_away_asks_for_another_try(backend: SqlBackend, store_url: str) -> None:
    if not store_url.startswith("postgresql"):
        pytest.skip("SQLite has no server")
    writer = Writer()
    backend.write([writer.started()])
    admin = create_engine(store_url.replace("postgresql://", "postgresql+psycopg://"))
    # The pool tests a connection before it gives it out, so this one has to break after that.
    event.listen(backend._engine, "begin", lambda _: _terminate_others(admin), once=True)
    record = writer.metrics(loss=1.0)
    with pytest.raises(RetryableError, match="cannot take records now"):
        backend.write([record])
    backend.write([record])
    admin.dispose()


def _terminate_others(admin: Engine) -> None:
    others = "pid <> pg_backend_pid() AND datname = current_database()"
    with admin.begin() as connection:
        connection.execute(text(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {others}"))


def test_a_store_deleted_in_use_is_begun_again(
    tmp_path: Path, context: BackendContext, caplog: pytest.LogCaptureFixture
) -> None:
    backend, writer = SqlBackend(tmp_path, context), Writer()
    backend.write([writer.started()])
    for path in tmp_path.glob("store.db*"):
        path.unlink()
    with caplog.at_level(logging.WARNING):
        backend.write([writer.metrics(loss=1.0)])
    assert "moved or deleted" in caplog.text
    with Store.open(tmp_path) as store:
        assert store.find_run("@last").metrics == {"loss": 1.0}
    backend.close()


def test_a_store_damaged_in_use_is_replaced(tmp_path: Path, context: BackendContext) -> None:
    backend, writer = SqlBackend(tmp_path, context), Writer()
    backend.write(_everything(writer))
    backend.flush()
    backend.close()  # the next write opens the file anew
    damage = f"import os; f = os.open({str(tmp_path / 'store.db')!r}, os.O_WRONLY); os.write(f, b'x' * 20000)"
    subprocess.run([sys.executable, "-c", damage], check=True)
    record = writer.metrics(loss=1.0)
    with pytest.raises(RetryableError, match="damaged"):
        backend.write([record])
    backend.write([record])
    assert len(list(tmp_path.glob("store.db.corrupt-*"))) >= 1
    with Store.open(tmp_path) as store:
        assert store.find_run("@last").metrics == {"loss": 1.0}
    backend.close()


WRITERS = """
import os, sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from autotrack.backends import BackendContext
from autotrack.backends.sql import SqlBackend
from autotrack.errors import RetryableError
from store_fixtures import Writer
import alembic.command, psycopg

def work(number):
    backend = SqlBackend(sys.argv[2], BackendContext(Path(), Path()))
    writer = Writer(f"{number:032x}")
    records = [writer.started(experiment=f"e{number % 3}")]
    records += [writer.metrics(step=step, loss=float(step), acc=-1.0) for step in range(500)]
    records += [writer.ended()]
    for at in range(0, len(records), 25):
        while True:
            try:
                backend.write(records[at : at + 25])
                break
            except RetryableError:
                time.sleep(0.01)
    backend.close()

children = []
for number in range(int(sys.argv[3])):
    pid = os.fork()
    if pid == 0:
        try:
            work(number)
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    children.append(pid)
print(sum(os.waitpid(pid, 0)[1] != 0 for pid in children))
"""


def test_many_processes_write_at_once(store_url: str) -> None:
    tests = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", WRITERS, tests, store_url, "32"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    assert done.stdout.split("\n")[:-1] == ["0"]
    with Store.open(store_url) as store:
        assert store.check() == []
        assert store.count('metrics.loss = 499 and count(metrics.acc) = 500 and status = "finished"') == 32
        for run in store.search(limit=3):
            assert store.metric_history(run.id, "loss").values.tolist() == [float(step) for step in range(500)]


ENDLESS = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from autotrack.backends import BackendContext
from autotrack.backends.sql import SqlBackend
from store_fixtures import Writer

backend = SqlBackend(sys.argv[2], BackendContext(Path(), Path()))
writer = Writer()
backend.write([writer.started()])
for batch in range(10**9):
    backend.write([writer.metrics(step=100 * batch + i, loss=0.5) for i in range(100)])
    print(batch + 1, flush=True)
"""


def test_killing_the_process_loses_nothing_that_was_written(store_url: str) -> None:
    command = [sys.executable, "-c", ENDLESS, str(Path(__file__).parents[1]), store_url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == 40:
            break
    os.kill(process.pid, signal.SIGKILL)
    written = max([40, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
    process.wait()
    process.stdout.close()
    with Store.open(store_url) as store:
        assert store.check() == []
        steps = store.metric_history("a" * 32, "loss").steps.tolist()
        assert len(steps) in {100 * written, 100 * (written + 1)}
        assert steps == list(range(len(steps)))


def test_a_failed_run_keeps_its_traceback(backend: SqlBackend, store: Store) -> None:
    writer = Writer()
    backend.write([writer.started(), writer.ended(status="failed", error="Traceback\nValueError: \x00")])
    assert store.find_run(writer.run_id).error == "Traceback\nValueError: \x00"
