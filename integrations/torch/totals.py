"""One number of many tensors, without leaving their device: the loss of a step, the norm of its gradients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from autotrack.integrations.torch.optimizers import parameters_of
from autotrack.integrations.torch.session import Loss
from autotrack.integrations.torch.transfer import copy_of

if TYPE_CHECKING:
    from torch.optim import Optimizer


def summed(losses: list[Loss]) -> dict[str, torch.Tensor]:
    """Return one loss: gradients add up until the optimizer steps, and so do the losses they are of."""
    if not losses:
        return {}
    total = copy_of(losses[0].value)
    for loss in losses[1:]:
        total = total + loss.value.reshape(()).to(total.device)
    return {"loss": total}


def gradient_norm(optimizer: Optimizer, key: str) -> dict[str, torch.Tensor]:
    """Return the norm of all gradients of an optimizer as one number, on their device."""
    gradients = [own.grad.detach() for own in parameters_of(optimizer) if own.grad is not None]
    if not gradients:
        return {}
    with torch.no_grad():
        norms = [torch.linalg.vector_norm(gradient).to(gradients[0].device) for gradient in gradients]
        return {key: torch.linalg.vector_norm(torch.stack(norms))}
