"""When a prover believes that a batch was accepted: by most nodes of `chain.url` and by the second node, at a depth."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from circuits.errors import ChainError
from circuits.statement import Context
from commons.chain.facts import RecordedBatch
from commons.chain.ports import MarketReader
from commons.settings.values import Depth
from provers.party import Acceptance


class Finality:
    """The nodes of one prover.

    Args:
        views: of `chain.url`, of whose nodes most must say it, and of the second node; they must agree, so that one
            that lies may delay a release but never causes one.
        confirmations: blocks that must vouch for an acceptance, its own among them, or a tag.
    """

    def __init__(self, views: Sequence[MarketReader], confirmations: Depth) -> None:
        self._views = views
        self._confirmations = confirmations

    def accepted(self, context: Context, batch_id: bytes) -> Acceptance | None:
        """The acceptance of a batch, None while a node does not have it deep enough.

        Raises:
            ChainError: too few nodes can be reached, or they tell different things.
        """
        found = [view.most(partial(self._recorded, view, context, batch_id)) for view in self._views]
        first = found[0]
        if first is None or None in found:
            return None
        if any(other != first for other in found):
            raise ChainError("the configured nodes tell different things about this batch; look at both")
        return Acceptance(first.indices, first.commitment)

    def is_revoked(self, committee_id: int, signer: bytes) -> bool:
        """Whether a member's key was revoked; raises ChainError where too few nodes answer, or they differ."""
        return all(view.most(partial(self._revoked, view, committee_id, signer)) for view in self._views)

    @staticmethod
    def _revoked(view: MarketReader, committee_id: int, signer: bytes) -> bool:
        return signer in view.revoked(committee_id)

    def _recorded(self, view: MarketReader, context: Context, batch_id: bytes) -> RecordedBatch | None:
        return view.recorded(context.task_id, context.round, batch_id, self._confirmations)
