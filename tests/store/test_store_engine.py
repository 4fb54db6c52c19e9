"""Opening a store: schema, permissions, many processes at once, damage, newer releases, reading only, forks."""

from __future__ import annotations

import logging
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text
from store_fixtures import Writer

from autotrack.backends.sql import SqlBackend
from autotrack.errors import NewerSchemaError, StoreUnavailableError
from autotrack.store import Store, migrate
from autotrack.store.damage import file_identity, set_aside
from autotrack.store.engine import open_engine
from autotrack.store.location import database_url
from autotrack.store.schema import HEAD, VERSION_TABLE, metadata


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("somewhere", "somewhere/store.db"),
        ("x/runs.db", "x/runs.db"),
        ("sqlite:///x/runs.db", "x/runs.db"),
        ("sqlite:///a%20b", "a b/store.db"),
        ("sqlite:////abs/x.db", "/abs/x.db"),
        (Path("p"), "p/store.db"),
    ],
)
def test_paths_name_stores(url: str, path: str, tmp_path: Path) -> None:
    found = database_url(url)
    assert found.drivername == "sqlite"
    assert found.database == str(tmp_path / path)


def test_a_directory_with_the_suffix_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "odd.db").mkdir()
    assert database_url("odd.db").database == str(tmp_path / "odd.db" / "store.db")


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg2"])
def test_postgresql_urls(scheme: str) -> None:
    url = database_url(f"{scheme}://me:secret@host:5433/runs")
    assert (url.drivername, url.host, url.port, url.database) == ("postgresql+psycopg", "host", 5433, "runs")


def test_an_unreadable_url_does_not_show_its_password() -> None:
    with pytest.raises(StoreUnavailableError) as caught:
        database_url("postgresql://me:secret@host:port/runs")
    assert "secret" not in str(caught.value)


def test_an_unreachable_server_does_not_show_its_password(tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreUnavailableError) as caught:
        open_engine(f"postgresql://me:secret@/x?host={tmp_path}")
    assert "secret" not in str(caught.value)


def _description(engine: Engine) -> dict[str, object]:
    inspector = inspect(engine)
    return {
        table: (
            [(c["name"], repr(c["type"]), c["nullable"], c["default"]) for c in inspector.get_columns(table)],
            inspector.get_pk_constraint(table)["constrained_columns"],
            [
                (key["constrained_columns"], key["referred_table"], key["options"])
                for key in inspector.get_foreign_keys(table)
            ],
            sorted(
                (i["name"], i["column_names"], i["unique"], str(i["dialect_options"].get(f"{engine.name}_where")))
                for i in inspector.get_indexes(table)
            ),
        )
        for table in inspector.get_table_names()
        if table != VERSION_TABLE
    }


def test_the_scripts_make_the_schema(store_url: str) -> None:
    engine = open_engine(store_url)
    migrated = _description(engine)
    metadata.drop_all(engine)
    metadata.create_all(engine)
    assert _description(engine) == migrated
    assert set(migrated) == set(metadata.tables)
    engine.dispose()


def test_the_scripts_write_the_same_ddl_as_the_schema(tmp_path: Path) -> None:
    migrated, plain = open_engine(tmp_path), create_engine("sqlite://")
    metadata.create_all(plain)
    statements = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE :own AND sql IS NOT NULL ORDER BY name"
    found = []
    for engine in (migrated, plain):
        with engine.connect() as connection:
            rows = connection.execute(text(statements), {"own": f"%{VERSION_TABLE}%"})
            # Columns that a later script added stand behind the constraints, so lines are compared in any order.
            found.append([(name, sorted(re.split(r",\s+(?![^()]*\))|\(\n\t|\n\)", sql))) for name, sql in rows])
        engine.dispose()
    assert found[0] == found[1]


def test_head_is_the_last_script() -> None:
    assert ScriptDirectory(str(migrate._scripts())).get_heads() == [HEAD]


def test_only_the_owner_may_read(tmp_path: Path, context: object) -> None:
    backend = SqlBackend(tmp_path / "new" / "home", context)  # type: ignore[arg-type]
    backend.write([Writer().started()])
    home = tmp_path / "new" / "home"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in home.iterdir()}
    backend.close()
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    assert modes == dict.fromkeys(["store.db", "store.db-wal", "store.db-shm", "store.db.lock"], 0o600)


FORKED = """
import os, sys
from autotrack.store import Store
import alembic.command
children = []
for _ in range(int(sys.argv[2])):
    pid = os.fork()
    if pid == 0:
        try:
            Store.open(sys.argv[1]).close()
            os._exit(0)
        except BaseException as error:
            print(repr(error), flush=True)
            os._exit(1)
    children.append(pid)
print(sum(os.waitpid(pid, 0)[1] != 0 for pid in children))
"""


def _forked(url: str, processes: int) -> list[str]:
    command = [sys.executable, "-c", FORKED, url, str(processes)]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.splitlines()


def test_many_processes_create_a_store_at_once(store_url: str) -> None:
    assert _forked(store_url, 64 if "://" not in store_url else 32) == ["0"]
    with Store.open(store_url) as store:
        assert store.check() == []


def _damaged(home: Path, how: str) -> bytes:
    home.mkdir()
    path = home / "store.db"
    if how == "text":
        path.write_bytes(b"this is no database, whatever it was\n" * 100)
    else:
        Store.open(home).close()
        data = bytearray(path.read_bytes())
        data[100:4096] = os.urandom(3996)
        path.write_bytes(data)
    return path.read_bytes()


@pytest.mark.parametrize("how", ["text", "first page"])
def test_a_damaged_file_is_moved_aside(tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    content = _damaged(tmp_path / "home", how)
    with caplog.at_level(logging.WARNING), Store.open(tmp_path / "home") as store:
        assert store.check() == []
    (aside,) = [path for path in (tmp_path / "home").iterdir() if "corrupt" in path.name]
    assert aside.read_bytes() == content
    assert str(aside) in caplog.text


def test_a_damaged_file_is_not_moved_when_reading(tmp_path: Path) -> None:
    content = _damaged(tmp_path / "home", "text")
    with pytest.raises(StoreUnavailableError, match="not a database"):
        Store.open(tmp_path / "home", create=False)
    assert (tmp_path / "home" / "store.db").read_bytes() == content


def test_many_processes_meet_a_damaged_file(tmp_path: Path) -> None:
    _damaged(tmp_path / "home", "text")
    assert _forked(str(tmp_path / "home"), 16) == ["0"]
    names = [path.name for path in (tmp_path / "home").iterdir()]
    assert sum("corrupt" in name and not name.endswith(("-wal", "-shm")) for name in names) == 1


def test_a_file_that_was_replaced_meanwhile_stays(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    path.write_bytes(b"x")
    seen = file_identity(path)
    (tmp_path / "other").write_bytes(b"y")
    (tmp_path / "other").rename(path)
    set_aside(path, seen)
    assert path.read_bytes() == b"y"


@pytest.mark.parametrize("create", [True, False])
def test_a_newer_store_is_left_alone(store_url: str, create: bool) -> None:
    engine = open_engine(store_url)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    engine.dispose()
    file = Path(store_url) / "store.db"
    before = file.read_bytes() if file.exists() else None
    with pytest.raises(NewerSchemaError, match="9999"):
        Store.open(store_url, create=create)
    assert before == (file.read_bytes() if file.exists() else None)


def test_reading_only(store_url: str, context: object) -> None:
    with pytest.raises(StoreUnavailableError, match=r"no store|no tables"):
        Store.open(store_url, create=False)
    backend = SqlBackend(store_url, context)  # type: ignore[arg-type]
    writer = Writer()
    backend.write([writer.started(), writer.metrics(loss=1.0)])
    with Store.open(store_url, create=False) as store:
        assert store.find_run("@last").metrics == {"loss": 1.0}
        with pytest.raises(Exception, match=r"read.?only"):
            store.delete_run(writer.run_id)
        backend.write([writer.metrics(loss=2.0)])
        assert store.find_run("@last").metrics == {"loss": 2.0}
    backend.close()


def test_a_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnavailableError, match="cannot create the store"):
        Store.open(tmp_path / "file" / "home")


def test_a_forked_child_uses_connections_of_its_own(backend: SqlBackend, store: Store) -> None:
    backend.write([Writer().started()])
    parent = [store._engine.pool, backend._engine.pool]
    pid = os.fork()
    if pid == 0:
        fresh = store._engine.pool not in parent and backend._engine.pool not in parent
        backend.write([Writer("b" * 32).started()])
        os._exit(0 if fresh and store.count() == 2 else 1)
    assert os.waitpid(pid, 0)[1] == 0
    backend.write([Writer("c" * 32).started()])
    assert store.count() == 3


def test_a_program_that_shows_all_messages_sees_none_of_alembic(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    level = logging.getLogger("alembic").level
    with caplog.at_level(logging.INFO):
        Store.open(tmp_path / "store").close()
    assert not [record.name for record in caplog.records if record.name.startswith("alembic")]
    assert logging.getLogger("alembic").level == level
