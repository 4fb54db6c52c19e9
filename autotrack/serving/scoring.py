"""`Scorer`: what stands between the web layer and the model; bytes of a request in, bytes of the answer out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

import msgspec

from autotrack.errors import SchemaError
from autotrack.models.predictor import Predictor
from autotrack.serving.protocol import Payload, RequestError, read_payload, write_predictions

logger = logging.getLogger("autotrack")


class Answer(msgspec.Struct, frozen=True):
    """The answer to a scoring request.

    Attributes:
        content: JSON.
        rows: How many predictions it holds.
        seconds: What the model took, with the check of its input.
        ignored: Inference parameters that the model does not have.
    """

    content: bytes
    rows: int
    seconds: float
    ignored: tuple[str, ...] = ()


class Scorer:
    """Answers scoring requests with a model.

    Args:
        predictor: The model.
        observe: Is shown the data, the predictions and the seconds of each answer.
    """

    def __init__(self, predictor: Predictor, observe: Callable[[Any, Any, float], None] | None = None) -> None:
        self._predictor = predictor
        self._observe = observe
        self._inputs = predictor.model.signature["inputs"]
        self._params = {entry["name"] for entry in predictor.model.signature["params"] or ()}

    def score(self, body: bytes, content_type: str) -> Answer:
        """Read a request, predict, and write the answer.

        Raises:
            RequestError: The request does not fit the protocol or the model's signature, or the model refuses it.
        """
        payload = read_payload(body, content_type, self._inputs)
        started = time.perf_counter()
        predictions = self._predict(payload)
        seconds = time.perf_counter() - started
        if self._observe is not None:
            self._observe(payload.data, predictions, seconds)
        ignored = tuple(sorted(payload.params.keys() - self._params))
        return Answer(write_predictions(predictions), _length(predictions), seconds, ignored)

    def _predict(self, payload: Payload) -> Any:
        """Predict with the parameters that the model has; as in MLflow's servers, others are no error."""
        params = {name: value for name, value in payload.params.items() if name in self._params}
        try:
            return self._predictor.predict(payload.data, params)
        except SchemaError as error:
            raise RequestError(str(error), column=error.column) from error
        except Exception as error:
            # A model may raise anything, mostly because of its input; the traceback is for the log, not for strangers.
            logger.warning("the model failed", exc_info=error)
            raise RequestError(f"the model raised {type(error).__name__}: {error}") from error


def _length(predictions: Any) -> int:
    return len(predictions) if hasattr(predictions, "__len__") and not isinstance(predictions, (dict, str)) else 1
