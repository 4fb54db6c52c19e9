"""What a run is called that was found elsewhere: its records, in writers whose names follow from where they stood."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from autotrack.journal_reader import place
from autotrack.records import AnyRecord, MetricsLogged

SOURCE = "import"
"""`RunStarted.source` of runs that were recorded elsewhere."""


@dataclass
class FoundRun:
    """A run of another tracker.

    Attributes:
        id: The id it gets here; the same each time it is found.
        name: For messages.
        state: Records that describe it as it is now, the start first, and the end last where there is one.
        points: For each metric its points in the order in which they were written, which only ever grows.
        files: The directory of its files, if there is one here.
        more_files: Other files here, each with the path it gets in the run.
    """

    id: str
    name: str
    state: list[AnyRecord]
    points: dict[str, Iterable[MetricsLogged]] = field(default_factory=dict)
    files: Path | None = None
    more_files: list[tuple[Path, str]] = field(default_factory=list)

    def all_files(self) -> Iterator[tuple[Path, str]]:
        """Yield each file with its path in the run; links are left alone, they may lead anywhere."""
        for path in sorted(self.files.rglob("*")) if self.files is not None else ():
            if path.is_file() and not path.is_symlink():
                yield path, path.relative_to(self.files or path).as_posix()
        yield from self.more_files

    def records(self) -> Iterable[AnyRecord]:
        """Yield all records in their place: importing again writes what is new, and nothing twice."""
        digest = _digest(msgspec.msgpack.encode(self.state))
        for seq, record in enumerate(self.state):
            place(record, self.id, f"import-{self.id}-{digest}", seq)
        yield self.state[0]
        for key, points in self.points.items():
            for seq, point in enumerate(points):
                place(point, self.id, f"import-{self.id}-points-{_digest(key.encode())}", seq)
                yield point
        yield from self.state[1:]


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
