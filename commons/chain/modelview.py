"""The model market as nodes show it: sets, listings, what was proven, sales, bounties.

The functions it calls are named by their signatures, which a test compares with the contracts' ABI.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from eth_utils.address import to_canonical_address

from circuits.errors import ChainError
from circuits.terms import MarketId
from commons.chain import modeldecoding as decoding
from commons.chain.contractevents import Events
from commons.chain.decoding import point
from commons.chain.modelfacts import (
    BountyEntry,
    BountyRecord,
    BountyStage,
    Lineage,
    LineageStatement,
    ListingQuote,
    ListingRecord,
    LockedOffer,
    LockedSale,
    ModelPlaces,
    SaleStatus,
    Score,
    SetRecord,
)
from commons.chain.modelverifiers import ModelVerifier, read_model_verifier
from commons.chain.nodememo import NodeMemo
from commons.chain.view import ChainView
from commons.protocol.bountydraws import TESTS, TRAINING, HiddenGroup
from commons.runtime.amounts import checksum
from commons.settings.values import Depth
from native import G1


class ModelView:
    """The model market beside a gradient market.  Thread-safe; keeps what never changes.

    Every method raises ChainError when the node is the trouble, UnknownError for what the chain does not know.

    Args:
        chain: the gradient market that the registry is for.
        places: the contracts, as settings name them.

    Attributes:
        deployment: of the registry, 32 bytes.
        sales_deployment, bounties_deployment: of the other two, salts of their EIP-712 domains.
        factory: of the verifiers.
    """

    def __init__(self, chain: ChainView, places: ModelPlaces) -> None:
        self.chain, self.places = chain, places
        self.factory = self._address(places.registry, "factory()")
        self._require(places.registry, "market()", chain.market)
        for place in (places.sales, places.bounties):
            self._require(place, "models()", places.registry)
        self._require(places.bounties, "committees()", chain.registry)
        self.deployment, self.sales_deployment, self.bounties_deployment = (
            bytes(chain.call(place, "deployment()", [], ["bytes32"])[0])
            for place in (places.registry, places.sales, places.bounties)
        )
        self._verifiers = NodeMemo[bytes, ModelVerifier](chain.rpc)
        self.registry_events = self._events(places.registry)
        self.sales_events = self._events(places.sales)
        self.bounty_events = self._events(places.bounties)

    @property
    def bounties_market(self) -> MarketId:
        """The contract of bounties, under whose EIP-712 domain offers and receipts are signed."""
        return MarketId(self.chain.chain_id, self.places.bounties, self.bounties_deployment)

    def verifier(self, address: bytes) -> ModelVerifier:
        """What a verifier contract proves, and under which key; its address vouches for both.

        Raises:
            ContractError: it is not a contract of this release.
        """
        ask = lambda: read_model_verifier(self.chain.call, address)  # noqa: E731
        return self._verifiers.get(address, ask)

    def listing(self, listing: bytes) -> ListingRecord:
        """A listing, under the identifier that its own words give.

        Raises:
            UnknownError: there is none.
        """
        return decoding.listing(listing, self._registry("listing(bytes32)", [listing], [decoding.LISTING])[0])

    def set_of(self, set_id: bytes) -> SetRecord:
        """A set with the hashes of its groups.  Raises UnknownError."""
        raw = self._registry("set(bytes32)", [set_id], [decoding.SET])[0]
        registered = decoding.registered(raw)
        ask = "group(bytes32,uint256)"
        hashes = tuple(
            bytes(self._registry(ask, [set_id, at], ["bytes32"])[0]) if there else None
            for at, there in enumerate(registered)
        )
        return decoding.set_record(set_id, raw, hashes)

    def sets(self) -> list[bytes]:
        """Identifiers of all sets, oldest first."""
        return self.registry_events.read(decoding.first_topic, decoding.SET_CREATED)

    def score(self, listing: bytes) -> Score:
        """What a listing was proven to do.  Raises UnknownError."""
        return decoding.score(self._registry("score(bytes32)", [listing], [decoding.SCORE])[0])

    def price(self, listing: bytes) -> int:
        """A listing's price.  Raises ContractError before all groups of a complete set are proven."""
        return int(self._registry("price(bytes32)", [listing], ["uint256"])[0])

    def quote(self, listing: bytes) -> ListingQuote:
        """All that a sale needs.  Raises ContractError as ``price``, and for a closed listing."""
        return decoding.quote(self._registry("quote(bytes32)", [listing], [decoding.QUOTE])[0])

    def openings(self, seller: bytes, model: G1) -> int:
        """How often a commitment was opened by proofs that the registry took, in all of a seller's listings."""
        asked = [checksum(seller), decoding.coordinates(model)]
        return int(self._registry("openings(address,uint256[2])", asked, ["uint256"])[0])

    def lineage(self, listing: bytes) -> Lineage | None:
        """The lineage of a listing, if one was proven.  Raises UnknownError."""
        return decoding.lineage(self._registry("lineage(bytes32)", [listing], [decoding.LINEAGE])[0])

    def difference(self, listing: bytes, statement: LineageStatement) -> G1:
        """C_E of a lineage, as the registry computes it from the rounds.  Raises ContractError for a bad statement."""
        ask = f"difference(bytes32,{decoding.LINEAGE_STATEMENT})"
        return point(*self._registry(ask, [listing, statement.words], ["uint256[2]"])[0])

    def lineage_statement(self, listing: bytes) -> LineageStatement | None:
        """The statement of a listing's lineage, if one was proven; its digest is the registry's.

        Raises:
            ChainError: the node shows another one.
        """
        kept = self.lineage(listing)
        if kept is None:
            return None
        told = self.registry_events.read(decoding.lineage_statement, decoding.LINEAGE_PROVEN, listing)
        found = next((one for one in told if one.digest(self.chain.market) == kept.statement), None)
        if found is None:
            raise ChainError("the node does not show the lineage that the registry has; does it keep old events?")
        return found

    def listings(self, *, seller: bytes | None = None, set_id: bytes | None = None) -> list[bytes]:
        """Identifiers of listings, oldest first; of one seller, or on one set.

        Anybody lists what it likes: only what follows from identifiers is to be believed.
        """
        return self.registry_events.read(decoding.first_topic, decoding.LISTED, None, seller, set_id)

    def nonce_of(self, listing: bytes) -> int:
        """The nonce that a listing was made with.  Raises ChainError where the node does not show its event."""
        found = self.registry_events.read(decoding.listed_nonce, decoding.LISTED, listing)
        if not found:
            raise ChainError("the node shows no event of the listing; does it keep old events?")
        return found[0]

    def bond_of(self, listing: bytes) -> tuple[int, int]:
        """What of a listing's bond is free, and what open sales stake."""
        free, staked = self.chain.call(self.places.sales, "bondOf(bytes32)", [listing], ["uint256", "uint256"])
        return int(free), int(staked)

    def sale_status(self, sale: bytes) -> SaleStatus:
        """How far a sale is."""
        asked = self.chain.call(self.places.sales, "statusOf(bytes32)", [sale], ["uint8"])
        return SaleStatus(asked[0])

    def locked(self, sale: bytes, depth: Depth = 1) -> LockedSale | None:
        """A sale as it was locked, if so many blocks vouch for it, its own among them."""
        return self.sales_events.first(decoding.locked, decoding.LOCKED, sale, depth=depth)

    def sales_of(self, listing: bytes | None = None, buyer: bytes | None = None) -> list[LockedSale]:
        """Sales that were locked, oldest first: of a listing, or by a buyer."""
        return self.sales_events.read(decoding.locked, decoding.LOCKED, None, listing, buyer)

    def revealed_key(self, sale: bytes) -> int | None:
        """k' of a sale, once it was revealed."""
        found = self.sales_events.read(decoding.first_word, decoding.REVEALED, sale)
        return found[0] if found else None

    def owed(self, place: bytes, token: bytes, account: bytes) -> int:
        """What an account can collect of a contract that holds money: ``places.sales`` or ``places.bounties``."""
        return int(self.chain.call(place, "owed(address,address)", [token, account], ["uint256"])[0])

    def bounty(self, bounty: bytes) -> BountyRecord:
        """A bounty.  Raises UnknownError."""
        return decoding.bounty(bounty, self._bounties("bountyOf(bytes32)", [bounty], [decoding.BOUNTY])[0])

    def entry(self, bounty: bytes, number: int) -> BountyEntry:
        """An entry of a bounty.  Raises UnknownError."""
        return decoding.entry(self._bounties("entryAt(bytes32,uint256)", [bounty, number], [decoding.ENTRY])[0])

    def entries(self, bounty: bytes) -> list[BountyEntry]:
        """All entries of a bounty, in order."""
        return [self.entry(bounty, number) for number in range(self.bounty(bounty).entries)]

    def bounties(self, owner: bytes | None = None) -> list[bytes]:
        """Identifiers of bounties, oldest first; of one owner."""
        return self.bounty_events.read(decoding.first_topic, decoding.BOUNTY_OPENED, None, owner)

    def pinned_at_depth(self, bounty: bytes, stage: BountyStage, depth: Depth) -> bytes | None:
        """The hash that was pinned for the draw of a stage, 32 bytes, if so many blocks vouch for that."""
        event = decoding.ANCHOR_PINNED
        return self.bounty_events.first(decoding.pinned_hash, event, bounty, stage.value, depth=depth)

    def drawn_at_depth(self, bounty: bytes, stage: BountyStage, depth: Depth) -> bool:
        """Whether so many blocks vouch for the draw that led a bounty to a stage."""
        event = decoding.TRAINING_DRAWN if stage is BountyStage.TRAINING_DRAWN else decoding.TESTS_DRAWN
        return self.bounty_events.first(decoding.first_topic, event, bounty, depth=depth) is not None

    def offer_locked(self, bounty: bytes, depth: Depth = 1) -> LockedOffer | None:
        """The offer that was locked last in a bounty, if so many blocks vouch for it, its own among them."""

        def ask(_: int) -> LockedOffer | None:
            last = self.chain.rpc.block(depth).number
            found = self.bounty_events.find(decoding.OFFER_LOCKED, bounty, last=last)
            if not found:
                return None
            self.chain.rpc.require_canonical(found[-1])
            return cast(LockedOffer, self.chain.rpc.guarded(lambda: decoding.offer_locked(found[-1])))

        return self.chain.rpc.on_one_node(ask)

    def shown_groups(self, bounty: bytes, stage: int) -> dict[int, HiddenGroup]:
        """The groups that a bounty's owner showed: ``bountydraws.TRAINING`` or ``TESTS``; none before."""
        event = decoding.TRAINING_SHOWN if stage == TRAINING else decoding.TESTS_SHOWN
        found = self.bounty_events.read(decoding.shown_groups, event, bounty)
        return found[0] if found else {}

    def all_shown_groups(self, bounty: bytes) -> dict[int, HiddenGroup]:
        """The groups of both stages that a bounty's owner showed."""
        return self.shown_groups(bounty, TRAINING) | self.shown_groups(bounty, TESTS)

    def won_key(self, bounty: bytes) -> int | None:
        """k' with which a bounty was won, once it was."""
        found = self.bounty_events.read(decoding.first_word, decoding.BOUNTY_WON, bounty)
        return found[0] if found else None

    def _events(self, place: bytes) -> Events:
        own = self.chain.events
        return Events(own.rpc, place, own.look, own.from_block)

    def _registry(self, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> tuple[Any, ...]:
        return self.chain.call(self.places.registry, signature, arguments, returns)

    def _bounties(self, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> tuple[Any, ...]:
        return self.chain.call(self.places.bounties, signature, arguments, returns)

    def _address(self, place: bytes, signature: str) -> bytes:
        return to_canonical_address(self.chain.call(place, signature, [], ["address"])[0])

    def _require(self, place: bytes, signature: str, expected: bytes) -> None:
        """Raise ChainError where a contract belongs to others than settings say."""
        found = self._address(place, signature)
        if found != expected:
            raise ChainError(
                f"the contract at {checksum(place)} belongs to {checksum(found)} and not to {checksum(expected)}; name "
                "contracts of one deployment (models.registry, models.sales, models.bounties, chain.market)"
            )
