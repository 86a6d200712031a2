"""The model owner's reference is dealt before its round is opened, and its provers get what was opened with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from circuits.errors import GradientError, InvalidInputError, UnavailableError, UnknownError
from circuits.quantize import quantize
from circuits.statement import REFERENCE_INDEX, Context
from commons.protocol.references import Opening
from commons.protocol.signing import require_owner
from commons.sharing.sharepayloads import payload_digest
from commons.storage.accounts import SigningKey
from commons.storage.submissions import SubmissionStore
from commons.wire import handing
from commons.wire.handing import ShareSender
from commons.wire.resuming import Dealer
from gradroll.model_owner.referencedealing import NextRound, ReferenceDealer, ReferenceSender
from tests.gradroll.fakes import (
    DIMENSION,
    GRADED,
    MARKET,
    POLICY,
    FakeCoordinator,
    FakeParameters,
    FakeProvers,
    GradedChain,
    terms,
)

GRADIENT = np.linspace(-1, 1, DIMENSION)
MODEL = b"\x55" * 32


@dataclass
class World:
    chain: GradedChain
    coordinator: FakeCoordinator
    provers: FakeProvers
    account: SigningKey
    state: Path
    coming: NextRound = field(init=False)

    def __post_init__(self) -> None:
        self.coming = NextRound(GRADED, POLICY, self.chain.committee_record(0, 0).committee, 0, MODEL)

    def dealer(self) -> ReferenceDealer:
        """A fresh object, as after a restart; only the directory is the same."""
        store = SubmissionStore(self.state, MARKET)
        return ReferenceDealer(
            self.account.address, Dealer(FakeParameters().parameters, self.account.sign, store.save), store
        )

    def open(self, copies: int = 2) -> Opening:
        opening = self.dealer().deal(GRADIENT, copies, self.coming)
        self.chain.model_digest = opening.digest
        return opening

    def sender(self) -> ReferenceSender:
        dealing = self.dealer()
        shares = ShareSender(
            self.chain.view, self.coordinator.client, dealing.store.save, stall=60.0, tls_roots=None, patience=0.0
        )  # fmt: skip
        return ReferenceSender(self.chain.view, self.coordinator.client, dealing, shares)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    keys = tuple(SigningKey.generate() for _ in range(4))
    provers = FakeProvers(keys)
    monkeypatch.setattr(handing, "ProverClient", provers.client)
    yield World(GradedChain(keys), FakeCoordinator(), provers, SigningKey.generate(), tmp_path)


def test_every_copy_is_dealt_afresh_and_signed_over_the_whole_opening(world: World) -> None:
    opening = world.open(3)
    assert len({copy.commitment for copy in opening.copies}) == 3
    store = SubmissionStore(world.state, MARKET)
    for number in range(3):
        saved = store.load(0, 0, world.account.address, number)
        assert saved is not None
        assert saved.header.owner == world.account.address
        assert saved.header.owner_index == REFERENCE_INDEX + number
        assert opening.require_copy(saved.header) == number
        require_owner(saved.header, Context.of(GRADED, 0, opening.digest, POLICY))


def test_all_copies_commit_to_the_gradient_at_the_bound(world: World) -> None:
    opening = world.open(2)
    quantized = quantize(GRADIENT * 1e9, fraction_bits=16, bound=GRADED.bound, dimension=DIMENSION)
    store = SubmissionStore(world.state, MARKET)
    for number, copy in enumerate(opening.copies):
        saved = store.load(0, 0, world.account.address, number)
        assert saved is not None
        assert world.dealer().dealer.again(saved, quantized, GRADED, world.coming.committee).commitment == (
            copy.commitment
        )


def test_an_interrupted_run_goes_on_with_what_it_may_have_opened_the_round_with(world: World) -> None:
    opening = world.open(2)
    assert world.dealer().deal(GRADIENT * 0.5, 2, world.coming) == opening, "the same gradient at the bound"
    for copies in (1, 3):
        assert world.dealer().deal(GRADIENT, copies, world.coming) == opening, "for more or fewer seats, too"


def test_what_is_left_of_a_larger_dealing_is_none_of_a_smaller_one(world: World) -> None:
    store = SubmissionStore(world.state, MARKET)
    world.dealer().deal(GRADIENT, 3, replace(world.coming, model_digest=b"\x77" * 32))
    third = store.load(0, 0, world.account.address, 2)
    assert third is not None
    opening = world.open(2)
    assert len(opening.copies) == 2
    assert store.load(0, 0, world.account.address, 2) == third
    assert world.dealer().deal(GRADIENT, 2, world.coming) == opening


@pytest.mark.parametrize("change", ["gradient", "model", "terms", "round", "account"])
def test_for_anything_else_it_is_dealt_anew(world: World, change: str) -> None:
    opening, coming, gradient = world.open(2), world.coming, GRADIENT
    if change == "gradient":
        gradient = GRADIENT[::-1].copy()
    elif change == "model":
        coming = replace(coming, model_digest=b"\x77" * 32)
    elif change == "terms":
        coming = replace(coming, terms=replace(GRADED, min_owners=3))
    elif change == "round":
        coming = replace(coming, number=1)
    else:
        world.account = SigningKey.generate()
    again = world.dealer().deal(gradient, 2, coming)
    assert not {copy.commitment for copy in again.copies} & {copy.commitment for copy in opening.copies}


def test_provers_get_the_shares_that_the_round_was_opened_with(world: World) -> None:
    opening = world.open(2)
    handed = world.sender().hand_in(0, 0, GRADIENT, 2)
    assert [each.receipts for each in handed] == [(0, 1, 2, 3)] * 2
    headers = [header for header, _ in world.coordinator.headers]
    assert [opening.require_copy(header) for header in headers] == [0, 1]
    for prover, payloads in world.provers.received.items():
        assert [payload_digest(payload) for payload in payloads] == [each.share_digests[prover] for each in headers]


def test_what_was_handed_in_is_not_sent_again_and_the_rest_goes_on(world: World) -> None:
    world.open(2)
    sent: list[int] = []

    def one_copy_only(prover: int, digest: bytes) -> bytes:
        sent.append(prover)
        if len(sent) > 4:
            raise UnavailableError("the connection broke")
        return world.provers.keys[prover].sign(digest)

    world.provers.signs = one_copy_only
    with pytest.raises(UnavailableError, match=r"0 of 4 provers hold their share of copy 1"):
        world.sender().hand_in(0, 0, GRADIENT, 2)
    world.provers.signs = None
    world.sender().hand_in(0, 0, GRADIENT, 2)
    for payloads in world.provers.received.values():
        assert len(payloads) == 3
        assert payloads[1] == payloads[2], "the very share whose digest is in the opening"
    assert all('"seeds": ""' in path.read_text() for path in world.state.rglob("*-copy-*.json"))


def test_another_coordinator_is_told_of_the_copies_that_provers_have(world: World) -> None:
    world.open(2)
    world.sender().hand_in(0, 0, GRADIENT, 2)
    told, world.coordinator = world.coordinator.headers, FakeCoordinator()
    world.sender().hand_in(0, 0, GRADIENT, 2)
    assert world.coordinator.headers == told
    assert all(len(payloads) == 2 for payloads in world.provers.received.values())


def test_another_gradient_or_another_opening_is_not_handed_in(world: World) -> None:
    world.open(2)
    with pytest.raises(InvalidInputError, match="another reference was dealt"):
        world.sender().hand_in(0, 0, -GRADIENT, 2)
    world.chain.model_digest = b"\x01" * 32
    with pytest.raises(InvalidInputError, match="opened with another reference or model"):
        world.sender().hand_in(0, 0, GRADIENT, 2)
    with pytest.raises(UnknownError, match="2 of 3 copies"):
        world.sender().hand_in(0, 0, GRADIENT, 3)
    assert not world.provers.received


def test_what_no_round_is_opened_with_is_refused_before_anything_is_kept(world: World) -> None:
    dealer = world.dealer()
    with pytest.raises(GradientError, match="no direction"):
        dealer.deal(np.zeros(DIMENSION), 1, world.coming)
    with pytest.raises(InvalidInputError, match="1 to 16 copies"):
        dealer.deal(GRADIENT, 17, world.coming)
    with pytest.raises(InvalidInputError, match="does not grade"):
        dealer.deal(GRADIENT, 1, replace(world.coming, terms=terms()))
    assert not list(world.state.rglob("*.json"))
