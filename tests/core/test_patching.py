"""The patching kernel: whatever an observer does, the library is called once and the user sees only the library."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import inspect
import pickle
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType
from typing import Any

import pytest

import autotrack
from autotrack.patching import nesting
from autotrack.patching.call import Call, WrongArgumentsError
from autotrack.patching.imports import ImportWatcher
from autotrack.patching.patcher import Patcher, UnsupportedLibraryError, undo_all
from autotrack.testing import MemoryBackend

calls: list[Any] = []


class Model:
    """A library class."""

    def fit(self, x: int, *, epochs: int = 1, **extra: Any) -> tuple[int, int]:
        """Train."""
        calls.append((x, epochs, extra))
        if x < 0:
            raise ValueError(f"negative: {x}")
        return (x, epochs)

    @classmethod
    def load(cls, path: str) -> str:
        return path

    @staticmethod
    def helper(x: int) -> int:
        return x + 1


class Derived(Model):
    """Inherits `fit`."""


@pytest.fixture(autouse=True)
def fresh_calls() -> None:
    calls.clear()


@pytest.fixture
def patcher() -> Iterator[Patcher]:
    made = Patcher("lab")
    yield made
    made.undo()


def good(call: Call) -> Iterator[None]:
    yield


def fails_before(call: Call) -> Iterator[None]:
    raise ZeroDivisionError("before")
    yield


def fails_after(call: Call) -> Iterator[None]:
    yield
    raise ZeroDivisionError("after")


def replaces_then_fails(call: Call) -> Iterator[None]:
    call.replace(x=99)
    raise ZeroDivisionError("after the change")
    yield


def swallows(call: Call) -> Iterator[None]:
    with contextlib.suppress(BaseException):
        yield


def raises_while_handling(call: Call) -> Iterator[None]:
    try:
        yield
    except BaseException:  # noqa: BLE001 - what an observer must not do
        raise ZeroDivisionError("while handling") from None


def yields_twice(call: Call) -> Iterator[None]:
    yield
    yield


def never_yields(call: Call) -> Iterator[None]:
    return
    yield


OBSERVERS = [
    good,
    fails_before,
    fails_after,
    replaces_then_fails,
    swallows,
    raises_while_handling,
    yields_twice,
    never_yields,
]


@pytest.mark.parametrize("observer", OBSERVERS)
def test_no_observer_can_change_what_the_user_gets(
    observer: Callable[[Call], Iterator[None]], patcher: Patcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACK_TESTING", "0")
    patcher.observe(Model, "fit", observer)
    model = Model()
    assert model.fit(1, epochs=2) == (1, 2)
    with pytest.raises(ValueError, match="negative: -1") as caught:
        model.fit(-1)
    assert calls == [(1, 2, {}), (-1, 1, {})]
    assert caught.value.__context__ is None
    assert caught.value.__cause__ is None
    names = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
    own = ["autotrack_observed"] if sys.version_info < (3, 11) else []  # Python 3.10 keeps it: see `Patcher.observed`
    assert names == ["test_no_observer_can_change_what_the_user_gets", *own, "fit"]
    assert nesting.active_call() is None


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, StopIteration, GeneratorExit, RecursionError])
def test_every_kind_of_exception_goes_through(kind: type[BaseException], patcher: Patcher) -> None:
    error = kind("the user's")

    class Raising:
        def fit(self) -> None:
            raise error

    seen = []

    def observer(call: Call) -> Iterator[None]:
        try:
            yield
        finally:
            seen.append(call.error)

    patcher.observe(Raising, "fit", observer)
    with pytest.raises(kind) as caught:
        Raising().fit()
    assert caught.value is error
    assert seen == [error]


def test_observers_see_bound_arguments_and_may_replace_them(patcher: Patcher) -> None:
    seen = {}

    def observer(call: Call) -> Iterator[None]:
        seen.update(call.arguments())
        call.replace(epochs=7)
        yield
        seen["result"] = call.result
        seen["seconds"] = call.seconds

    patcher.observe(Model, "fit", observer)
    extra = {"verbose": 0}
    assert Model().fit(3, **extra) == (3, 7)
    assert seen.pop("seconds") >= 0
    assert seen == {"x": 3, "epochs": 1, "verbose": 0, "result": (3, 7)}
    assert extra == {"verbose": 0}


def reads_arguments(call: Call) -> Iterator[None]:
    call.arguments()
    yield


def test_arguments_that_do_not_fit_are_left_to_the_library(patcher: Patcher, caplog: pytest.LogCaptureFixture) -> None:
    patcher.observe(Model, "fit", reads_arguments)
    with pytest.raises(TypeError, match=r"Model.fit\(\) missing 1 required positional argument: 'x'") as caught:
        Model().fit()  # type: ignore[call-arg]
    assert caught.value.__context__ is None
    assert (caplog.records, nesting.active_call()) == ([], None)


def test_arguments_that_the_library_takes_against_its_signature_are_told_of(patcher: Patcher) -> None:
    class Lying:
        def fit(self, *args: int) -> int:
            return len(args)

    Lying.fit.__signature__ = inspect.signature(Model.load)  # type: ignore[attr-defined]
    patcher.observe(Lying, "fit", reads_arguments)
    with pytest.raises(WrongArgumentsError, match="too many positional arguments"):
        Lying().fit(1, 2)
    assert nesting.active_call() is None


def test_patches_sit_where_the_attribute_is_defined(patcher: Patcher) -> None:
    with pytest.raises(UnsupportedLibraryError, match="no function"):
        patcher.observe(Derived, "fit", good)
    patcher.observe(Model, "fit", good)
    assert "fit" not in vars(Derived)
    assert Derived().fit(1) == (1, 1)


def test_undo_restores_the_identical_objects(patcher: Patcher) -> None:
    before = dict(vars(Model))
    for name in ("fit", "load", "helper"):
        patcher.observe(Model, name, good)
    assert (Model.load("p"), Model().load("p"), Model.helper(1)) == ("p", "p", 2)
    assert vars(Model)["fit"] is not before["fit"]
    patcher.undo()
    assert all(vars(Model)[name] is value for name, value in before.items())


def test_an_attribute_that_was_inherited_is_removed_again(patcher: Patcher) -> None:
    patcher.replace(Derived, "fit", lambda self: None)
    patcher.undo()
    assert "fit" not in vars(Derived)


def test_a_wrapper_of_somebody_else_stays(patcher: Patcher) -> None:
    original = Model.fit
    seen: list[Call] = []

    def observer(call: Call) -> Iterator[None]:
        seen.append(call)
        yield

    patcher.observe(Model, "fit", observer)
    ours = Model.fit

    @functools.wraps(ours)
    def theirs(*args: Any, **kwargs: Any) -> Any:
        return ours(*args, **kwargs)

    try:
        Model.fit = theirs  # type: ignore[method-assign]
        patcher.undo()
        assert Model.fit is theirs
        assert Model().fit(1) == (1, 1)
        assert seen == []
    finally:
        Model.fit = original  # type: ignore[method-assign]


def test_patched_functions_look_and_pickle_like_the_originals(patcher: Patcher) -> None:
    signature = inspect.signature(Model.fit)
    patcher.observe(Model, "fit", good)
    assert inspect.signature(Model.fit) == signature
    assert inspect.isfunction(Model.fit)
    assert (Model.fit.__qualname__, Model.fit.__doc__) == ("Model.fit", "Train.")
    assert inspect.getsource(Model.fit).lstrip().startswith("def fit(self")
    assert pickle.loads(pickle.dumps(Model().fit))(2) == (2, 1)


def test_module_functions_are_patched_in_every_place(patcher: Patcher) -> None:
    def train(x: int) -> int:
        return x

    defining, alias, other = ModuleType("defining"), ModuleType("alias"), ModuleType("other")
    defining.train = alias.train = train  # type: ignore[attr-defined]
    other.train = test_module_functions_are_patched_in_every_place  # type: ignore[attr-defined]
    patcher.observe(defining, "train", good, aliases=[alias, other])
    assert defining.train is alias.train is not train
    assert other.train is test_module_functions_are_patched_in_every_place
    patcher.undo()
    assert defining.train is alias.train is train


def test_only_the_outermost_call_is_observed(patcher: Patcher) -> None:
    seen = []

    class Inner:
        def fit(self) -> str:
            return "inner"

    class Outer:
        def fit(self) -> str:
            with ThreadPoolExecutor(2) as pool:
                in_threads = [pool.submit(Inner().fit).result() for _ in range(3)]
            return Inner().fit() + str(len(in_threads))

    def observer(call: Call) -> Iterator[None]:
        seen.append((call.function.__qualname__.split(".")[-2], call.parent is not None))
        yield

    patcher.observe(Inner, "fit", observer)
    patcher.observe(Outer, "fit", observer)
    patcher.wrap(threading.Thread, "start", nesting.remember_starter)
    assert Outer().fit() == "inner3"
    assert seen == [("Outer", False)]
    assert Inner().fit() == "inner"
    assert seen[1:] == [("Inner", False)]


def test_inner_calls_are_observed_where_asked_and_share_the_run(patcher: Patcher, memory: MemoryBackend) -> None:
    class Inner:
        def fit(self) -> None: ...

    class Outer:
        def fit(self) -> None:
            Inner().fit()

    def observer(call: Call) -> Iterator[None]:
        with call.run("outer") as run:
            yield
            run.log_metric(call.function.__qualname__.split(".")[-2], 1)

    patcher.observe(Inner, "fit", observer, nested=True)
    patcher.observe(Outer, "fit", observer)
    Outer().fit()
    autotrack.flush(5)
    (run,) = memory.runs
    assert {"Inner", "Outer"} <= set(run.metrics)


def test_asyncio_tasks_do_not_mix(patcher: Patcher, memory: MemoryBackend) -> None:
    class Job:
        def fit(self, number: int) -> int:
            return number

    def observer(call: Call) -> Iterator[None]:
        with call.run(f"job {call.arguments()['number']}") as run:
            run.log_param("number", call.arguments()["number"])
            yield

    patcher.observe(Job, "fit", observer)

    async def task(number: int) -> None:
        with autotrack.start_run(f"task {number}") as run:
            await asyncio.sleep(0)
            Job().fit(number)
            await asyncio.sleep(0)
            run.log_metric("number", number)

    async def main() -> None:
        await asyncio.gather(*(task(number) for number in range(50)))

    asyncio.run(main())
    autotrack.flush(5)
    assert len(memory.runs) == 50
    for run in memory.runs:
        assert run.name == f"task {run.params['number']}"
        assert run.last("number") == run.params["number"]


def test_unknown_signatures_are_not_guessed(patcher: Patcher) -> None:
    patcher.require(Model.fit, "x", "epochs")
    with pytest.raises(UnsupportedLibraryError, match="no parameter batch_size"):
        patcher.require(Model.fit, "x", "batch_size")


def test_nothing_keeps_the_users_objects_alive(patcher: Patcher) -> None:
    import gc
    import weakref

    class Big:
        def fit(self) -> None:
            raise ValueError("no")

    patcher.observe(Big, "fit", good)
    gc.collect()
    gc.disable()
    try:
        big = Big()
        gone = weakref.ref(big)
        with pytest.raises(ValueError, match="no") as caught:
            big.fit()
        del caught, big
        assert gone() is None, "a cycle through our frame keeps the model alive"
    finally:
        gc.enable()


@pytest.fixture
def watcher() -> Iterator[ImportWatcher]:
    made = ImportWatcher()
    made.start()
    yield made
    made.stop()
    assert made not in sys.meta_path


@pytest.fixture
def package(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("lab_package", "lab_package.inner"):
        sys.modules.pop(name, None)


def test_hooks_fire_once_the_module_is_whole(watcher: ImportWatcher, package: Any) -> None:
    folder = package / "lab_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("from lab_package import inner\nready = True\n")
    (folder / "inner.py").write_text("")
    seen = []
    watcher.watch("lab_package", lambda module: seen.append(module.ready))
    import lab_package  # type: ignore[import-not-found]

    assert seen == [True]
    assert type(lab_package.__loader__).__name__ == "SourceFileLoader"
    assert lab_package.__spec__.loader is lab_package.__loader__


def test_hooks_fire_at_once_for_what_is_there(watcher: ImportWatcher) -> None:
    seen = []
    watcher.watch("json", lambda module: seen.append(module.__name__))
    assert seen == ["json"]


def test_a_module_that_is_still_being_built_is_waited_for(watcher: ImportWatcher, package: Any) -> None:
    (package / "lab_package.py").write_text("import builtins\nbuiltins.lab_watch()\nready = True\n")
    import builtins

    seen = []
    watch = lambda: watcher.watch("lab_package", lambda module: seen.append(module.ready))  # noqa: E731
    builtins.lab_watch = watch  # type: ignore[attr-defined]
    try:
        import lab_package  # noqa: F401
    finally:
        del builtins.lab_watch  # type: ignore[attr-defined]
    assert seen == []
    with pytest.raises(ModuleNotFoundError):  # any later import makes the watcher look again
        import lab_nothing_of_that_name_exists  # type: ignore[import-not-found]  # noqa: F401
    assert seen == [True]


def test_a_hook_that_raises_does_not_break_the_import(
    watcher: ImportWatcher, package: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTRACK_TESTING", "0")
    (package / "lab_package.py").write_text("ready = True\n")

    def hook(module: ModuleType) -> None:
        raise ZeroDivisionError("in a hook")

    watcher.watch("lab_package", hook)
    import lab_package

    assert lab_package.ready


def test_the_users_run_stays_active_after_a_call_that_logged_into_it(patcher: Patcher) -> None:
    def observer(call: Call) -> Iterator[None]:
        with call.run():
            yield

    patcher.observe(Model, "fit", observer)
    autotrack.enable(to="memory://active", only=["sklearn"])
    with autotrack.start_run("mine") as run:
        Model().fit(1)
        assert autotrack.active_run() is run
        Model().fit(2)
        assert autotrack.active_run() is run
    assert autotrack.active_run() is None
    autotrack.disable()


def test_a_thread_started_in_a_call_does_not_keep_the_users_objects(patcher: Patcher) -> None:
    import gc
    import weakref

    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    threads = Patcher("threading")
    threads.wrap(threading.Thread, "start", nesting.remember_starter)

    class Starting(Model):
        def fit(self, x: int, **extra: Any) -> tuple[int, int]:
            thread.start()
            return (x, 1)

    patcher.observe(Starting, "fit", good)
    model = Starting()
    model.fit(1)
    reference = weakref.ref(model)
    del model
    gc.collect()
    threads.undo()
    assert reference() is None
    stop.set()
    thread.join()


def test_patchers_that_met_at_one_attribute_are_undone_together() -> None:
    class Library:
        def fit(self) -> None: ...

    def wrapped(function: Any) -> Any:
        def fit(self: Library) -> None:
            function(self)

        return fit

    original = vars(Library)["fit"]
    first, second = Patcher("first"), Patcher("second")
    for patcher in (first, second, first):
        patcher.wrap(Library, "fit", wrapped)
    undo_all([second, first])
    assert vars(Library)["fit"] is original
