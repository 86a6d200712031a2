"""A private sum from the shares that a coordinator kept, whose signers have other keys by now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest

from circuits.errors import UnavailableError
from circuits.statement import Committee, Context
from commons.chain.facts import AcceptedBatch, RecordedBatch
from commons.chain.view import ChainView
from commons.protocol import release, sealedreplies
from commons.protocol.messages import StepReply, StepRequest
from commons.protocol.release import SumAsked
from commons.protocol.replies import ProverNamed
from commons.protocol.signing import sign_digest
from commons.sharing.sealing import public_key
from commons.wire.coordinator_client import CoordinatorClient
from coordinator.machine import Completed
from gradroll.model_owner.from_provers import ProverReader
from gradroll.model_owner.sumreading import FoundSum, SumReader
from tests.support.network import Fault, Network, network_with
from tests.support.plain_batch import address_of, seed_of

SECRET = bytes(range(1, 33))
OWNERS, OPENED = 3, 4


def members(network: Network, key: str, provers: range) -> tuple[bytes, ...]:
    """The committee's members when these provers have other keys."""
    own = network.committee.members
    return tuple(address_of(seed_of(key, p)) if p in provers else address for p, address in enumerate(own))


@dataclass
class View:
    """A chain on which the committee has had more epochs since the round's.

    Attributes:
        epochs: members by epoch.
    """

    network: Network
    epochs: Mapping[int, tuple[bytes, ...]]
    asked: list[int] = field(default_factory=list)

    def context(self, task_id: int, number: int) -> Context:
        return self.network.context

    def committee_of_round(self, task_id: int, number: int) -> Committee:
        return self.network.committee

    def round(self, task_id: int, number: int) -> SimpleNamespace:
        return SimpleNamespace(epoch=OPENED)

    def committee_record(self, committee_id: int) -> SimpleNamespace:
        return SimpleNamespace(epoch=max(self.epochs))

    def committee(self, committee_id: int, epoch: int | None = None) -> Committee:
        epoch = max(self.epochs) if epoch is None else epoch
        self.asked.append(epoch)
        members = self.epochs.get(epoch, self.network.committee.members)
        return replace(self.network.committee, members=members)


@dataclass
class Kept:
    """A coordinator that serves what it gathered."""

    raw: bytes

    def sealed_sum(self, batch_id: bytes, dimension: int, provers: int) -> tuple[sealedreplies.SealedShare, ...]:
        return sealedreplies.decode(self.raw, dimension + 129)


class Gone:
    """Provers delete sums after a while."""

    def aggregate(self, *_: object) -> release.Opened:
        raise UnavailableError("the provers' retention is over")


@pytest.fixture(scope="module")
def accepted() -> tuple[Network, Completed]:
    network = network_with(OWNERS, sum_key=public_key(SECRET))
    done = network.run().completed
    network.accept(done)
    return network, done


def signing(key: str) -> Fault:
    """A prover that has another key by now, and signs with that."""

    def fault(network: Network, prover: int, request: StepRequest, reply: StepReply) -> StepReply:
        signature = sign_digest(seed_of(key, prover), reply.message.digest)
        return replace(reply, message=replace(reply.message, signature=signature))

    return fault


def read(accepted: tuple[Network, Completed], view: View, key: str, provers: range) -> FoundSum:
    """Gathered when these provers had that key, and read from the coordinator alone."""
    network, done = accepted
    requests = release.requests(done.bundle.certificate, range(3))  # one is silent
    faults = {p: [signing(key)] for p in provers}
    replies = {p: network.answer(p, request, faults) for p, request in requests.items()}
    asked = SumAsked.of(done.bundle.certificate)
    gathered = release.gathered(network.committee, asked, replies, (members(network, key, provers),))
    owners = done.statement.owners
    record = RecordedBatch(0, done.batch_id, asked.commitment, tuple(h.owner_index for h in owners))
    batch = AcceptedBatch(network.terms.task_id, 0, record, tuple(h.owner for h in owners), 1, ())
    reader = SumReader(
        cast(ChainView, view), cast(CoordinatorClient, Kept(gathered.payload)), cast(ProverReader, Gone())
    )
    return reader.read(batch, network.setup.commitment, SECRET)


def test_shares_open_whose_provers_had_that_key_between_the_rounds_and_their_present_one(
    accepted: tuple[Network, Completed],
) -> None:
    """Nobody honest is named, and nothing is lost once provers have deleted the sum."""
    network, _ = accepted
    epochs = {6: members(network, "second", range(3)), 8: members(network, "third", range(3))}
    found = read(accepted, View(network, epochs), "second", range(3))
    total = np.sum([plan.gradient for plan in network.plans], axis=0)
    assert np.array_equal(found.aggregate.values, total)
    assert found.verdicts == ()


def test_a_key_that_was_never_the_members_signs_for_nobody(accepted: tuple[Network, Completed]) -> None:
    network, _ = accepted
    view = View(network, {6: members(network, "second", range(3))})
    found = read(accepted, view, "stranger's", range(1))
    assert [(v.prover, v.proven) for v in found.verdicts if isinstance(v, ProverNamed)] == [(0, False)]
    with pytest.raises(UnavailableError, match="message: "):
        read(accepted, view, "stranger's", range(3))


def test_a_node_that_claims_epochs_without_end_keeps_nobody(accepted: tuple[Network, Completed]) -> None:
    network, _ = accepted
    view = View(network, {1 << 60: members(network, "second", range(3))})
    assert read(accepted, view, "second", range(3)).verdicts == ()
    assert len(view.asked) < 1000
