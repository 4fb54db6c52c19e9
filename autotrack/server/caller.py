"""Who a request comes from, and what that account may do: roles in general, and in single experiments."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

NOBODY, READER, WRITER, ADMIN = "none", "reader", "writer", "admin"
ROLES = (NOBODY, READER, WRITER, ADMIN)
"""From the least to the most: a role may do all that those before it may."""


class Caller(msgspec.Struct, frozen=True):
    """An account that has shown who it is.

    Attributes:
        name: Of the account.
        role: In experiments that `grants` does not name, in the registry, and for what belongs to no experiment.
        grants: Role in single experiments, by id.
    """

    name: str
    role: str
    grants: Mapping[int, str] = {}

    def may(self, role: str, experiment_id: int | None = None) -> bool:
        """Say whether the account has a role, or a greater one.

        Args:
            role: The least that is needed.
            experiment_id: Where; None for what belongs to no experiment.
        """
        has = self.role
        if experiment_id is not None and self.role != ADMIN:
            has = self.grants.get(experiment_id, self.role)
        return ROLES.index(has) >= ROLES.index(role)

    def may_everywhere(self, role: str) -> bool:
        """Say whether there is no experiment in which the account has less than a role."""
        return self.may(role) and all(self.may(role, experiment_id) for experiment_id in self.grants)
