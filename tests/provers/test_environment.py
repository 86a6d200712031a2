"""What a node's environment asks of the chain before a prover signs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import pytest

from circuits.errors import ChainError, ClosedError, InvalidInputError, UnknownError
from circuits.statement import Committee, Context, Membership, Policy
from circuits.terms import MarketId, TaskTerms, Windows
from commons.chain.facts import OwnerRecord, Participants, RoundRecord
from commons.chain.view import ChainView
from commons.runtime.clock import Clock, SystemClock
from commons.storage.parameters import PublicParameters
from native import G1
from provers.finality import Finality
from provers.formers import Formers
from provers.joining.keystore import Keystore
from provers.node_environment import NodeEnvironment
from provers.store import Store
from tests.commons.test_many_questions import LEFT, MARKET, MarketNode

TERMS = TaskTerms(
    5, b"\x04" * 20, b"\x05" * 20, 10, 16, 1 << 40, 2, 40, 3, Windows(60, 600),
    market=MarketId(1, b"\x01" * 20, b"\x02" * 32), task_id=3, creator=b"\x03" * 20,
)  # fmt: skip
MEMBERS = Committee(5, 1, tuple(bytes([p + 1]) * 20 for p in range(4)))
POLICY = Policy(16, b"\x06" * 32, b"\x07" * 32)
CONTEXT = Context.of(TERMS, 0, b"\x08" * 32, POLICY)
OPEN = RoundRecord(b"\x08" * 32, 50, 100, 1, 2, 20, 10, 0, 2, G1(bytes(64)), False, False)
OWNER = OwnerRecord(b"\x09" * 20, b"\x09" * 20, 0, 0, None, None, False)


@dataclass
class Chain:
    """A round for owners below 10, that has two already, numbers 8 and 9; owner 7 left before it was opened."""

    now_: int = 100
    record: RoundRecord = OPEN
    members: Committee = MEMBERS
    present: bytes = TERMS.coordinator

    def now(self) -> int:
        return self.now_

    def terms(self, task_id: int) -> TaskTerms:
        return TERMS

    def round(self, task_id: int, number: int) -> RoundRecord:
        return self.record

    def owner(self, task_id: int, index: int) -> OwnerRecord:
        return replace(OWNER, leaves_at=0 if index == 7 else 1 if index == 6 else None)

    def owner_records(self, task_id: int, indices: tuple[int, ...]) -> tuple[OwnerRecord, ...]:
        return tuple(self.owner(task_id, index) for index in indices)

    def participants(self, task_id: int, number: int, indices: tuple[int, ...]) -> Participants:
        return Participants(
            self.round(task_id, number), self.owner_records(task_id, indices),
            self.consumed_among(task_id, number, indices),
        )  # fmt: skip

    def committee_of_round(self, task_id: int, number: int) -> Committee:
        return self.members

    def opened_at(self, task_id: int, number: int) -> int:
        return 4321

    def coordinator(self, task_id: int) -> bytes:
        return self.present

    def consumed_among(self, task_id: int, number: int, indices: tuple[int, ...]) -> frozenset[int]:
        return frozenset((8, 9)).intersection(indices)

    def context(self, task_id: int, number: int) -> Context:
        return CONTEXT


@dataclass
class Kept:
    """A store, as far as it is asked."""

    formers: Formers | None


def environment(
    chain: Chain | ChainView,
    committee: Committee = MEMBERS,
    max_dimension: int = 10,
    clock: Clock | None = None,
    formers: Formers | None = None,
) -> NodeEnvironment:
    return NodeEnvironment(
        cast(ChainView, chain), cast(Finality, None), cast(Store, Kept(formers)), cast(Keystore, None),
        cast(PublicParameters, None), clock or SystemClock(), membership=Membership(committee, 2),
        max_dimension=max_dimension, clock_skew=30, signers=frozenset,
    )  # fmt: skip


@dataclass
class Stopped:
    """A clock that a snapshot has put back, or that is right."""

    at: float

    def time(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def test_a_ledger_is_found_to_be_old_at_a_time_that_no_open_round_is_after() -> None:
    """By a clock that was put back with the ledger, a round that lost its records would seem to be opened later."""
    assert environment(Chain(now_=1000), clock=Stopped(1000)).now() == 1000
    assert environment(Chain(now_=1000), clock=Stopped(1020)).now() == 1020
    assert environment(Chain(now_=1000), clock=Stopped(980)).now() == 1000
    with pytest.raises(ChainError, match="clock is 31 s behind"):
        environment(Chain(now_=1000), clock=Stopped(969)).now()


def test_a_batch_that_the_market_would_take_is_admissible() -> None:
    environment(Chain()).require_admissible(CONTEXT, (0, 1))


@pytest.mark.parametrize(
    ("chain", "indices", "match"),
    [
        (Chain(now_=101), (0, 1), "takes no batches any more"),
        (Chain(record=replace(OPEN, finalized=True)), (0, 1), "takes no batches any more"),
        (Chain(), (0, 10), "owner 10 registered when all seats of round 0 were taken"),
        (Chain(), (0, 7), "leaves: none from 0 on"),
        (Chain(), (0, 9), r"owners \[9\] are in an accepted batch"),
    ],
)
def test_what_the_market_would_refuse_is_not_signed(chain: Chain, indices: tuple[int, ...], match: str) -> None:
    """A signature locks the owners; for a batch that cannot be accepted any more they would lose their round."""
    with pytest.raises(ClosedError, match=match):
        environment(chain).require_admissible(CONTEXT, indices)


def test_whether_256_owners_may_be_attested_is_asked_in_six_requests() -> None:
    """And is answered as by one question an owner."""
    node = MarketNode()
    try:
        chain = ChainView(node.url, MARKET)
        before = node.requests
        indices = tuple(index for index in range(256) if index != LEFT)
        environment(chain).require_admissible(CONTEXT, indices)
        assert node.requests - before == 6
        before = node.requests
        signers = environment(chain).owners_at(3, indices)
        assert node.requests - before == 4
        assert signers == tuple(chain.owner(3, index).signer for index in indices)
        node.taken = 1 << 200 | 1 << 7 | 1 << 300
        with pytest.raises(ClosedError, match=r"owners \[7, 200\] are in an accepted batch"):
            environment(chain).require_admissible(CONTEXT, indices)
    finally:
        node.close()


@pytest.mark.parametrize(("late", "over"), [(0, False), (30, False), (31, True)])
def test_submissions_are_over_when_no_share_is_taken_any_more(late: int, over: bool) -> None:
    """Not before: what is handed in at the last moment could answer numbers that others have opened."""
    assert environment(Chain(now_=OPEN.submit_deadline + late)).submissions_over(CONTEXT) is over


def test_an_owner_that_leaves_stays_in_the_round_that_was_open() -> None:
    environment(Chain()).require_admissible(CONTEXT, (0, 6))
    environment(Chain()).require_eligible(CONTEXT, (0, 6))


def test_a_round_was_opened_when_its_event_says_whatever_a_pause_has_made_of_its_deadlines() -> None:
    """By them a round could seem to be opened after this prover's ledger was found to be an old copy."""
    assert environment(Chain(record=replace(OPEN, submit_deadline=50_600))).opened_at(CONTEXT) == 4321


def test_the_coordinator_is_the_present_one_not_that_of_the_terms() -> None:
    chain = Chain()
    node = environment(chain)
    assert node.coordinator(3) == TERMS.coordinator
    chain.present = b"\x99" * 20
    assert node.coordinator(3) == b"\x99" * 20


def test_rounds_of_other_members_of_the_committee_have_no_context_here() -> None:
    """With them this prover shares no keys, and their attestations would not count."""
    others = replace(MEMBERS, members=(*MEMBERS.members[:3], b"\x77" * 20))
    with pytest.raises(UnknownError, match="other members of the committee"):
        environment(Chain(members=others)).context(3, 0)


def test_sums_of_rounds_of_former_members_are_released_by_who_was_one_of_them(tmp_path: Path) -> None:
    """Whom a node names beyond them are strangers: they could attest a set that no quorum did."""
    present = replace(MEMBERS, members=(b"\x77" * 20, *MEMBERS.members[1:]))
    strangers = replace(MEMBERS, members=(*MEMBERS.members[:3], b"\x88" * 20))
    other = replace(MEMBERS, members=tuple(reversed(MEMBERS.members)))
    formers = Formers(tmp_path)
    for members, index in ((MEMBERS, 2), (present, 2), (other, 1)):
        formers.remember(Membership(members, index))

    def released(members: Committee) -> tuple[Context, Committee]:
        return environment(Chain(members=members), present, formers=formers).released_context(3, 0)

    assert released(MEMBERS) == (CONTEXT, MEMBERS)
    assert released(present) == (CONTEXT, present)
    for members in (strangers, other):  # its shares of the others' rounds are at another point
        with pytest.raises(UnknownError, match="with whom this prover was never started"):
            released(members)
    with pytest.raises(UnknownError, match="not for this prover's"):
        environment(Chain(), replace(MEMBERS, committee_id=4), formers=formers).released_context(3, 0)


def test_rounds_of_another_committee_or_of_a_model_too_large_have_no_context_here() -> None:
    assert environment(Chain()).context(3, 0) == CONTEXT
    with pytest.raises(UnknownError, match="not for this prover's"):
        environment(Chain(), committee=replace(MEMBERS, committee_id=4)).context(3, 0)
    with pytest.raises(InvalidInputError, match="this prover takes 9"):
        environment(Chain(), max_dimension=9).context(3, 0)
