"""Which module an optimizer trains, and what is left of it when the program lets go of it.

An optimizer knows tensors, not the module they belong to. Programs ask the module for them (`model.parameters()`), and
switch it between training and evaluation (`model.train()`): modules that were asked lately are remembered, weakly.
"""

from __future__ import annotations

import functools
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, cast

import torch
from torch.nn import Module

from autotrack.integration import Patcher
from autotrack.integrations.torch.session import session
from autotrack.models.flavors.pytorch import innermost

MAX_SEEN = 32

_seen: deque[weakref.ref[Module]] = deque(maxlen=MAX_SEEN)


def patch_modules(patcher: Patcher) -> None:
    """Remember modules whose parameters are asked for or whose mode is switched."""
    for name in ("parameters", "named_parameters"):
        patcher.wrap(Module, name, functools.partial(_remembering, patcher))
    patcher.wrap(Module, "train", functools.partial(_switching, patcher))


def _remembering(patcher: Patcher, original: Callable[..., Any]) -> Callable[..., Any]:
    is_compiling = torch.compiler.is_compiling

    def autotrack_remember(self: Module, *args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        if not is_compiling() and patcher.live and (not _seen or _seen[-1]() is not self):
            _seen.append(weakref.ref(self))
        return original(self, *args, **kwargs)

    return autotrack_remember


def _switching(patcher: Patcher, original: Callable[..., Module]) -> Callable[..., Module]:
    remembering = _remembering(patcher, original)
    is_compiling = torch.compiler.is_compiling

    def autotrack_switch(self: Module, *args: Any, **kwargs: Any) -> Module:
        __tracebackhide__ = True
        result: Module = remembering(self, *args, **kwargs)
        if not is_compiling() and patcher.live:
            loop = session().loop
            if loop is not None:
                loop.mode_switched(self)
        return result

    return autotrack_switch


def owners_of(parameters: Iterable[torch.Tensor]) -> list[Module]:
    """Return the module that all these tensors belong to, the largest one seen; else those that hold some of them."""
    wanted = {id(parameter) for parameter in parameters}
    found: dict[int, tuple[Module, set[int]]] = {}
    for reference in list(_seen):
        module = reference()
        if module is not None and not isinstance(module, torch.jit.ScriptModule):
            module = innermost(module)
            found.setdefault(id(module), (module, {id(own) for own in _parameters(module)}))
    whole = [(module, own) for module, own in found.values() if wanted and wanted <= own]
    if whole:
        return [max(whole, key=lambda pair: len(pair[1]))[0]]
    return _parts([(module, own) for module, own in found.values() if own and own <= wanted])


def _parts(candidates: list[tuple[Module, set[int]]]) -> list[Module]:
    """Return modules that share nothing, the larger ones first."""
    taken: set[int] = set()
    chosen = []
    for module, own in sorted(candidates, key=lambda pair: -len(pair[1])):
        if not own & taken:
            taken |= own
            chosen.append(module)
    return chosen


def _parameters(module: Module) -> list[torch.Tensor]:
    return [own for part in module.modules() for own in part._parameters.values() if own is not None]  # noqa: SLF001


def state_of(module: Module) -> dict[str, torch.Tensor]:
    """Return the tensors that `state_dict` would name, without running the hooks of anybody."""
    state: dict[str, torch.Tensor] = {}
    for prefix, part in module.named_modules():
        own = vars(part)
        kept = {
            name: value for name, value in own["_buffers"].items() if name not in own["_non_persistent_buffers_set"]
        }
        for name, value in {**own["_parameters"], **kept}.items():
            if isinstance(value, torch.Tensor):
                state[f"{prefix}.{name}" if prefix else name] = value
    return state


def twin_of(module: Module) -> Module:
    """Return a module of the same structure that shares the tensors and does not keep `module` alive.

    Only the tree of modules is made anew, without calling any code of theirs; everything else is shared. So when the
    program lets go of its module, as at the end of a `main()`, it can still be saved as it is then.
    """
    own = {id(part) for part in module.modules()}
    made: dict[int, Module] = {}

    def copy(part: Module) -> Module:
        if id(part) not in made:
            twin = made[id(part)] = object.__new__(type(part))
            twin.__dict__.update({name: _attribute(name, value, own) for name, value in vars(part).items()})
            children = part._modules.items()  # noqa: SLF001 - `children` leaves out what is None
            twin.__dict__["_modules"] = {name: child if child is None else copy(child) for name, child in children}
        return made[id(part)]

    return copy(module)


def _attribute(name: str, value: Any, modules: set[int]) -> Any:
    """Return what the twin has for an attribute: containers of torch's own are copied, hooks of the module left out."""
    if name in {"_parameters", "_buffers"}:
        return value.copy()
    if name.endswith("_hooks") and isinstance(value, dict):
        kept = cast("Any", type(value)())
        kept.update((key, hook) for key, hook in value.items() if id(getattr(hook, "__self__", None)) not in modules)
        return kept
    return value


def forget_all() -> None:
    """Forget the modules that were seen."""
    _seen.clear()
