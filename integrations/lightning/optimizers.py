"""What optimizers and schedulers are set to: their parameters at the start, and the learning rates of every group."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_PLAIN = (bool, int, float, str)
_BOOKKEEPING = {"base_lrs", "best", "cooldown_counter", "last_epoch", "num_bad_epochs", "verbose"}


def optimizer_params(optimizers: Sequence[Any]) -> dict[str, Any]:
    """Return the parameters of all optimizers, named as MLflow names those of the first: `optimizer_name`, `lr`, ….

    A value in which parameter groups differ is given for each, as `lr/pg1`, or by the group's own name. Those of the
    second optimizer begin with `optimizer_2/`.
    """
    found: dict[str, Any] = {}
    for number, optimizer in enumerate(map(_innermost, optimizers), start=1):
        prefix = "" if number == 1 else f"optimizer_{number}/"
        found[f"{prefix}optimizer_name"] = type(optimizer).__name__
        found.update({f"{prefix}{key}": value for key, value in _group_params(optimizer.param_groups)})
    return found


def scheduler_params(configs: Sequence[Any]) -> dict[str, Any]:
    """Return what schedulers were made with and when they step, as `lr_scheduler_…` and `lr_scheduler_2_…`."""
    found: dict[str, Any] = {}
    for number, config in enumerate(configs, start=1):
        prefix = "lr_scheduler" if number == 1 else f"lr_scheduler_{number}"
        own = getattr(config.scheduler, "__dict__", {})  # any class may schedule, one with slots too
        settings = {key: value for key, value in own.items() if _is_setting(key, value)}
        when = {key: getattr(config, key) for key in ("interval", "frequency", "monitor")}
        named = {"name": type(config.scheduler).__name__, **settings, **when}
        found.update({f"{prefix}_{key}": value for key, value in named.items() if value is not None})
    return found


def learning_rates(optimizers: Sequence[Any], configs: Sequence[Any]) -> dict[str, float]:
    """Return the learning rate of every parameter group, under the names of Lightning's `LearningRateMonitor`.

    They are `lr-Adam`, of a second one `lr-Adam-1`, and of several groups `lr-Adam/pg1`, `lr-Adam/pg2`, or with the
    groups' own names. The name of a scheduler's configuration takes the place of `lr-Adam`.
    """
    found: dict[str, float] = {}
    seen: dict[type, int] = {}
    for optimizer, name in _named(optimizers, configs):
        count = seen[type(optimizer)] = seen.get(type(optimizer), 0) + 1
        base = name or f"lr-{type(optimizer).__name__}"
        base = base if count == 1 or name else f"{base}-{count - 1}"
        groups = optimizer.param_groups
        for number, group in enumerate(groups, start=1):
            suffix = (
                f"/{_group_name(group, number)}" if len(groups) > 1 else f"/{group['name']}" if "name" in group else ""
            )
            found[base + suffix] = float(group["lr"])
    return found


def _named(optimizers: Sequence[Any], configs: Sequence[Any]) -> Iterator[tuple[Any, str | None]]:
    """Yield optimizers with the name that a scheduler's configuration gives: those that have a scheduler first."""
    seen: list[Any] = []
    for config in configs:
        if not any(config.scheduler.optimizer is other for other in seen):
            seen.append(config.scheduler.optimizer)
            yield config.scheduler.optimizer, config.name
    for optimizer in map(_innermost, optimizers):
        if not any(optimizer is other for other in seen):
            seen.append(optimizer)
            yield optimizer, None


def _innermost(optimizer: Any) -> Any:
    """Return the torch optimizer inside what DeepSpeed or Lightning wraps around it."""
    inner = getattr(optimizer, "optimizer", None)
    return inner if hasattr(inner, "param_groups") else optimizer


def _group_name(group: Mapping[str, Any], number: int) -> str:
    return str(group.get("name", f"pg{number}"))


def _group_params(groups: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any]]:
    keys = dict.fromkeys(key for group in groups for key in group if key not in {"params", "name", "initial_lr"})
    for key in keys:
        values = [group.get(key) for group in groups]
        if any(getattr(value, "ndim", 0) for value in values):
            continue  # what an optimizer keeps beside its settings, such as a tensor for each layer
        if all(_same(value, values[0]) for value in values):
            if values[0] is not None:
                yield key, values[0]
        else:
            for number, group in enumerate(groups, start=1):
                yield f"{key}/{_group_name(group, number)}", group.get(key)


def _same(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(one == other)


def _is_setting(key: str, value: Any) -> bool:
    """Tell what a scheduler was made with from what it counts."""
    if key.startswith("_") or key in _BOOKKEEPING:
        return False
    return isinstance(value, _PLAIN) or (
        isinstance(value, (list, tuple)) and all(isinstance(item, _PLAIN) for item in value)
    )
