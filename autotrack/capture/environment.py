"""The surroundings of a run: interpreter, machine, user, imported packages and what was started, secrets masked."""

from __future__ import annotations

import getpass
import os
import platform
import sys

import msgspec

from autotrack.capture import hardware
from autotrack.capture.packages import imported_packages, requirements
from autotrack.capture.secrets import mask_arguments
from autotrack.capture.source import source

__all__ = ["Environment", "capture_environment", "requirements"]

_CUDA_VARIABLES = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "CUDA_VERSION", "CUDA_HOME", "NVIDIA_VISIBLE_DEVICES")

_REPRODUCING_VARIABLES = (
    *("PYTHONHASHSEED", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS"),
    *("CUBLAS_WORKSPACE_CONFIG", "NVIDIA_TF32_OVERRIDE", "TF_DETERMINISTIC_OPS", "TF_CUDNN_DETERMINISTIC"),
    *("TF_ENABLE_ONEDNN_OPTS", "KERAS_BACKEND", "JAX_ENABLE_X64"),
)


class Environment(msgspec.Struct, frozen=True):
    """Where and how a run was made.

    Attributes:
        python: Version, such as "3.11.9".
        implementation: "CPython" or another.
        platform: Operating system, release and architecture.
        hostname: Network name of the machine.
        user: Who runs the process: login name, or the numeric id where there is none.
        cpu_model: Name of the processor.
        cpu_count: Processors this process can keep busy.
        memory_bytes: Memory this process can use.
        gpus: Names of the NVIDIA GPUs.
        cuda: CUDA's environment variables that are set.
        packages: Version of each distribution imported so far.
        source_name: Path of the entry script or notebook.
        source_type: "LOCAL", "NOTEBOOK" or "JOB".
        argv: The command line, secrets masked.
        working_directory: Absolute path, or "" where it has been deleted.
        redacted: How many secrets were masked.
        variables: Environment variables that are set and that results may depend on: hash seed, threads, determinism.
    """

    python: str
    implementation: str
    platform: str
    hostname: str
    user: str
    cpu_model: str
    cpu_count: int
    memory_bytes: int
    gpus: list[str]
    cuda: dict[str, str]
    packages: dict[str, str]
    source_name: str
    source_type: str
    argv: list[str]
    working_directory: str
    redacted: int
    variables: dict[str, str] = {}


def capture_environment() -> Environment:
    """Describe the environment of this process now.

    Starts no process, imports no framework, uses no network. Meant for a worker thread: the first call reads the
    metadata of the imported packages from disk (tens of milliseconds), later ones only that of new modules.
    """
    arguments = mask_arguments(sys.argv)
    source_name, source_type = source()
    return Environment(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        platform=f"{platform.system()}-{platform.release()}-{platform.machine()}",
        hostname=platform.node(),
        user=current_user(),
        cpu_model=hardware.cpu_model(),
        cpu_count=hardware.cpu_count(),
        memory_bytes=hardware.memory_bytes(),
        gpus=hardware.gpu_names(),
        cuda=_set(_CUDA_VARIABLES),
        packages=imported_packages(),
        source_name=source_name,
        source_type=source_type,
        argv=arguments.value,
        working_directory=_working_directory(),
        redacted=arguments.count,
        variables=_set(_REPRODUCING_VARIABLES),
    )


def variables() -> dict[str, str]:
    """Return the environment variables that `capture_environment` tells, as they are set now."""
    return _set((*_CUDA_VARIABLES, *_REPRODUCING_VARIABLES))


def _set(names: tuple[str, ...]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def current_user() -> str:
    """Return who runs this process: the login name, or the numeric id where there is none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container's user without a name; the error depends on the version
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""
