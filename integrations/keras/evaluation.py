"""Evaluate a trained model on arrays: by a forward pass of our own where that cannot be noticed.

The pass runs in inference mode and in Keras' own `StatelessScope`, in which no variable changes: no seed, no running
mean, no state of a layer. It is made only of Keras' own layers, because what a layer of the user's does in Python,
prints or counts, would be noticed. All else is evaluated when the program itself calls `predict`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import keras
import numpy as np

from autotrack.errors import EvaluationError
from autotrack.evaluation.budget import budget_for
from autotrack.integration import Call
from autotrack.integrations.keras.cost import is_cheap
from autotrack.integrations.keras.data import DEFAULT_BATCH, Split, part_of
from autotrack.integrations.keras.description import layers_of
from autotrack.integrations.keras.outputs import Meaning, meaning_of, report
from autotrack.patching.quiet import quietly
from autotrack.recording import current_recorder
from autotrack.run import Run

FEWEST_ROWS = 20
"""An evaluation of fewer rows than this, of more, would say too little."""
NUMBERS_A_BATCH = 65_536
PREDICT_TELLS = "`predict` on these data is recorded"
JAX_COMPILES = 1.0
"""Seconds below which no pass is begun on JAX, which compiles every operation at its first use."""


def log_evaluation(call: Call, run: Run, split: Split | None, *, seconds_per_row: float | None, batch: Any) -> bool:
    """Evaluate the model of a call on a split, and log the result; what cannot be evaluated leaves a note.

    Args:
        call: The call, still under way.
        run: The run.
        split: The data, or None.
        seconds_per_row: What the library needed for a row, None where nobody knows; a pass of ours costs about that.
        batch: The user's batch size: at least so many rows fit in memory at once.

    Returns:
        Whether there is an evaluation.
    """
    settings = current_recorder().settings
    if split is None or not settings.log_evaluation:
        return False
    budget = budget_for(call.seconds, settings.evaluation_budget)
    meaning = meaning_of(call.instance)
    reason = meaning if isinstance(meaning, str) else _obstacle(call.instance, split, budget)
    if reason is None and isinstance(meaning, Meaning):
        size = batch_rows(split, batch)
        with quietly(call, call.instance):
            reason = _evaluate(run, call.instance, meaning, split, size, seconds_per_row, budget)
    if reason is not None:
        run.note("evaluation.skipped", f"{split.name}: {reason}")
    return reason is None


def _obstacle(model: Any, split: Split, budget: float) -> str | None:
    if split.rows is None or split.y is None:
        return "its data cannot be read again"
    if not split.rows:
        return "it has no rows"
    strategy = getattr(model, "distribute_strategy", None)
    if strategy is not None and strategy.num_replicas_in_sync > 1:
        return "the model is spread over several devices"
    if keras.config.backend() == "jax" and budget < JAX_COMPILES:
        return f"on JAX a first pass is compiled, for more than the {budget:.2g} s there are; {PREDICT_TELLS}"
    own = sorted({type(layer).__name__ for layer in layers_of(model) if not _is_kerases(layer)})
    if own:
        return f"code of the program's own ({', '.join(own)}) is not run once more; {PREDICT_TELLS}"
    return None


def _is_kerases(layer: Any) -> bool:
    return type(layer).__module__.startswith("keras.") and not isinstance(layer, keras.layers.Lambda)


def batch_rows(split: Split, batch: Any) -> int:
    """Return the rows of a batch that fits in memory: the user's, or more rows that are small."""
    given = batch if isinstance(batch, int) and batch > 0 else DEFAULT_BATCH
    numbers = sum(int(np.prod(leaf.shape[1:])) for leaf in keras.tree.flatten(split.x))
    return max(given, min(1024, NUMBERS_A_BATCH // max(1, numbers)))


def _evaluate(
    run: Run, model: Any, meaning: Meaning, split: Split, size: int, seconds_per_row: float | None, budget: float
) -> str | None:
    total = split.rows or 0
    if is_cheap(model, total):
        seconds_per_row = 0.0
    elif seconds_per_row is None or min(FEWEST_ROWS, total) * seconds_per_row > budget:
        return f"the budget of {budget:.2g} s does not pay for {FEWEST_ROWS} of its {total} rows"
    try:
        positions, outputs = _predict(model, split, size, seconds_per_row, budget)
        part = part_of(split, positions, split.name)
        truth, weights = to_numpy(part.y), to_numpy(part.weights)
        run.log_evaluation(report(meaning, truth, outputs, weights, split=split.name, budget=budget))
    except EvaluationError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 - a model may refuse anything
        return f"{type(error).__name__}: {error}"
    if len(positions) < total:
        message = f"{split.name}: metrics are from {len(positions)} of {total} rows, to stay in the budget"
        run.note("evaluation.sampled", message)
    return None


def _predict(model: Any, split: Split, size: int, seconds_per_row: float, budget: float) -> tuple[Any, Any]:
    """Return positions of rows and the outputs for them, batch by batch as far as the budget goes.

    Args:
        model: The model.
        split: The data.
        size: Rows that fit into a batch.
        seconds_per_row: First guess; then it is measured. 0: all rows are cheap.
        budget: Seconds.
    """
    order, done = spread(split.rows or 0), 0
    outputs: list[Any] = []
    started = time.perf_counter()
    with inference():
        while done < len(order):
            left = budget - (time.perf_counter() - started)
            affordable = int(left / seconds_per_row) if seconds_per_row else size
            if outputs and affordable < FEWEST_ROWS:
                break
            chosen = order[done : done + max(FEWEST_ROWS, min(size, affordable))]
            inputs = keras.tree.map_structure(to_numpy, part_of(split, chosen, split.name).x)
            outputs.append(to_numpy(model(inputs, training=False)))
            done += len(chosen)
            if seconds_per_row:
                seconds_per_row = (time.perf_counter() - started) / done
    if not all(isinstance(part, np.ndarray) for part in outputs):
        raise EvaluationError("the model has several outputs")
    return order[:done], np.concatenate(outputs)


def spread(rows: int) -> Any:
    """Return the positions of rows in an order whose every beginning is spread evenly over the whole.

    Example:
        >>> spread(50)[:19].tolist()[-3:]
        [45, 48, 1]
    """
    stride = -(-rows // FEWEST_ROWS) or 1
    return np.concatenate([np.arange(first, rows, stride) for first in range(stride)])


@contextmanager
def inference() -> Iterator[None]:
    """Let nothing in a model change, and no gradients be prepared."""
    torch = sys.modules.get("torch") if keras.config.backend() == "torch" else None
    with keras.StatelessScope(), torch.no_grad() if torch is not None else nullcontext():
        yield


def to_numpy(value: Any) -> Any:
    """Return an array, tensor or frame as a numpy array; several, or none, as they are."""
    if value is None or isinstance(value, (list, tuple, dict, np.ndarray)):
        return value
    return value.to_numpy() if hasattr(value, "to_numpy") else keras.ops.convert_to_numpy(value)
