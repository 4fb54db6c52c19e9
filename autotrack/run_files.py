"""The files of a run: bytes, texts, tables and figures, written beside their place and moved there when whole."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from autotrack.content import artifact_name, figure_bytes, json_bytes, table_bytes
from autotrack.recording import current_recorder
from autotrack.records import ArtifactLogged
from autotrack.run_values import RunValues

logger = logging.getLogger("autotrack")


class RunFiles(RunValues):
    """The part of a run that keeps files; `Run` is the whole.

    Attributes:
        id: The run's id, which names its directory.
    """

    id: str

    def log_bytes(self, path: str, data: bytes) -> None:
        """Keep bytes as a file of the run at `path`, replacing an earlier one."""
        self._keep_file(path, lambda part: part.write_bytes(data))

    def log_text(self, text: str, path: str) -> None:
        """Keep a text as a UTF-8 file of the run."""
        self.log_bytes(path, text.encode("utf-8", "backslashreplace"))

    def log_dict(self, dictionary: Mapping[str, Any], path: str) -> None:
        """Keep a dict as a JSON file of the run (JSON is valid YAML too)."""
        self.log_bytes(path, json_bytes(dictionary))

    def log_table(self, data: Any, path: str) -> None:
        """Keep a table as a .csv or .json file; see `autotrack.content.table_bytes` for what a table is."""
        self.log_bytes(path, table_bytes(data, path))

    def log_figure(self, figure: Any, path: str) -> None:
        """Keep a matplotlib or plotly figure as a file; the suffix of `path` chooses the format."""
        self.log_bytes(path, figure_bytes(figure, path))

    def log_artifact(self, local_path: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy a file into the run, below the folder `artifact_path` if given.

        Raises:
            FileNotFoundError: There is no such file.
        """
        source = Path(local_path)
        if source.is_dir():
            self.log_artifacts(source, artifact_path or source.name)
            return
        name = f"{artifact_path}/{source.name}" if artifact_path else source.name
        source.open("rb").close()  # what is wrong with the user's file is the user's to know
        self._keep_file(name, lambda part: shutil.copyfile(source, part))

    def log_artifacts(self, local_dir: str | os.PathLike[str], artifact_path: str | None = None) -> None:
        """Copy all files of a directory into the run."""
        root = Path(local_dir)
        if not root.is_dir():
            raise FileNotFoundError(f"no directory {root}")
        for source in sorted(path for path in root.rglob("*") if path.is_file()):
            folder = "/".join(part for part in (artifact_path or "", *source.relative_to(root).parts[:-1]) if part)
            self.log_artifact(source, folder or None)

    def _keep_file(self, path: str, write: Callable[[Path], object]) -> None:
        """Write a file beside its place and move it there when it is whole."""
        name = artifact_name(path)
        target = self.artifact_directory / name
        part = target.with_name(f".{os.urandom(4).hex()}.part")
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            write(part)
            size = part.stat().st_size
            part.replace(target)
        except OSError as error:
            part.unlink(missing_ok=True)
            logger.warning("artifact %r of run %s was not kept: %s", name, self.id, error)
            self.note("artifact.lost", f"{name}: {error}", level="error")
            return
        self.add_file(name, size)

    def add_file(self, path: str, size: int, sha256: str | None = None) -> None:
        """Record a file that stands complete in the run's artifact directory already."""
        self._write(ArtifactLogged(time=time.time_ns(), path=path, size=size, sha256=sha256))

    @property
    def artifact_directory(self) -> Path:
        """Where the files of this run are written; it may not exist yet."""
        return current_recorder().home.run_artifacts(self.id)
