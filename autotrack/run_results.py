"""What a run takes of data and results: fingerprints, evaluations and models."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from autotrack.records import DatasetLogged, EvaluationLogged, ModelLogged
from autotrack.run_files import RunFiles

if TYPE_CHECKING:
    from autotrack.evaluation.report import Evaluation
    from autotrack.models.folder import ModelFolder


class RunResults(RunFiles):
    """The part of a run that takes data and results; `Run` is the whole."""

    def log_dataset(self, data: Any, *, name: str | None = None, target: Any = None, context: str = "train") -> None:
        """Record the fingerprint of data: shape, columns and types, class balance and a sampled hash; never the data.

        Args:
            data: Array, frame, sparse matrix or anything else; iterators are left alone.
            name: What to call it; its type by default.
            target: The labels that belong to it.
            context: "train", "validation", "test" or another split.
        """
        from autotrack.capture.data import fingerprint

        found = fingerprint(data, name=name, target=target, context=context)
        self._write(
            DatasetLogged(
                time=time.time_ns(),
                name=found.name,
                context=context,
                digest=found.digest or "",
                schema=list(found.schema),
                profile=dict(found.profile),
            )
        )

    def evaluate(self, y_true: Any, y_pred: Any = None, y_score: Any = None, **options: Any) -> Evaluation:
        """Evaluate predictions and record the result; see `autotrack.evaluate` for the arguments."""
        from autotrack.evaluation import evaluate

        result = evaluate(y_true, y_pred, y_score, **options)
        self.log_evaluation(result)
        return result

    def log_evaluation(self, evaluation: Evaluation, step: int = 0) -> None:
        """Record an evaluation and its numbers as metrics `<split>_<metric>`."""
        prefix = evaluation.split
        report = EvaluationLogged(time=time.time_ns(), split=prefix, task=evaluation.task, report=evaluation.to_dict())
        self._write(report)
        values = {f"{prefix}_{key}": value for key, value in evaluation.metrics.items() if value is not None}
        self.log_metrics(values, step)

    def log_model_folder(self, folder: ModelFolder) -> None:
        """Record a model folder that stands complete in the run's artifact directory, and its files."""
        for file in folder.files:
            self.add_file(f"{folder.name}/{file.path}", file.size, file.sha256)
        self._write(
            ModelLogged(
                time=time.time_ns(),
                name=folder.name,
                flavors=folder.flavors,
                model_id=folder.model_id,
                signature=folder.signature,
                size=folder.size,
                files=[file.path for file in folder.files],
            )
        )
