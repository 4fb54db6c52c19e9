"""Take the bytes of a fitted model while it is consistent: the only part of model saving on the training thread.

The snapshot is streamed into a file instead of being kept in memory, for three reasons: a large model is never held
twice, `kill -9` after this call loses nothing, and the worker later moves the file into the model folder without
copying it. The folder's requirements need the modules the pickle refers to; the pickler sees each class and function
once, so collecting them here costs about a tenth of the pickling and spares a scan of the bytes.
"""

from __future__ import annotations

import functools
import os
import pickle
import shutil
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from autotrack.errors import AutotrackError

PICKLE = "pickle"
CLOUDPICKLE = "cloudpickle"
PROTOCOL = 5

# Classes of these modules are found by name only inside the program that defined them.
_MAIN_MODULES = frozenset({"__main__", "__mp_main__"})
_NAMED_TYPES = (type, types.FunctionType, types.BuiltinFunctionType)


class Snapshot(msgspec.Struct, frozen=True):
    """A model's bytes on disk and what the worker must know about the model without loading it.

    Attributes:
        path: The file with the bytes; a folder, for a library that saves several files.
        size: Its size in bytes.
        format: "pickle" or "cloudpickle"; later flavors bring their own words.
        protocol: Pickle protocol.
        model_class: Import path of the model's class.
        predicts: Whether the model has a `predict` method now that it is fitted.
        modules: Modules that loading the file imports, sorted.
        seconds: What taking the snapshot cost the training thread.
        needed_types: What reading a skops file has to allow beside skops' own types.
    """

    path: Path
    size: int
    format: str
    protocol: int
    model_class: str
    predicts: bool
    modules: tuple[str, ...]
    seconds: float
    needed_types: tuple[str, ...] = ()


def discard(snapshot: Snapshot) -> None:
    """Remove the bytes of a snapshot."""
    if snapshot.path.is_dir():
        shutil.rmtree(snapshot.path)
    else:
        snapshot.path.unlink()


Dump = Callable[[Any, Path, Any], set[str]]
"""Writes a model to a path with a class of pickler, and returns the modules that loading it imports."""


def take_snapshot(model: object, path: Path, *, dump: Dump | None = None, predicts: bool | None = None) -> Snapshot:
    """Write the model's bytes to `path`; the file appears complete or not at all.

    Pickle is used wherever the model can be loaded elsewhere by reference. A model that is, or holds, something defined
    in the running program itself (`__main__`, a notebook, inside a function, a lambda) is written by value with
    cloudpickle. The model is not changed.

    Args:
        model: A fitted model.
        path: Where the bytes go, below an existing directory. Stay on the file system of the model folder, so that the
            file can be moved there.
        dump: How a library pickles; by default as `pickle.dump` does.
        predicts: Whether the model predicts; by default whether it has a method of that name.

    Returns:
        The snapshot.

    Raises:
        AutotrackError: The model cannot be pickled, or the file cannot be written; the message says why.
    """
    started = time.perf_counter()
    partial = path.with_name(f"{path.name}.partial")
    try:
        file_format, modules = _write_model(model, partial, dump or _dump)
        partial.replace(path)
    except OSError as error:
        raise AutotrackError(f"cannot write the snapshot of {class_path(model)}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return Snapshot(
        path=path,
        size=path.stat().st_size,
        format=file_format,
        protocol=PROTOCOL,
        model_class=class_path(model),
        predicts=callable(getattr(model, "predict", None)) if predicts is None else predicts,
        modules=tuple(sorted(modules)),
        seconds=time.perf_counter() - started,
    )


def class_path(model: object) -> str:
    """Return the import path of the model's class, such as "sklearn.svm._classes.SVC"."""
    return f"{type(model).__module__}.{type(model).__qualname__}"


def _write_model(model: object, path: Path, dump: Dump) -> tuple[str, set[str]]:
    """Write by reference if that can be loaded elsewhere, else by value; return the format and the modules."""
    try:
        return PICKLE, dump(model, path, ReferencePickler)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001 - any object's __reduce__ may raise anything
        obstacle = str(error) or repr(error)
    try:
        return CLOUDPICKLE, dump(model, path, value_pickler())
    except ModuleNotFoundError as error:
        if error.name != "cloudpickle":
            raise AutotrackError(f"{class_path(model)} cannot be pickled: {error}") from error
        advice = "cloudpickle could write it by value; run: pip install 'autotrack[sklearn]'"
        raise AutotrackError(f"{class_path(model)} cannot be pickled: {obstacle}; {advice}") from error
    except OSError:
        raise
    except Exception as error:
        raise AutotrackError(f"{class_path(model)} cannot be pickled: {obstacle}; by value: {error}") from error


def _dump(model: object, path: Path, pickler_class: Any) -> set[str]:
    with open(path, "wb", opener=_open_private) as file:
        pickler = pickler_class(file)
        pickler.dump(model)
    modules: set[str] = pickler.modules
    return modules


def _open_private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class _NotImportableError(Exception):
    """Something would be found by name in this program only."""


class ReferencePickler(pickle.Pickler):
    """Writes what `pickle.dumps` writes, notes the modules, and stops at the first name nobody else could import."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file, protocol=PROTOCOL)
        self.modules: set[str] = set()

    def reducer_override(self, obj: Any) -> Any:
        """Note where a class or function is found; refuse what is found in this program only."""
        if isinstance(obj, _NAMED_TYPES):
            module = obj.__module__
            if module in _MAIN_MODULES:
                raise _NotImportableError(f"{obj.__qualname__} is defined in {module} and cannot be imported elsewhere")
            self.modules.add(str(module))
        return NotImplemented


@functools.cache
def value_pickler() -> Any:
    """Make the pickler class that writes by value; importing cloudpickle waits until a model needs it."""
    import cloudpickle

    class ValuePickler(cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, file: BinaryIO) -> None:
            super().__init__(file, protocol=PROTOCOL)
            self.modules: set[str] = {"cloudpickle"}

        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, types.ModuleType):
                self.modules.add(obj.__name__)
            reduced = super().reducer_override(obj)
            if not isinstance(obj, _NAMED_TYPES):
                return reduced
            if reduced is NotImplemented:
                self.modules.add(str(obj.__module__))
                return reduced
            # By value, a patched method would carry autotrack itself into the file: write the user's own function.
            return super().reducer_override(_without_our_wrapper(obj))

    return ValuePickler


def _without_our_wrapper(obj: Any) -> Any:
    """Return the function below a wrapper of ours (known by the module its code runs in), else the object itself."""
    package = __name__.partition(".")[0]
    while isinstance(obj, types.FunctionType) and hasattr(obj, "__wrapped__"):
        if obj.__globals__.get("__name__", "").partition(".")[0] != package:
            break
        obj = obj.__wrapped__
    return obj


def take_native_snapshot(
    model: object, path: Path, write: Callable[[Path], object], *, suffix: str, model_class: str, module: str
) -> Snapshot:
    """Let a library write a model in its own format; the file appears at `path` complete or not at all.

    Args:
        model: The model.
        path: Where the bytes go, below an existing directory.
        write: Writes the model to the path it is given, whose name ends in `suffix`.
        suffix: Such as ".ubj"; without the dot it is the snapshot's format.
        model_class: Import path of the class to load it with.
        module: What loading imports.

    Raises:
        AutotrackError: The library or the disk refuses; the message says why.
    """
    started = time.perf_counter()
    partial = path.with_name(f"{path.name}.partial{suffix}")
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600))
        write(partial)
        partial.replace(path)
    except Exception as error:
        raise AutotrackError(f"cannot save {class_path(model)} as {suffix}: {error}") from error
    finally:
        partial.unlink(missing_ok=True)
    return Snapshot(
        path=path,
        size=path.stat().st_size,
        format=suffix.removeprefix("."),
        protocol=0,
        model_class=model_class,
        predicts=True,
        modules=(module,),
        seconds=time.perf_counter() - started,
    )
