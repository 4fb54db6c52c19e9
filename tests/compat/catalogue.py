"""Which programs of which projects `programs.py` compares: where they come from, and how many trainings they hold.

The programs are not part of this repository. `commit` names the version that was read (of forks, where theirs is the
newer one); `trainings` was counted by reading it: calls of the program that train, a search or cross-validation being
one.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Program(NamedTuple):
    """A program of another project."""

    repository: str
    path: str
    commit: str
    trainings: int
    arguments: tuple[str, ...] = ()
    workers: str = "(?!)"  # a pattern of lines of its worker processes, which print at once and into each other

    @property
    def name(self) -> str:
        """Repository and path."""
        return f"{self.repository}/{self.path}"

    def source(self, folder: Path) -> Path:
        """Return where the program lies below a folder."""
        return folder / self.repository / self.path


XGBOOST = "dmlc/xgboost"
LIGHTGBM, LIGHTGBM_NOW = "microsoft/LightGBM", "lightgbm-org/LightGBM"
TORCH, TUTORIALS = "pytorch/examples", "pytorch/tutorials"
LIGHTNING, KERAS = "Lightning-AI/pytorch-lightning", "keras-team/keras"
DASK = r"LightGBM|splits|machines|Bins|network|rank|Listening|data points|score|distributed\.|-wise"

PROGRAMS = (
    Program(XGBOOST, "demo/guide-python/sklearn_examples.py", "0798e36d733e", 8),
    Program(XGBOOST, "demo/guide-python/continuation.py", "06769b152458", 12),
    Program(XGBOOST, "demo/guide-python/sklearn_parallel.py", "155d147ae7af", 1),
    Program(XGBOOST, "demo/guide-python/callbacks.py", "0a690e68fc8a", 3),
    Program(XGBOOST, "demo/guide-python/evals_result.py", "newest stored", 1),
    Program(XGBOOST, "demo/guide-python/quantile_regression.py", "00f096370568", 2),
    Program(XGBOOST, "demo/guide-python/individual_trees.py", "287d76dc0183", 2),
    Program(XGBOOST, "demo/guide-python/cat_pipeline.py", "21972f35fd04", 2),
    Program(XGBOOST, "demo/guide-python/categorical.py", "06e85496db5e", 2),
    Program(XGBOOST, "demo/guide-python/custom_softmax.py", "070621f552f6", 2),
    Program(XGBOOST, "demo/guide-python/feature_weights.py", "14463467803d", 1),
    Program(LIGHTGBM_NOW, "examples/python-guide/simple_example.py", "690602b6f49f", 1),
    Program(LIGHTGBM_NOW, "examples/python-guide/sklearn_example.py", "29e506d84a1b", 4),
    Program(LIGHTGBM_NOW, "examples/python-guide/advanced_example.py", "29e506d84a1b", 7),
    Program(LIGHTGBM, "examples/python-guide/logistic_regression.py", "01380fb0cab6", 23),
    Program(LIGHTGBM, "examples/python-guide/dask/prediction.py", "15853a7a0262", 1, workers=DASK),
    Program(LIGHTGBM, "examples/python-guide/dask/multiclass-classification.py", "bef78243c254", 1, workers=DASK),
    Program(LIGHTGBM, "examples/python-guide/dask/regression.py", "b2c168592177", 1, workers=DASK),
    Program(TORCH, "time_sequence_prediction/generate_sine_wave.py", "2b456e809fe2", 0),
    Program(TORCH, "reinforcement_learning/reinforce.py", "2f5815e164db", 1),
    Program(TUTORIALS, "beginner_source/examples_nn/polynomial_optim.py", "02d7694195db", 1),
    Program(TUTORIALS, "beginner_source/examples_nn/polynomial_module.py", "1d189709801e", 1),
    Program(TUTORIALS, "beginner_source/examples_nn/dynamic_net.py", "1d189709801e", 1),
    Program(TUTORIALS, "beginner_source/examples_nn/polynomial_nn.py", "02d7694195db", 1),
    Program(LIGHTNING, "examples/pytorch/bug_report/bug_report_model.py", "6c9edcfa6267", 1),
    Program(KERAS, "examples/demo_custom_layer_backend_agnostic.py", "b9be76a13a1e", 1),
)
