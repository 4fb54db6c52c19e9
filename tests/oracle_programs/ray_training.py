"""Ray Train in this process: a training that reports, one that fails, and what becomes of the trainer."""

from __future__ import annotations

from typing import Any

import numpy as np
from ray import train
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

rng = np.random.default_rng(0)
np.random.seed(5)


def loop(config: dict[str, Any]) -> float:
    """Go down a hill with some noise."""
    x = config["start"]
    for step in range(5):
        x -= config["rate"] * 2 * x + np.random.normal(scale=0.01)
        train.report({"x": x, "step": step, "many": {"a": np.float64(x), "words": ["x"]}})
        if config["fails"] and step == 2:
            raise ArithmeticError("as some do")
    return x


def trainer(*, fails: bool) -> DataParallelTrainer:
    """Return a trainer without workers."""
    return DataParallelTrainer(
        loop,
        train_loop_config={"start": 3.0, "rate": 0.1, "fails": fails},
        scaling_config=train.ScalingConfig(num_workers=0),
        run_config=train.RunConfig(name="the-same", storage_path="/tmp/nowhere"),
    )


working = trainer(fails=False)
result = working.fit()
metrics, returned = result.metrics, result.return_value
callbacks = list(working.run_config.callbacks)
same_loop = working.train_loop_per_worker is loop
try:
    trainer(fails=True).fit()
except ArithmeticError as error:
    said = (str(error), error.__context__, error.__cause__)
drawn = float(np.random.random())
del working, result, trainer
