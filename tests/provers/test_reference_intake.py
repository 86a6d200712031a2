"""Copies of a round's reference come in like owners' shares, and nothing else comes in their name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from circuits.errors import ClosedError, RuleViolationError, SignatureError, UnknownError, WireError
from circuits.statement import REFERENCE_INDEX, SubmissionHeader
from commons.protocol.references import Copy, Opening
from commons.protocol.signing import sign_digest
from provers.party import ledger
from provers.store import Store
from tests.provers.test_intake import World, no_chunks
from tests.support.gradednetwork import MODEL_OWNER, GradedNetwork, along, graded_with
from tests.support.network import OwnerPlan, network_with
from tests.support.plain_batch import address_of, seed_of

COPIES = 6
"""More than the submissions that a prover takes of one owner."""


@pytest.fixture
def network() -> GradedNetwork:
    return graded_with([1000, 0], copies=[OwnerPlan(along(1000, 5))] * COPIES)


@pytest.fixture
def world(network: GradedNetwork, tmp_path: Path) -> Iterator[World]:
    store = Store(tmp_path, max_bytes=1 << 24)
    world = World(network, store, network.context)
    yield world
    world.intake.close()
    store.close()


def resigned(network: GradedNetwork, header: SubmissionHeader, key: bytes) -> SubmissionHeader:
    """The header as somebody else signs it."""
    return replace(header, owner=address_of(key)).signed(network.context, partial(sign_digest, key))


def test_all_copies_and_the_owners_come_in(world: World, network: GradedNetwork) -> None:
    for header in (*network.references, *network.headers):
        submission, _ = world.hand_in(header)
        assert submission == header.digest(network.context)
    assert world.store.usage()[0] == COPIES + len(network.headers)


def test_a_copy_is_one_of_those_that_the_round_was_opened_with(world: World, network: GradedNetwork) -> None:
    first, second, *_ = network.references
    for swapped in (
        replace(first, owner_index=second.owner_index),
        replace(first, share_digests=second.share_digests),
        replace(first, commitment=second.commitment),
    ):
        forged = resigned(network, swapped, MODEL_OWNER)
        head = replace(world.upload(first).head.share(2), header=forged)
        with pytest.raises(SignatureError, match="commitment or shares"):
            world.take(head, no_chunks())
    beyond = resigned(network, replace(first, owner_index=REFERENCE_INDEX + COPIES), MODEL_OWNER)
    with pytest.raises(WireError, match="none of a reference"):
        world.take(replace(world.upload(first).head.share(2), header=beyond), no_chunks())
    unsigned = replace(first, signature=network.references[1].signature)
    with pytest.raises(SignatureError):
        world.take(replace(world.upload(first).head.share(2), header=unsigned), no_chunks())


def test_copies_with_one_commitment_do_not_come_in(network: GradedNetwork, tmp_path: Path) -> None:
    network.open_with_twins()
    store = Store(tmp_path, max_bytes=1 << 24)
    world = World(network, store, network.context)
    for header in network.references:
        with pytest.raises(WireError, match="another copy of this round's reference"):
            world.hand_in(header)
    assert store.usage()[0] == 0
    world.intake.close()
    store.close()


def test_nobody_but_the_model_owner_takes_up_the_places_of_copies(world: World, network: GradedNetwork) -> None:
    """What a copy commits to is public, so anybody can sign a header of it."""
    stranger = seed_of("a stranger")
    header = resigned(network, network.references[0], stranger)
    with pytest.raises(SignatureError, match=r"which the model owner 0x.* deals"):
        world.take(replace(world.upload(network.references[0]).head.share(2), header=header), no_chunks())
    world.model_owner = stranger
    with pytest.raises(SignatureError, match=r"which the model owner 0x.* deals"):
        world.hand_in(network.references[0])


def test_a_round_without_references_takes_none(tmp_path: Path, network: GradedNetwork) -> None:
    plain, store = network_with(1), Store(tmp_path, max_bytes=1 << 24)
    world = World(plain, store, plain.context)
    head = replace(world.upload(plain.headers[0]).head.share(2), header=network.references[0])
    with pytest.raises(UnknownError, match="without references"):
        world.take(head, no_chunks())
    world.intake.close()
    store.close()


def test_copies_come_in_while_the_round_takes_submissions(world: World, network: GradedNetwork) -> None:
    world.deadline -= 1_000
    with pytest.raises(ClosedError, match="took submissions until"):
        world.hand_in(network.references[0])


@pytest.mark.parametrize("copy", [0, COPIES - 1])
def test_a_copy_joins_one_cohort_whoever_signs_its_header(network: GradedNetwork, copy: int) -> None:
    """Nothing ties the address under which a copy is dealt to the round.  Under another one, which anybody can sign
    with, its commitment would join a second cohort, and its masks would hide two projections."""
    context, state = network.context, ledger.LedgerState()
    header = network.references[copy]
    other = resigned(network, header, seed_of("a stranger"))
    assert other.digest(context) != header.digest(context)
    members = [ledger.Member(ledger.header_key(context, h), b"c" * 32, h.digest(context)) for h in (header, other)]
    state.apply(ledger.CohortJoined(b"\x01" * 32, (members[0],)))
    with pytest.raises(RuleViolationError, match="already belongs to another cohort"):
        state.check(ledger.CohortJoined(b"\x02" * 32, (members[1],)))


def test_the_opening_is_held_against_the_rounds_digest(world: World, network: GradedNetwork) -> None:
    """A node that shows other references than the context binds is not believed."""
    network._opening = Opening(b"\x01" * 32, tuple(map(Copy.of, network.references)))
    with pytest.raises(WireError, match="other references"):
        world.hand_in(network.references[0])


def test_a_copy_is_not_taken_as_a_gradient_of_the_model_owner_that_is_an_owner_too(
    world: World, network: GradedNetwork
) -> None:
    network.owner_addresses[9] = address_of(MODEL_OWNER)
    first = network.references[0]
    again = resigned(network, replace(first, owner_index=9), MODEL_OWNER)
    head = replace(world.upload(first).head.share(2), header=again)
    with pytest.raises(WireError, match="a copy of the round's reference"):
        world.take(head, no_chunks())
    world.hand_in(first)
    with pytest.raises(UnknownError, match="no share of submission"):  # whose receipts it could post
        world.intake.receipt(again)
