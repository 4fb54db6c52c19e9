"""A program that ends inside a training, in every way there is (R01 to R07): the run says how, nobody else sees it.

The children are forks of one process that has imported scikit-learn; each enables tracking for itself.
"""

from __future__ import annotations

import json
import signal
import time
from typing import TYPE_CHECKING

import autotrack

if TYPE_CHECKING:
    from tests.faults.conftest import RunProgram

PROGRAM = """
import ctypes, faulthandler, json, os, resource, signal, sys
from sklearn.base import BaseEstimator
import autotrack, autotrack.store.store, autotrack.backends.sql

class Dies(BaseEstimator):
    def __init__(self, how="not"):
        self.how = how
    def fit(self, X, y=None):
        WAYS[self.how]()
        return self

ERROR = SystemExit(3)
def leave():
    raise ERROR
WAYS = {
    "sigkill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "sigterm": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "sigint": lambda: os.kill(os.getpid(), signal.SIGINT),
    "segfault": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "_exit": lambda: os._exit(5),
    "exit": leave,
    "not": lambda: None,
}

def child(how):
    before = [signal.getsignal(number) for number in range(1, 32)], faulthandler.is_enabled()
    autotrack.enable(log_system_metrics=False, capture=[], run_name=how)
    try:
        Dies(how).fit([[1.0]])
    except SystemExit as error:
        assert error is ERROR
        raise
    assert ([signal.getsignal(number) for number in range(1, 32)], faulthandler.is_enabled()) == before

resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts jobs in the background deaf to it
ends = {}
for how in WAYS:
    pid = os.fork()
    if pid == 0:
        child(how)
        sys.exit(0)
    ends[how] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps(ends))
"""


def test_a_program_that_ends_in_a_training(run_program: RunProgram) -> None:
    done = run_program(PROGRAM)
    assert done.returncode == 0, done.stderr
    signals = {f"sig{name}": -getattr(signal, f"SIG{name.upper()}") for name in ("kill", "term", "int")}
    others = {"segfault": -signal.SIGSEGV, "abort": -signal.SIGABRT, "_exit": 5, "exit": 3, "not": 0}
    assert json.loads(done.stdout.splitlines()[-1]) == {**signals, **others}
    assert "KeyboardInterrupt" in done.stderr
    assert {run.name: run.status for run in autotrack.search_runs()} == {
        **dict.fromkeys(("sigkill", "sigterm", "segfault", "abort", "_exit"), "killed"),
        "sigint": "interrupted",
        "exit": "failed",
        "not": "finished",
    }


def test_a_second_interrupt_ends_the_wait_for_a_server_at_once(run_program: RunProgram) -> None:
    code = """
        import os, signal, socket, threading, time
        import autotrack
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts jobs in the background deaf to it
        server = socket.create_server(("127.0.0.1", 0))  # takes connections, answers nothing
        url = f"mlflow+http://127.0.0.1:{server.getsockname()[1]}"
        autotrack.enable(to=url, log_system_metrics=False, capture=[], exit_timeout=60)
        with autotrack.start_run("waits"):
            autotrack.log_metric("loss", 1)
        threading.Thread(target=lambda: (time.sleep(1), os.kill(os.getpid(), signal.SIGINT)), daemon=True).start()
        print(time.monotonic(), flush=True)
    """
    done = run_program(code)
    seconds = time.monotonic() - float(done.stdout)
    assert seconds < 20, done.stderr
