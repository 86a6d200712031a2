"""What a node's steps leave on its disk, and what a restart remembers: one real prover among parties in memory."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

import numpy as np
import pytest

import native
from circuits.errors import (
    ChainError,
    FullError,
    GradrollError,
    NotReadyError,
    ProofError,
    RuleViolationError,
    SignatureError,
    StorageError,
    UnknownError,
    WireError,
)
from circuits.statement import Membership
from commons.protocol import release
from commons.protocol.bodies import CoinBody
from commons.protocol.bundle import AuditBundle, Certificate
from commons.protocol.messages import Step, StepReply, StepRequest
from commons.protocol.replies import Failure
from commons.protocol.signing import sign_digest
from commons.protocol.streamheads import StepHead
from commons.sharing.prss import PrssKeys
from commons.wire import batchsteps
from coordinator.machine import Completed, begin
from provers.joining.keysetup import KeySetup
from provers.node_environment import NodeEnvironment
from provers.party import ledger
from provers.party.ledger import Selection
from provers.party.steps import members_of
from provers.runner import Runner
from provers.store import Store
from tests.support.network import Memory, Network, OwnerPlan, Result, gradients, network_with
from tests.support.plain_batch import seed_of

PROVER = 2
OWNERS = 3


@dataclass
class Keys:
    """The committee's keys as they are after setup."""

    keys: PrssKeys
    reference: bytes


class NoKeys:
    """They are not set up, or destroyed."""

    reference = seed_of("a later list of members")

    @property
    def keys(self) -> PrssKeys:
        raise NotReadyError("the committee's shared keys are not set up yet")


class Disk(Memory):
    """The network's prover, except that ledger and sums are in a store."""

    def __init__(self, network: Network, store: Store) -> None:
        super().__init__(network, PROVER)
        before = network.memories[PROVER]
        self.payloads, self.acceptances = before.payloads, before.acceptances
        self.store, self.ledger = store, store.ledger


class World:
    """A network in which one prover is a node's runner with its store."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.network = network_with(OWNERS)
        self.deliver_to_parties = self.network.deliver
        self.network.deliver = self.deliver  # type: ignore[method-assign]
        self.received: list[StepRequest] = []
        self.start()

    def start(self) -> None:
        """Open the store and begin to run steps, as a process does."""
        network = self.network
        self.store = Store(self.directory, max_bytes=1 << 24)
        self.disk = Disk(network, self.store)
        network.memories[PROVER] = self.disk
        self.runner = Runner(
            Membership(network.committee, PROVER),
            cast(KeySetup, Keys(network.parties[PROVER].keys, network.reference)),
            self.store,
            cast(NodeEnvironment, self.disk),
        )

    def asking(self, environment: object) -> Runner:
        """The same prover with another view of the chain."""
        keys = cast(KeySetup, Keys(self.network.parties[PROVER].keys, self.network.reference))
        member = Membership(self.network.committee, PROVER)
        return Runner(member, keys, self.store, cast(NodeEnvironment, environment))

    def restart(self) -> None:
        self.store.close()
        self.start()

    def deliver(self, prover: int, request: StepRequest) -> StepReply | Failure:
        if prover != PROVER:
            return self.deliver_to_parties(prover, request)
        self.received.append(request)
        try:
            return self.runner.run(request)
        except GradrollError as error:
            return Failure("refused", error.code, str(error))

    def replace_owners(self) -> None:
        """Let other owners hand in; the next batch is over them."""
        network = self.network
        for values in gradients(2, network.dimension, seed=3):
            network.submit(OwnerPlan(values))
        network.headers, network.plans = network.headers[OWNERS:], network.plans[OWNERS:]

    def request(self, step: Step) -> StepRequest:
        """The last request of a step that reached the prover."""
        return next(r for r in reversed(self.received) if r.step is step)

    def coin_request(self) -> StepRequest:
        network = self.network
        opening = begin(network.resources, network.cohort, attempt_number=1, reachable=range(4))
        return opening.requests[PROVER]

    def selection(self, done: Completed) -> Selection:
        return Selection.plain(members_of(self.network.context, done.statement.owners))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path / "state")
    yield made
    made.store.close()


def finished(world: World) -> Completed:
    result: Result = world.network.run()
    return result.completed


def test_every_start_draws_another_nonce_and_keeps_it(world: World) -> None:
    """Sessions name the nonces, so that a prover whose memory is gone is never led through an old session."""

    def nonce(request: StepRequest) -> bytes:
        return CoinBody.decode(world.runner.run(request).message.body).nonce

    request = world.coin_request()
    first = nonce(request)
    assert len(first) == 32
    assert nonce(request) == first
    world.restart()
    second = nonce(request)
    assert second != first
    assert nonce(request) == second
    world.restart()
    assert nonce(request) not in (first, second)


def test_attesting_leaves_lock_certificate_and_bundle_on_disk(world: World) -> None:
    done = finished(world)
    own = [a for a in done.bundle.certificate.attestations if a[0] == PROVER]
    world.restart()
    assert world.store.ledger.locks == dict.fromkeys(world.selection(done).owners, world.selection(done))
    assert world.store.audit_bundle(done.batch_id) == done.bundle.attested_by(own).encode()
    assert world.store.certificate(done.batch_id) == done.bundle.certificate.attested_by(own).encode()
    assert not world.store.ledger.released


def test_an_attestation_leaves_only_when_its_lock_is_durable(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = world.store.commit

    def full(entries: tuple[ledger.Entry, ...], about: object, after: int) -> None:
        if any(isinstance(entry, ledger.Locked) for entry in entries):
            raise StorageError("the disk is full")
        commit(entries)

    monkeypatch.setattr(world.store, "commit", full)
    result = world.network.run()
    assert len(result.completed.bundle.certificate.attestations) == 3  # a quorum, without this prover
    assert not world.store.ledger.locks
    with pytest.raises(UnknownError):
        world.store.certificate(result.completed.batch_id)
    monkeypatch.undo()
    again = world.runner.run(world.request(Step.ATTEST))
    assert again.message.step is Step.ATTEST
    assert world.store.ledger.locks


@pytest.mark.parametrize("strangers", [0, 3])
def test_shares_of_whoever_fill_a_store_and_its_batches_find_room(world: World, strangers: int) -> None:
    """A prover that then refused to sign would cost the whole round, and strangers could have it so."""
    task, size = world.network.context.task_id, 1 << 12
    world.store._room.add_shares(task, 3 << 20)
    for filling in (*range(task + 1, task + 1 + strangers), task):
        with pytest.raises(FullError):
            while True:
                with world.store.reserved(filling, 0, bytes(20), size):
                    world.store._room.add_shares(filling, size)
    done = finished(world)
    assert PROVER in dict(done.bundle.certificate.attestations)
    assert world.store.ledger.locks
    world.network.accept(done)
    assert world.runner.run(release.requests(done.bundle.certificate, [PROVER])[PROVER]).vector is not None


def test_a_batch_without_room_for_it_and_its_sum_is_not_signed(world: World) -> None:
    world.store._room.add_results(7, (1 << 24) - 1000)
    result = world.network.run().completed
    assert PROVER not in dict(result.bundle.certificate.attestations)
    assert not world.store.ledger.locks


def test_releasing_leaves_the_quorums_certificate_and_the_record(world: World) -> None:
    done = finished(world)
    certificate = done.bundle.certificate
    request = release.requests(certificate, [PROVER])[PROVER]
    with pytest.raises(NotReadyError, match="has not accepted"):
        world.runner.run(request)
    assert not world.store.ledger.released
    assert Certificate.decode(world.store.certificate(done.batch_id)).attestations != certificate.attestations
    world.network.accept(done)
    reply = world.runner.run(request)
    assert reply.vector is not None
    assert np.array_equal(reply.vector, world.disk.summed(world.selection(done)))
    world.restart()
    assert world.store.ledger.released == dict.fromkeys(world.selection(done).owners, world.selection(done))
    assert world.store.certificate(done.batch_id) == certificate.encode()
    assert AuditBundle.decode(world.store.audit_bundle(done.batch_id)).certificate.attestations


def test_a_reader_cannot_spoil_what_the_prover_serves(world: World) -> None:
    done = finished(world)
    world.network.accept(done)
    good = done.bundle.certificate
    owners = tuple(replace(header, dealing_signature=bytes(65)) for header in good.statement.owners)
    groth = replace(good.proof.groth, c=native.g1_generator)
    proof = replace(good.proof, groth=groth, commitment_sum=native.g1_generator)
    spoilt = replace(good, statement=replace(good.statement, owners=owners), proof=proof)
    own = world.store.audit_bundle(done.batch_id)
    for part in (replace(spoilt, statement=good.statement), replace(spoilt, proof=good.proof)):
        with pytest.raises((ProofError, SignatureError)):
            world.runner.run(release.requests(part, [PROVER])[PROVER])
    assert world.store.audit_bundle(done.batch_id) == own
    world.runner.run(release.requests(good, [PROVER])[PROVER])
    assert world.store.audit_bundle(done.batch_id) == done.bundle.encode()


def test_a_prover_that_has_forgotten_the_batch_releases_it_too(world: World) -> None:
    """RELEASE needs shares, certificate and chain; nothing of the attempt."""
    done = finished(world)
    world.network.accept(done)
    world.restart()
    with pytest.raises(UnknownError, match="a restart forgets it"):
        world.runner.cohort(world.request(Step.ATTEST).session)
    opened = world.network.open_sum(done.bundle.certificate, provers=[0, PROVER])
    assert opened.payload == world.network.open_sum(done.bundle.certificate, provers=[0, 1]).payload
    assert not opened.verdicts


def test_a_prover_releases_without_shared_keys_and_takes_no_other_step(world: World) -> None:
    """One member alone can keep new keys from being set up, and the former ones are destroyed."""
    done = finished(world)
    world.network.accept(done)
    member, environment = Membership(world.network.committee, PROVER), cast(NodeEnvironment, world.disk)
    runner = Runner(member, cast(KeySetup, NoKeys()), world.store, environment)
    reply = runner.run(release.requests(done.bundle.certificate, [PROVER])[PROVER])
    assert reply.vector is not None
    assert np.array_equal(reply.vector, world.disk.summed(world.selection(done)))
    for other in (world.coin_request(), world.request(Step.ATTEST)):
        with pytest.raises(NotReadyError, match="not set up"):
            runner.run(other)


def test_keys_that_are_set_up_after_a_release_are_taken(world: World) -> None:
    done = finished(world)
    world.network.accept(done)
    setup = Keys(world.network.parties[PROVER].keys, world.network.reference)
    member, environment = Membership(world.network.committee, PROVER), cast(NodeEnvironment, world.disk)
    runner = Runner(member, cast(KeySetup, setup), world.store, environment)
    runner.run(release.requests(done.bundle.certificate, [PROVER])[PROVER])
    world.replace_owners()
    assert CoinBody.decode(runner.run(world.coin_request()).message.body).share


def test_a_restarted_prover_signs_no_other_set(world: World) -> None:
    """The lock is read back from the disk; a coordinator that lost a batch on purpose gains nothing."""
    first = finished(world)
    world.restart()
    for prover in range(4):
        if prover != PROVER:
            world.network.restart(prover)
    again = world.network.run(first_attempt=100).completed
    assert again.batch_id != first.batch_id
    assert world.selection(again) == world.selection(first)  # the same set once more
    smaller = Selection.plain(members_of(world.network.context, first.statement.owners[:2]))
    with pytest.raises(RuleViolationError, match="locked to another set"):
        world.store.commit([ledger.Locked(smaller)])


def test_a_store_that_was_restored_is_found_out_and_says_so_for_good(world: World, tmp_path: Path) -> None:
    """Its peers have seen a later head; what it refuses, it refuses after the next restart too."""
    world.store.close()
    shutil.copytree(world.directory, tmp_path / "old")
    world.start()
    finished(world)
    world.store.close()
    shutil.rmtree(world.directory)
    shutil.copytree(tmp_path / "old", world.directory)
    world.start()
    world.replace_owners()
    again = world.network.run(first_attempt=100).completed
    assert PROVER not in dict(again.bundle.certificate.attestations)
    world.restart()
    assert world.store.ledger.restored_at == world.disk.clock
    assert not world.store.ledger.locks
    with pytest.raises(RuleViolationError, match="found to be an old copy"):
        world.runner.run(world.coin_request())


def test_a_repeated_request_gets_the_same_answer(world: World) -> None:
    finished(world)
    attest = world.request(Step.ATTEST)
    assert world.runner.run(attest) is world.runner.run(attest)


def test_readers_do_not_push_the_coordinators_answers_out(world: World) -> None:
    """Anybody may ask for a release, as often as they like; it is answered anew and not kept in memory."""
    done = finished(world)
    world.network.accept(done)
    kept = dict(world.runner._replies)
    for _ in range(10):
        assert world.runner.run(release.requests(done.bundle.certificate, [PROVER])[PROVER]).vector is not None
    assert dict(world.runner._replies) == kept
    assert sum(reply.vector is not None for reply in kept.values()) == 1  # COMBINE's, should it be asked for again


def test_nobody_but_the_tasks_coordinator_moves_a_prover_on(world: World) -> None:
    """Not with the coordinator's own signature on another step either."""
    request = world.coin_request()
    for authorization in (b"", sign_digest(seed_of("stranger"), request.asked)):
        with pytest.raises(SignatureError):
            world.runner.run(replace(request, authorization=authorization))
    finished(world)
    attest = world.request(Step.ATTEST)
    with pytest.raises(SignatureError, match=r"the request is signed by|no key"):
        world.runner.run(replace(attest, authorization=world.request(Step.PROVE).authorization))
    with pytest.raises(SignatureError):
        world.runner.run(replace(attest, payload=attest.payload + b"\0"))


class Lagging:
    """A chain that is asked only where no step is held up by it."""

    def __init__(self, disk: Disk, runner: Callable[[], Runner]) -> None:
        self._disk = disk
        self._runner = runner
        self.asked: list[str] = []
        self.while_asked: Callable[[], None] = lambda: None

    def __getattr__(self, name: str) -> object:
        found = getattr(self._disk, name)
        if name not in CHAIN:
            return found

        def ask(*arguments: object) -> object:
            assert not self._runner()._turns._lock.locked(), f"{name} is asked under the lock of all steps"
            self.asked.append(name)
            self.while_asked()
            return found(*arguments)

        ask.__name__ = name
        return ask


CHAIN = frozenset({
    "terms", "policy", "context", "released_context", "coordinator", "opened_at", "now", "require_eligible",
    "require_admissible", "accepted", "challenge", "owners_at",
})  # fmt: skip


def lagging(world: World) -> Lagging:
    """Let the world's prover see the chain through such a node."""
    node = Lagging(world.disk, lambda: world.runner)
    world.runner = world.asking(node)
    return node


def test_the_chain_is_asked_under_no_lock_in_any_step(world: World) -> None:
    """And each fact of a step once, however often the step begins again for the next."""
    node = lagging(world)
    done = finished(world)
    world.network.accept(done)
    node.asked.clear()
    assert world.runner.run(release.requests(done.bundle.certificate, [PROVER])[PROVER]).vector is not None
    assert {"released_context", "accepted"} <= set(node.asked) < CHAIN
    assert len(node.asked) == len(set(node.asked))


def test_while_a_node_lags_other_steps_run(world: World) -> None:
    node, request = lagging(world), world.coin_request()
    finished(world)
    attest, answers = world.request(Step.ATTEST), list[StepReply]()

    def meanwhile() -> None:
        if not answers:
            answers.append(world.runner.run(attest))  # answered from memory, which takes the lock

    node.while_asked = meanwhile
    with pytest.raises(SignatureError):
        world.runner.run(replace(request, authorization=bytes(64) + b"\x1b"))
    assert [reply.message.step for reply in answers] == [Step.ATTEST]


def test_a_step_whose_question_fails_is_refused_and_asks_anew_when_it_is_repeated(world: World) -> None:
    node, request = lagging(world), world.coin_request()

    def silent() -> None:
        raise ChainError("the node does not answer")

    node.while_asked = silent
    for count in (1, 2):
        with pytest.raises(ChainError, match="does not answer"):
            world.runner.run(request)
        assert node.asked == ["coordinator"] * count
    node.while_asked = lambda: None
    assert world.runner.run(request).message.step is Step.COIN


def test_the_task_of_a_step_is_known_from_its_head(world: World) -> None:
    def head(request: StepRequest) -> StepHead:
        return batchsteps.step_head_from_wire(next(batchsteps.request_to_wire(request)))

    coin, task = head(world.coin_request()), world.network.context.task_id
    assert world.runner.task_of(coin) == task
    with pytest.raises(UnknownError, match="a restart forgets"):
        world.runner.task_of(replace(coin, step=Step.PROJECT, task_id=0))
    finished(world)
    for step in (Step.PROJECT, Step.MASK, Step.VALIDATE, Step.ATTEST):
        assert world.runner.task_of(head(world.request(step))) == task
        with pytest.raises((UnknownError, WireError)):
            world.runner.task_of(replace(head(world.request(step)), session=bytes(32), proposal=None))


def test_the_head_that_a_coin_shows_is_in_the_ledger_whatever_else_was_recorded_meanwhile(world: World) -> None:
    """Else a peer that shows it later proves that the ledger is an old copy, and the prover is silent from then on."""

    class Closing(Disk):
        has_closed = False

        def sign(self, digest: bytes) -> bytes:
            if not self.has_closed:
                self.has_closed = True
                self.store.close_round((1, 0))  # as tidying does, in its own thread
            return super().sign(digest)

    reply = world.asking(Closing(world.network, world.store)).run(world.coin_request())
    head = CoinBody.decode(reply.message.body).head
    assert world.store.ledger.closed == {1: 0}
    assert head.count == world.store.ledger.count == 2
    assert not world.store.ledger.lacks(head.count, head.digest)
