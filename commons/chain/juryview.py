"""The jury of the data market as nodes show it: pools, slots, cases, seats."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

from eth_utils.address import to_canonical_address

from circuits.errors import ChainError
from commons.chain import datadecoding as decoding
from commons.chain.contractevents import Events
from commons.chain.datafacts import CampaignTerms
from commons.chain.juryfacts import POOL_TERMS, CaseRecord, PoolRecord, PoolTerms, SeatRecord, SlotRecord
from commons.chain.view import ChainView
from commons.runtime.amounts import checksum
from commons.settings.values import Depth

T = TypeVar("T")


def pool_of(terms: CampaignTerms) -> PoolTerms:
    """The pool whose jurors decide a campaign's cases."""
    return PoolTerms(terms.token, terms.juror_stake, terms.fee // terms.jurors, terms.jurors, terms.committee_id)


class JuryView:
    """The jury of a contract of campaigns.  Every method raises ChainError, UnknownError as those of ``DataView``.

    Args:
        place: 20-byte address of the jury.
        campaigns: the contract whose cases it decides.

    Attributes:
        deployment: of the jury, 32 bytes.
    """

    def __init__(self, chain: ChainView, place: bytes, campaigns: bytes) -> None:
        self.chain, self.place = chain, place
        found = to_canonical_address(self._ask("campaigns()", [], ["address"]))
        if found != campaigns:
            raise ChainError(
                f"the jury at {checksum(place)} decides for {checksum(found)} and not for {checksum(campaigns)}; is "
                "the contract ours?"
            )
        self.deployment = bytes(self._ask("deployment()", [], ["bytes32"]))
        own = chain.events
        self.events = Events(own.rpc, place, own.look, own.from_block)

    @property
    def notice(self) -> int:
        """Seconds between a slot's leaving and its withdrawal."""
        return int(self._ask("notice()", [], ["uint32"]))

    def pool(self, terms: PoolTerms) -> PoolRecord:
        """The pool of terms."""
        return self._guarded(decoding.pool, self._ask(f"poolOf({POOL_TERMS})", [terms.words], [decoding.POOL]))

    def slot(self, number: int) -> SlotRecord:
        """A slot."""
        return self._guarded(decoding.slot, self._ask("slotOf(uint256)", [number], [decoding.SLOT]))

    def slots(self, juror: bytes, pool: int | None = None) -> list[int]:
        """Numbers of the slots that a juror still has, ascending; of one pool."""
        return [number for number in self.joined(juror, pool) if self.slot(number).juror == juror]

    def case(self, number: int) -> CaseRecord:
        """A case."""
        raw = self._ask("caseOf(uint256)", [number], [decoding.CASE])
        return self._guarded(lambda one: decoding.case(number, one), raw)

    def seat(self, case: int, round_: int, index: int) -> SeatRecord:
        """A seat of a case's jury."""
        return self._guarded(decoding.seat, self._ask("seat(uint256,uint256,uint256)", [case, round_, index],
                                                      [decoding.SEAT]))  # fmt: skip

    def is_coherent(self, case: int, round_: int, index: int) -> bool:
        """Whether a seat's vote agrees with the final verdict of a case that has ended."""
        given = [case, round_, index]
        return bool(self.chain.call(self.place, "seatOf(uint256,uint256,uint256)", given, ["address", "bool"])[1])

    def seats(self, case: CaseRecord, juror: bytes) -> list[tuple[int, int]]:
        """Round and index of each seat that a juror has in a case."""
        drawn = [(at, jury.size) for at, jury in enumerate(case.juries) if jury.drawn_at]
        places = [(at, index) for at, size in drawn for index in range(size)]
        return [place for place in places if self.seat(case.number, *place).juror == juror]

    def is_drawn(self, case: int, round_: int, depth: Depth) -> bool:
        """Whether so many blocks vouch for the draw of a case's jury."""
        return self.events.first(decoding.drawn, decoding.DRAWN, case, round_, depth=depth) is not None

    def joined(self, juror: bytes, pool: int | None = None) -> list[int]:
        """Numbers of the slots that a juror joined with, ascending, also of those that it has no more; of one pool."""
        ranges = self.events.read(decoding.joined, decoding.JOINED, pool, juror)
        return [number for each in ranges for number in each]

    def opened_in(self, case: int) -> int | None:
        """Number of the block in which a case was opened; None where the node does not keep so old events."""
        found = self.events.read(lambda log: int(log["blockNumber"]), decoding.JURY_CASE_OPENED, case)
        return found[0] if found else None

    def owed(self, token: bytes, account: bytes) -> int:
        """What an account can collect of the jury: stakes that were withdrawn."""
        return int(self._ask("owed(address,address)", [token, account], ["uint256"]))

    def _guarded(self, take_apart: Callable[[Any], T], raw: Any) -> T:
        return cast(T, self.chain.rpc.guarded(lambda: take_apart(raw)))

    def _ask(self, signature: str, arguments: Sequence[Any], returns: Sequence[str]) -> Any:
        return self.chain.call(self.place, signature, arguments, returns)[0]
