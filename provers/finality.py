"""When a prover believes that a batch was accepted: by every node that it asks, at a depth that is a setting."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.errors import ChainError
from circuits.statement import Context
from commons.chain.ports import MarketReader
from commons.settings.values import Depth
from provers.party import Acceptance


class Finality:
    """The nodes of one prover.

    Args:
        views: one a node; they must agree, so that a single node that lies delays a release but never causes one.
        confirmations: blocks that must vouch for an acceptance, its own among them, or a tag.
    """

    def __init__(self, views: Sequence[MarketReader], confirmations: Depth) -> None:
        self._views = views
        self._confirmations = confirmations

    def accepted(self, context: Context, batch_id: bytes) -> Acceptance | None:
        """The acceptance of a batch, None while a node does not have it deep enough.

        Raises:
            ChainError: a node cannot be reached, or the nodes tell different things.
        """
        found = [v.recorded(context.task_id, context.round, batch_id, self._confirmations) for v in self._views]
        first = found[0]
        if first is None or None in found:
            return None
        if any(other != first for other in found):
            raise ChainError("the configured nodes tell different things about this batch; look at both")
        return Acceptance(first.indices, first.commitment)
