"""A stretch of equal steps: one optimizer, one loss and one learning rate, from one pass over the data.

Most of a training is that, and its steps are short: each is put down with one look here, and counted later. All that
the loop has to think about ends the stretch.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from time import perf_counter
from typing import TYPE_CHECKING

from autotrack.integrations.torch.transfer import AT_HAND, GROUP, PATIENCE

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from autotrack.integrations.torch.data_loading import Feed
    from autotrack.integrations.torch.members import Member
    from autotrack.integrations.torch.session import Loss


class Stretch:
    """What the steps of a stretch have in common, and the losses of those that were not sent yet.

    Args:
        optimizer: The optimizer.
        member: What the loop knows of it.
        feed: The pass over the data.
        patience: Seconds that people wait; 0 has the loop think about every step.

    Attributes:
        optimizer: Gives the optimizer, None once it is gone.
        member: What the loop knows of it.
        rate: The learning rate: this very object, until the program sets another.
        feed: The pass over the data.
        losses: One a step, as they are in the session.
        counted: How many of them the loop knows of.
        room: How many steps may be put down without a thought; the one after them sends all.
        due: When people have waited long enough for what is here; 0 once the stretch is over.
    """

    __slots__ = ("_patience", "counted", "due", "feed", "losses", "member", "optimizer", "rate", "room")

    def __init__(self, optimizer: Optimizer, member: Member, feed: Feed | None, *, patience: float = PATIENCE) -> None:
        self.optimizer: Callable[[], Optimizer | None] = weakref.ref(optimizer)
        self.member = member
        self.rate = optimizer.param_groups[0].get("lr")
        self.feed = feed
        self.losses: list[Loss | float] = []
        self.counted = 0
        self._patience = patience
        self.room = 0
        self.due = 0.0
        self.wait()

    def put(self, loss: Loss | float) -> bool:
        """Put down the loss of a step that the loop knows of; say whether it is time to send what is here."""
        self.losses.append(loss)
        self.counted += 1
        self.room = (AT_HAND if isinstance(loss, float) else GROUP) - 1
        return len(self.losses) > self.room

    def wait(self) -> None:
        """Let people wait once more from now on."""
        self.due = perf_counter() + self._patience

    def end(self) -> None:
        """Put down no more steps."""
        self._patience = self.due = 0.0

    def is_of(self, optimizer: Optimizer, feed: Feed | None) -> bool:
        """Say whether a step belongs here."""
        same_rate = optimizer.param_groups[0].get("lr") is self.rate
        return self.optimizer() is optimizer and self.feed is feed and same_rate
