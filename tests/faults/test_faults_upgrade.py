"""Many processes that open a store of an older autotrack at the same moment (R12)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

import autotrack
from autotrack.store import Store, migrate

if TYPE_CHECKING:
    from tests.faults.conftest import RunProgram

PROGRAM = """
import os, sys
import autotrack, autotrack.store.store, autotrack.backends.sql
children = []
for number in range(12):
    children.append(os.fork())
    if children[-1] == 0:
        autotrack.enable(log_system_metrics=False, capture=[])
        with autotrack.start_run(f"{number}"):
            autotrack.log_metric("loss", number)
        sys.exit(0 if autotrack.flush(60) else 1)
assert [os.waitpid(child, 0)[1] for child in children] == [0] * 12
"""


def test_many_processes_upgrade_a_store_at_once(tmp_path: Path, run_program: RunProgram) -> None:
    (tmp_path / ".autotrack").mkdir()
    engine = create_engine(f"sqlite:///{tmp_path}/.autotrack/store.db")
    with engine.begin() as connection:
        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(Path(migrate.__file__).with_name("migrations")))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, "0001")
    engine.dispose()
    done = run_program(PROGRAM)
    assert done.returncode == 0, done.stderr
    assert sorted(int(run.name) for run in autotrack.search_runs()) == list(range(12))
    with Store.open(tmp_path / ".autotrack") as store:
        assert store.check() == []
