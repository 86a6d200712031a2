"""What a prover believes of bounties: what most nodes of `chain.url` and the second node show, and they alike."""

from __future__ import annotations

from collections.abc import Sequence

from circuits.accuracy.sizeclasses import CLASSES, SizeClass
from circuits.errors import ChainError, ContractError, NotReadyError, SignatureError, UnknownError
from circuits.terms import MarketId
from commons.chain.modelfacts import BountyEntry, BountyRecord, BountyStage, ListingRecord
from commons.chain.modelview import ModelView
from commons.protocol.bountydraws import TESTS, TRAINING
from commons.protocol.signing import require_signer, signs
from commons.runtime.memo import Memo
from commons.settings.values import Depth
from provers.owncommittee import OwnCommittee

_SINCE_TESTS = (BountyStage.PROVING, BountyStage.SELLING, BountyStage.LOCKED)
_SINCE = {
    TESTS: _SINCE_TESTS,
    TRAINING: (BountyStage.ENTERING, BountyStage.CLOSED, BountyStage.TESTS_DRAWN, *_SINCE_TESTS),
}
"""Stages in which the groups of a draw are shown, and somebody may want them."""
_ENDS = (BountyStage.SOLD, BountyStage.UNSOLD, BountyStage.WITHHELD, BountyStage.CANCELLED)


class BountyChain(OwnCommittee[ModelView]):
    """Bounties of one committee.

    Args:
        views: the model market through each configured node, this prover's own first.
        committee: whose receipts the bounties ask for.
        confirmations: blocks that must vouch for a draw.
        classes: size classes that are known.

    Raises:
        ChainError: the nodes show different deployments.
    """

    def __init__(
        self, views: Sequence[ModelView], committee: int, confirmations: Depth, classes: Sequence[SizeClass] = CLASSES
    ) -> None:
        super().__init__(views, committee, "bounty")
        self._depth = confirmations
        self._classes, self._sizes = tuple(classes), Memo[bytes, SizeClass]()
        first = self._views[0]
        if any(other.bounties_deployment != first.bounties_deployment for other in self._views):
            raise ChainError("the two nodes show different deployments of the bounties; which one is right?")
        self.deployment = first.bounties_deployment
        self.market = MarketId(first.chain.chain_id, first.places.bounties, first.bounties_deployment)

    def drawn(self, bounty: bytes, stage: int, *, shown: bool = False) -> BountyRecord:
        """A bounty whose groups of a stage are drawn for good, and not shown on the chain yet.

        Args:
            shown: also where they are shown, as long as the bounty is not over: a disk that lost them gets them again.

        Raises:
            NotReadyError: they are not, or the draw is not deep enough.
            UnknownError: it is for another committee.
            ChainError: too few nodes answer, or they differ.
        """
        awaited = BountyStage.TRAINING_DRAWN if stage == TRAINING else BountyStage.TESTS_DRAWN

        def ask(view: ModelView) -> BountyRecord | None:
            record = view.bounty(bounty)
            right = record.stage is awaited or (shown and record.stage in _SINCE[stage])
            there = right and view.drawn_at_depth(bounty, awaited, self._depth)
            return record if there else None

        found = self.agreed(ask)
        if found is None:
            raise NotReadyError(
                f"this prover's nodes do not show that bounty 0x{bounty.hex()[:16]}.. waits for the groups of this "
                f"draw, with {self._depth} blocks that vouch for it; ask again when some more have passed"
            )
        self._require_own(found)
        return found

    def winner(self, bounty: bytes) -> tuple[BountyRecord, BountyEntry, ListingRecord]:
        """A bounty that waits for an offer, its winner's entry and listing.

        Raises:
            NotReadyError: it waits for none.
            UnknownError: it is for another committee.
            ChainError: too few nodes answer, or they differ.
        """

        def ask(view: ModelView) -> tuple[BountyRecord, BountyEntry, ListingRecord] | None:
            record = view.bounty(bounty)
            if record.stage is not BountyStage.SELLING:
                return None
            entry = view.entry(bounty, record.winner)
            return record, entry, view.listing(entry.listing)

        found = self.agreed(ask)
        if found is None:
            raise NotReadyError(
                f"this prover's nodes do not show that bounty 0x{bounty.hex()[:16]}.. waits for a winner's offer; see "
                "gradroll bounty show"
            )
        self._require_own(found[0])
        return found

    def locked(self, bounty: bytes) -> tuple[BountyRecord, bytes]:
        """A bounty whose winner's offer is locked, and the winner's listing.

        Raises:
            NotReadyError: none is.
            UnknownError: it is for another committee.
            ChainError: too few nodes answer, or they differ.
        """

        def ask(view: ModelView) -> tuple[BountyRecord, bytes] | None:
            record = view.bounty(bounty)
            if record.stage not in (BountyStage.LOCKED, BountyStage.SOLD):
                return None
            return record, view.entry(bounty, record.winner).listing

        found = self.agreed(ask)
        if found is None:
            raise NotReadyError(f"no offer is locked in bounty 0x{bounty.hex()[:16]}..; see gradroll bounty show")
        self._require_own(found[0])
        return found

    def is_over(self, bounty: bytes) -> bool:
        """Whether a bounty has ended, or is in blocks that were taken back.  Raises ChainError."""

        def ask(view: ModelView) -> bool | None:
            try:
                return view.bounty(bounty).stage in _ENDS or None
            except UnknownError:
                return True

        return self.agreed(ask) is True

    def is_cancelled(self, bounty: bytes) -> bool:
        """Whether a bounty ended before anybody had entered: nobody has a use for what is kept.  Raises ChainError."""

        def ask(view: ModelView) -> bool | None:
            try:
                return view.bounty(bounty).stage is BountyStage.CANCELLED or None
            except UnknownError:  # it was taken back, and may come again
                return None

        return self.agreed(ask) is True

    def size_of(self, verifier: bytes) -> SizeClass:
        """The size class that an accuracy verifier is for, as all nodes show it.

        Raises:
            ContractError: it is for none, or of another factory than the registry's.
            NotReadyError: the nodes do not show it.
            ChainError: too few nodes answer, or they differ.
        """

        def load() -> SizeClass:
            found = self.agreed(lambda view: (view.verifier(verifier), view.factory))
            if found is None:
                raise NotReadyError("this prover's nodes do not show the bounty's verifier; ask again in a while")
            shown_there, factory = found
            if shown_there.factory != factory:
                raise ContractError("the bounty's verifier is of another factory than the registry's")
            return shown_there.size_class(self._classes)

        return self._sizes.get(verifier, load)

    def require_signed(self, account: bytes, digest: bytes, signature: bytes, what: str) -> None:
        """Raise SignatureError unless an account signed a digest: by its key, or as its contract says (ERC-1271).

        The key comes first, as in ``AccountSignatures.sol``: an account may have code delegated to it (EIP-7702).

        Raises:
            ChainError: too few nodes answer, or they differ about what a contract takes.
        """
        if signs(account, digest, signature):
            return
        if self.agreed(lambda view: bool(view.chain.rpc.code(account)) or None) is None:
            require_signer(digest, signature, account, what)
            return
        if self.agreed(lambda view: view.chain.takes_signature(account, digest, signature) or None) is None:
            raise SignatureError(
                f"{what} is of the contract 0x{account.hex()}, which does not take its signature: sign as the contract "
                "says (ERC-1271, isValidSignature); one that signs nothing can neither offer nor receive a model"
            )

    def _require_own(self, record: BountyRecord) -> None:
        self.require_committee(record.terms.committee_id)
