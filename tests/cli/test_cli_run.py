"""`autotrack run`: a program behaves as under `python`, whatever it does, and its trainings are recorded."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

PYTHON = [sys.executable]
TRACKED = [sys.executable, "-m", "autotrack", "run"]
SCRIPT = [str(Path(sys.executable).with_name("autotrack")), "run"]
QUIET = {"AUTOTRACK_QUIET": "1", "AUTOTRACK_EXIT_TIMEOUT": "60"}  # the machine may be slow


@pytest.fixture(autouse=True)
def _plain_runs(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[tool.autotrack]\ncapture = []\nlog_system_metrics = false\n")


def start(command: list[str], *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **QUIET, **variables}
    return subprocess.run(
        [*command, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def write(code: str, name: str = "program.py") -> str:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(code))
    return name


def runs() -> list[dict[str, object]]:
    result = subprocess.run(
        [sys.executable, "-m", "autotrack", "ls", "--all", "--json"], capture_output=True, text=True, check=True
    )
    found: list[dict[str, object]] = json.loads(result.stdout)
    return found


SEEN = """
    import sys, os, pickle, inspect
    class Thing: pass
    def f(x: int) -> int: return x
    thing = pickle.loads(pickle.dumps(Thing()))
    main = sys.modules["__main__"]
    print(sys.argv, sys.path[0], os.getcwd(), __name__, __file__, __doc__, __package__, __builtins__)
    print(getattr(__spec__, "name", None), getattr(__spec__, "origin", None))
    print(type(__loader__).__name__, __loader__.name, main.Thing is Thing is type(thing), sorted(vars(main)))
    print(inspect.getsource(f), f.__annotations__, Thing.__module__, getattr(main, "__cached__", "none"))
    print("to stderr", file=sys.stderr)
"""

PROGRAMS = {
    "what it sees": SEEN,
    "exit code": "import sys; print(1); sys.exit(7)",
    "exit without code": "import sys; sys.exit()",
    "exit message": "import sys; sys.exit('goodbye')",
    "exception": """
        def inner():
            raise ValueError("no")
        try:
            inner()
        except ValueError as error:
            raise KeyError("also no") from error
    """,
    "syntax error": "x = = 1",
    "syntax error in an import": "import broken",
    "group": "raise ExceptionGroup('many', [ValueError(1), TypeError(2)])",
    "assertion": "assert 1 == 2, 'differ'",
    "own hook": """
        import sys
        sys.excepthook = lambda kind, error, trace: print(kind.__name__, error, trace.tb_lineno, trace.tb_next)
        raise ValueError("hooked")
    """,
    "broken hook": """
        import sys
        def hook(*_): raise TypeError("hook")
        sys.excepthook = hook
        raise ValueError("user")
    """,
    "interrupt": "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(10)",
    "kill": "import os, signal\nprint(1, flush=True)\nos.kill(os.getpid(), signal.SIGKILL)",
    "atexit": """
        import atexit, threading
        atexit.register(print, "bye")
        threading.Timer(0.1, print, ["late"]).start()
    """,
    "future": "def f(x: undefined): pass\n",
    "annotations": "x: int = 1\nprint(__annotations__)",
    "unbuffered": "import os\nos.write(1, b'raw')\nprint('text')",
    "click program": """
        import click
        @click.command()
        @click.option("--n", default=1)
        def main(n):
            print(n, click.get_current_context().parent)
            raise click.ClickException("refused")
        main()
    """,
    "spawned workers": """
        import multiprocessing
        def work(n): return n * n
        if __name__ == "__main__":
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                print(pool.map(work, [1, 2, 3]))
    """,
    "warnings": "import warnings\nwarnings.warn('careful')",
    "input": "import sys\nprint(sys.stdin.read(), sys.flags.optimize, sys.executable)",
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_script_behaves_as_under_python(name: str) -> None:
    write("x = (", "broken.py")
    script = write(PROGRAMS[name])
    expected = start(PYTHON, script, "a", "--n", "3") if name != "click program" else start(PYTHON, script, "--n", "3")
    arguments = ("--n", "3") if name == "click program" else ("a", "--n", "3")
    found = start(TRACKED, script, *arguments)
    assert (found.returncode, found.stdout) == (expected.returncode, expected.stdout)
    assert found.stderr == expected.stderr


@pytest.mark.parametrize("command", [TRACKED, SCRIPT], ids=["module", "console script"])
def test_a_script_in_another_folder_imports_its_neighbours(command: list[str]) -> None:
    write("value = 42", "deep/neighbour.py")
    script = write("import sys, neighbour\nprint(neighbour.value, sys.path[0], __file__, sys.argv)", "deep/program.py")
    assert start(command, script).stdout == start(PYTHON, script).stdout
    (Path("link.py")).symlink_to(script)
    assert start(command, "link.py").stdout == start(PYTHON, "link.py").stdout


@pytest.mark.parametrize("module", ["package", "package.part", "missing", "package.missing", "package.failing"])
def test_a_module_behaves_as_under_python(module: str) -> None:
    write("", "package/__init__.py")
    write("from package import part", "package/__main__.py")
    write(SEEN, "package/part.py")
    write("import nothing_like_this", "package/failing.py")
    expected = start([*PYTHON, "-m"], module, "a", "--b")
    found = start([*TRACKED, "-m"], module, "a", "--b")
    assert (found.returncode, found.stdout) == (expected.returncode, expected.stdout)
    tail = expected.stderr.splitlines()[-1:]
    assert found.stderr.splitlines()[-1:] == tail
    assert "autotrack" not in found.stderr


TRAIN = """
    from sklearn.linear_model import LogisticRegression
    LogisticRegression(C=0.5).fit([[0], [1], [2], [3]], [0, 0, 1, 1])
    print("trained")
"""


def test_an_unmodified_script_is_recorded() -> None:
    result = start(
        SCRIPT, "--experiment", "lab", "--name", "mine", "--tag", "team=x", write(TRAIN), AUTOTRACK_QUIET="0"
    )
    assert (result.returncode, result.stdout) == (0, "trained\n"), result.stderr
    assert result.stderr == f"autotrack: recorded in {Path.cwd()}/.autotrack; look with `autotrack ls`\n"
    (run,) = runs()
    assert (run["name"], run["experiment"], run["status"]) == ("mine", "lab", "finished")
    assert run["params"]["C"] == 0.5  # type: ignore[index]
    assert run["tags"]["team"] == "x"  # type: ignore[index]


def test_runs_go_where_they_are_sent() -> None:
    script = write("import autotrack\nwith autotrack.start_run('sent'): pass")
    assert start(SCRIPT, "--to", "here", "--to", "sqlite:///there.db", script).returncode == 0
    for store in ("here", "there.db"):
        shown = subprocess.run(
            [sys.executable, "-m", "autotrack", "show", "@last", "--json", "--store", store],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert json.loads(shown.stdout)["name"] == "sent"


def test_nothing_recorded_is_said() -> None:
    result = start(SCRIPT, write("print(1)"), AUTOTRACK_QUIET="0")
    assert (result.stdout, result.returncode) == ("1\n", 0)
    assert result.stderr.startswith("autotrack: nothing was recorded")


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("raise ValueError('no')", "failed"),
        ("import sys; sys.exit(3)", "failed"),
        ("import sys; sys.exit(0)", "finished"),
        ("raise KeyboardInterrupt", "interrupted"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed"),
    ],
)
def test_an_open_run_ends_as_its_program_does(end: str, status: str) -> None:
    start(TRACKED, write(f"import autotrack\nautotrack.start_run('open').log_metric('loss', 1.0)\n{end}\n"))
    (run,) = runs()
    assert (run["status"], run["metrics"]["loss"]) == (status, 1.0)  # type: ignore[index]


def test_a_running_program_can_be_watched() -> None:
    code = (
        "import autotrack, time\nrun = autotrack.start_run('slow')\nrun.log_metric('loss', 1.0)\nprint(1, flush=True)\n"
    )
    script = write(code + "time.sleep(60)")
    process = subprocess.Popen([*TRACKED, script], stdout=subprocess.PIPE, env={**os.environ, **QUIET})
    try:
        assert process.stdout is not None
        process.stdout.readline()
        deadline = time.monotonic() + 20
        while not (found := seen()) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert found == [("slow", "running")]
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
    finally:
        process.kill()
        process.wait()
        process.stdout.close()  # type: ignore[union-attr]
    assert seen() == [("slow", "interrupted")]


def seen() -> list[tuple[object, object]]:
    """List the runs; none where the store is still being made."""
    if not Path(".autotrack/store.db").exists():
        return []
    result = subprocess.run([*PYTHON, "-m", "autotrack", "ls", "--json"], capture_output=True, text=True, check=False)
    return [(run["name"], run["status"]) for run in json.loads(result.stdout or "[]")]
