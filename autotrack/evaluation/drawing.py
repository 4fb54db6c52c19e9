"""Draw an evaluation's pictures in a process of its own, so that drawing takes no time from the one that trains.

matplotlib draws for a tenth of a second and holds Python's lock meanwhile, and importing it takes another half. The
process is started with the first picture, runs at the lowest priority, and ends itself where a picture takes too long.
"""

from __future__ import annotations

import faulthandler
import os
from typing import Any

from autotrack.errors import MissingDependencyError
from autotrack.helper_process import HelperProcess

PATIENCE = 60.0


class Draughtsman:
    """Draws pictures elsewhere. Use it from one thread."""

    def __init__(self) -> None:
        self._helper: HelperProcess | None = None

    def draw(self, report: dict[str, Any], kinds: tuple[str, ...]) -> dict[str, bytes]:
        """Draw what an evaluation has of some kinds of figure.

        Args:
            report: `Evaluation.to_dict()`.
            kinds: Of `figures.available`.

        Returns:
            PNG files by name, such as "test_roc_curve.png".

        Raises:
            MissingDependencyError: matplotlib is not installed.
            OSError: No process could be started, or it died or took too long over this evaluation.
        """
        if self._helper is None:
            self._helper = HelperProcess("autotrack.evaluation.drawing:answer")
        try:
            reply = self._helper.ask((report, kinds))
        except OSError:
            self.close()
            raise
        if "missing" in reply:
            raise MissingDependencyError("matplotlib", "plots")
        files: dict[str, bytes] = reply["files"]
        return files

    def close(self) -> None:
        """End the process; it is started again when there is more to draw."""
        helper, self._helper = self._helper, None
        if helper is not None:
            helper.close()


def answer(request: tuple[dict[str, Any], list[str]]) -> dict[str, Any]:
    """Return the pictures of one evaluation; called in the process that draws."""
    from autotrack.evaluation.figures import available, file_name, png
    from autotrack.evaluation.report import Evaluation

    if hasattr(os, "nice"):
        os.nice(19)
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    report, kinds = request
    evaluation = Evaluation.from_dict(report)
    shown = [kind for kind in kinds if kind in available(evaluation)]
    try:
        return {"files": {file_name(evaluation, kind): png(evaluation, kind) for kind in shown}}
    except MissingDependencyError:
        return {"missing": True}
    finally:
        faulthandler.cancel_dump_traceback_later()
