"""An evaluation as the files that a tracker shows: its numbers as JSON, a page to look into, pictures to look at."""

from __future__ import annotations

import logging
import sys

import msgspec

from autotrack.errors import MissingDependencyError
from autotrack.records import EvaluationLogged

logger = logging.getLogger("autotrack")

FOLDER = "evaluation"


class Pictures:
    """Makes the files of evaluations; the pictures are drawn in a process of their own."""

    def __init__(self) -> None:
        from autotrack.evaluation.drawing import Draughtsman

        self._draughtsman = Draughtsman()
        self._drawn = bool(sys.executable)

    def draw(self, logged: EvaluationLogged) -> dict[str, bytes]:
        """Return the files of one evaluation.

        Returns:
            By path: `evaluation/<split>.json` and `.html`, and `<split>_confusion_matrix.png` and the like under
            MLflow's names; no pictures where matplotlib is missing.
        """
        from autotrack.evaluation.page import to_page
        from autotrack.evaluation.report import Evaluation

        name = logged.split.replace("/", "_")
        files = {
            f"{FOLDER}/{name}.json": msgspec.json.format(msgspec.json.encode(logged.report), indent=1),
            f"{FOLDER}/{name}.html": to_page(Evaluation.from_dict(logged.report)).encode(),
        }
        return files | {path.replace("/", "_"): data for path, data in self._draw(logged).items()}

    def _draw(self, logged: EvaluationLogged) -> dict[str, bytes]:
        from autotrack.evaluation.figures import MLFLOW_KINDS

        if not self._drawn:
            return {}
        try:
            return self._draughtsman.draw(logged.report, MLFLOW_KINDS)
        except MissingDependencyError as error:
            self._drawn = False
            logger.info("evaluations are sent without pictures: %s", error)
        except OSError as error:
            logger.warning("the pictures of the evaluation of %r are left out: %s", logged.split, error)
        return {}

    def close(self) -> None:
        """End the process that draws."""
        self._draughtsman.close()
