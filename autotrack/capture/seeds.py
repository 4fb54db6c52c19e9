"""The seeds that frameworks tell when they are asked; nothing is imported, no generator is touched."""

from __future__ import annotations

import os
import sys
from typing import Any

_TORCH_UNSEEDED = 67280421310721
"""What `torch.initial_seed()` is before anybody sets one: `default_rng_seed_val` in c10/core/GeneratorImpl.h."""


def framework_seeds() -> dict[str, Any]:
    """Return the global seeds of torch, TensorFlow and Lightning that were set, by the name of their param."""
    seeds: dict[str, Any] = {}
    ask_torch = getattr(sys.modules.get("torch"), "initial_seed", None)  # None while torch is being imported
    if ask_torch is not None and (seed := ask_torch()) != _TORCH_UNSEEDED:
        seeds["seed.torch"] = seed
    context = getattr(sys.modules.get("tensorflow.python.eager.context"), "_context", None)
    seed = getattr(context, "_seed", None)  # `global_seed()` would set a context up
    if seed is not None:
        seeds["seed.tensorflow"] = seed
    lightning = os.environ.get("PL_GLOBAL_SEED", "")
    if lightning.isdecimal():
        seeds["seed.lightning"] = int(lightning)
    return seeds
