"""The simulation's chain against the contracts on an EVM: the same transactions, accepted or refused alike."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from circuits.errors import ContractError
from circuits.hashing import keccak
from circuits.statement import BatchProof, BatchStatement, SubmissionHeader
from circuits.terms import ETHER, Pay, Windows
from commons.chain import calldata
from commons.chain.deploying import deploy_contracts
from commons.chain.devchain import DevChain
from commons.chain.facts import HeldFees
from commons.chain.ignored import postings
from commons.chain.ports import BatchSender
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.protocol.receipts import availability_digest, exclusion_digest, receipt_digest
from commons.sharing import sealing
from native import g1_generator
from tests.commons.test_chain import DIMENSION, PAYEE, REWARD, RULES, World, built, has_part, terms
from tests.simulation.world.chain import BLOCK_SECONDS, ModelChain, OpenRound
from tests.simulation.world.clock import WorldClock
from tests.simulation.world.nodes import Account, NodeView
from tests.support.plain_batch import development_setup

Attestations = list[tuple[int, bytes]]
GUARDIAN = 9
"""Which account may pause the market."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    dev = DevChain()
    url, keys = dev.start(), dev.accounts
    made = deploy_contracts(url, keys[0], replace(RULES, guardian=keys[GUARDIAN].address))
    chains = tuple(ChainWriter(ChainView(url, made.market), key) for key in keys)
    yield World(url, made.chain_id, keys, made.market, made.factory, chains)
    dev.stop()


@pytest.fixture(scope="module")
def task(world: World) -> Callable[..., int]:
    """Creates and funds a task of the committee of accounts 1 to 4, in which accounts 6 to 8 are registered."""
    chain = world.chain
    committee = chain.create_committee(1, [one.address for one in world.chains[1:5]])
    for index, one in enumerate(world.chains[1:5]):
        one.join(committee, f"127.0.0.1:{7000 + index}", sealing.public_key(sealing.generate()))
    verifier = chain.deploy_verifier(world.factory, development_setup("norm", 16, DIMENSION).verifying)

    def create(**changes: object) -> int:
        number = chain.create_task(terms(world, committee, verifier, **changes))
        chain.fund(number, 18 * REWARD)
        assert [owner.register(number) for owner in world.chains[6:9]] == [0, 1, 2]
        return number

    return create


def outcome(act: Callable[[], object]) -> str:
    try:
        act()
    except ContractError as error:
        return error.error
    return "done"


def accepting(
    sender: BatchSender, statement: BatchStatement, proof: BatchProof, signed: Sequence[tuple[int, bytes]],
    payee: bytes = PAYEE,
) -> str:  # fmt: skip
    return outcome(lambda: sender.accept_batch(statement, proof, signed, payee))


def mirrored(world: World, task: int) -> Account:
    """An account at a model of the market's state, in which nothing was paused yet."""
    view = world.chain.view
    record, task_terms = view.committee_record(view.terms(task).committee_id), view.terms(task)
    clock = WorldClock()
    clock.now = float(view.now())
    model = ModelChain(
        clock, task_terms, view.policy(task), development_setup("norm", 16, DIMENSION).verifying, record.committee,
        keccak(b"model"), record.endpoints, record.hpke_keys,
    )  # fmt: skip
    model.owners = {index: view.owner_at(task, index) for index in range(view.task(task).owners)}
    for number in range(view.task(task).rounds_opened):
        known = view.round(task, number)
        at = view.opened_at(task, number)
        model.opened.append(OpenRound(known.submit_deadline, known.settle_deadline, known.seats, known.limit, at))
    return Account(NodeView(model))


@pytest.mark.slow
def test_the_model_takes_and_refuses_what_the_contracts_do(world: World, task: Callable[..., int]) -> None:
    chain, number = world.chain, task()
    opened = chain.open_round(number, keccak(b"model"))
    assert world.chains[5].register(number) == 3
    batch, signed = built(world, number, opened, [0, 1, 2])
    account = mirrored(world, number)
    statement, proof = batch.statement, batch.proof
    seatless = [replace(header, owner_index=index) for header, index in zip(statement.owners, (0, 1, 3), strict=True)]

    cases: list[tuple[BatchStatement, BatchProof, Attestations, bytes, set[str]]] = [
        (statement, proof, signed[:2], PAYEE, {"TooFewAttestations"}),
        (statement, proof, [*signed[:2], (3, signed[0][1])], PAYEE, {"AttestationInvalid", "TooFewAttestations"}),
        (statement, proof, signed, chain.address, {"AttestationInvalid", "TooFewAttestations"}),
        (statement, replace(proof, square_norm=proof.square_norm + 1), signed, PAYEE, {"ProofInvalid"}),
        (replace(statement, owners=statement.owners[::-1]), proof, signed, PAYEE, {"OwnersNotAscending"}),
        (replace(statement, owners=statement.owners[:1]), proof, signed, PAYEE, {"TooFewOwners"}),
        (replace(statement, owners=tuple(seatless)), proof, signed, PAYEE, {"OwnerHasNoSeat"}),
        (statement, proof, signed, PAYEE, {"done"}),
        (statement, proof, signed, PAYEE, {"OwnerAlreadyAccepted"}),
        (replace(statement, owners=tuple(seatless)), proof, signed, PAYEE, {"OwnerHasNoSeat"}),
    ]
    for each, of, attestations, payee, expected in cases:
        found = {accepting(sender, each, of, attestations, payee) for sender in (chain, account)}
        assert found <= expected, expected

    theirs, ours = chain.view.accepted(number, opened), account.view.accepted(number, opened)
    assert [a.record for a in theirs] == [a.record for a in ours]
    assert theirs[0].owners == ours[0].owners
    recorded = [sender.view.recorded(number, opened, batch.batch_id, 1) for sender in (chain, account)]
    assert recorded[0] == recorded[1] is not None
    for index in (0, 1, 2, 3):
        assert chain.view.consumed(number, opened, index) == account.view.consumed(number, opened, index)
    assert chain.view.context(number, opened) == account.view.context(number, opened)

    world.advance(700)
    account.view.chain.clock.advance(700)
    late, signatures = built(world, number, opened, [0, 1, 2])
    for sender in (chain, account):
        assert accepting(sender, late.statement, late.proof, signatures) == "RoundClosed"


@pytest.mark.slow
def test_seats_and_leaving_are_as_in_the_contracts(world: World, task: Callable[..., int]) -> None:
    chain, number = world.chain, task(windows=Windows(60, 600, exit=600))
    chain.open_round(number, keccak(b"model"), 4)
    batch, signed = built(world, number, 0, [0, 1, 2])
    account = mirrored(world, number)
    model = account.view.chain
    for sender in (chain, account):
        assert accepting(sender, batch.statement, batch.proof, signed) == "done"
    newcomers = [world.chains[5], world.chains[4], world.chains[3]]
    for newcomer in newcomers[:2]:
        assert newcomer.register(number) == model.register(newcomer.address)
    world.chains[7].resign(number, 1)
    model.resign(1)
    assert outcome(lambda: world.chains[7].resign(number, 1)) == outcome(lambda: model.resign(1)) == "AlreadyLeaving"
    assert chain.open_round(number, keccak(b"model")) == model.open_round()
    assert newcomers[2].register(number) == model.register(newcomers[2].address)
    full = {outcome(lambda: world.chains[2].register(number)), outcome(lambda: model.register(world.chains[2].address))}
    assert full == {"TaskFull"}
    for opened in (0, 1):
        theirs, ours = chain.view.round(number, opened), account.view.round(number, opened)
        assert (theirs.seats, theirs.limit) == (ours.seats, ours.limit)
        for index in range(6):
            eligible = has_part(chain.view, number, opened, index)
            assert eligible == has_part(account.view, number, opened, index), (opened, index)
    assert [has_part(chain.view, number, 1, index) for index in range(6)] == [True, False, True, True, True, False]


@pytest.mark.slow
def test_coordinators_change_when_the_contracts_let_them(world: World, task: Callable[..., int]) -> None:
    chain, number, other = world.chain, task(), world.chains[5].address
    account = mirrored(world, number)
    model = account.view.chain

    def both() -> set[str]:
        model.clock.now = float(chain.view.rpc.head().timestamp)
        return {
            outcome(lambda: chain.set_coordinator(number, other)), outcome(lambda: model.set_coordinator(other))
        }  # fmt: skip

    assert both() == {"done"}
    assert chain.view.coordinator(number) == account.view.coordinator(number) == other
    chain.open_round(number, keccak(b"model"))
    model.opened = mirrored(world, number).view.chain.opened
    assert both() == {"CoordinatorActive"}
    world.advance(60 + 200)
    assert both() == {"CoordinatorActive"}
    world.advance(200)
    assert both() == {"done"}, "there is no batch by half of the settle window"


@pytest.mark.slow
def test_a_pause_moves_deadlines_as_in_the_contracts(world: World, task: Callable[..., int]) -> None:
    chain, number, guardian = world.chain, task(), world.chains[GUARDIAN]
    chain.open_round(number, keccak(b"model"))
    batch, signed = built(world, number, 0, [0, 1, 2])
    account = mirrored(world, number)
    model, due = account.view.chain, chain.view.round(number, 0).settle_deadline

    def at(seconds: int) -> None:
        """The node's clock goes forward, and the model's to where it is then."""
        world.advance(seconds)
        model.clock.now = float(chain.view.rpc.head().timestamp)
        model.mine()

    at(100)
    guardian._market("pause", repeatable=True)
    model.clock.now = float(chain.view.rpc.head().timestamp)
    model.pause()
    for sender in (chain, account):
        assert accepting(sender, batch.statement, batch.proof, signed) == "AcceptancePaused"
    at(5000)
    guardian._market("resume", repeatable=True)
    model.clock.now = float(chain.view.rpc.head().timestamp)
    model.resume()
    theirs, ours = chain.view.round(number, 0), account.view.round(number, 0)
    assert theirs.settle_deadline == ours.settle_deadline >= due + 5000
    assert theirs.submit_deadline == ours.submit_deadline
    assert chain.view.opened_at(number, 0) == account.view.opened_at(number, 0)
    assert outcome(lambda: guardian._market("pause", repeatable=True)) == outcome(model.pause) == "PauseTooSoon"
    for sender in (chain, account):
        assert accepting(sender, batch.statement, batch.proof, signed) == "done"


FEES = Pay(bonus=5, coordinator_batch=100, coordinator_gradient=10, prover_batch=1000, prover_gradient=7)
AVAILABILITY = 4000


class Fees:
    """A batch with fees that the contracts and the model have accepted."""

    def __init__(self, world: World, task: int) -> None:
        self.world, self.task = world, task
        opened = world.chain.open_round(task, keccak(b"model"))
        batch, signed = built(world, task, opened, [0, 1, 2])
        self.account = mirrored(world, task)
        self.model = self.account.view.chain
        self.accounts = [PAYEE, *self.model.committee.members]
        self.before = self._owed()
        self.batch_id = batch.batch_id
        for sender in (world.chain, self.account):
            assert accepting(sender, batch.statement, batch.proof, signed) == "done"
        self.synchronise()

    def _owed(self) -> list[int]:
        return [self.world.chain.view.owed(ETHER, account) for account in self.accounts]

    def synchronise(self, seconds: int = 0) -> None:
        if seconds:
            self.world.advance(seconds)
        self.model.clock.now = float(self.world.chain.view.rpc.head().timestamp)

    def both(self, act: Callable[[ChainWriter | Account, HeldFees], object]) -> str:
        """What both say to a transaction with the fees that each of them holds."""
        said = []
        for sender in (self.world.chain, self.account):
            held = sender.view.held_fees(self.task, 0).get(0, self.last)
            said.append(outcome(lambda sender=sender, held=held: act(sender, held)))  # type: ignore[misc]
            self.last = held
        self.synchronise()
        assert len(set(said)) == 1, said
        return said[0]

    def settle(
        self, members: Sequence[int], *, stale: bool = False, posted: bytes = bytes(32), payload: bytes = b""
    ) -> str:
        """``stale``: with receipts from before the challenge."""

        def act(sender: ChainWriter | Account, held: HeldFees) -> object:
            challenge = 0 if stale else held.challenge
            digest = availability_digest(sender.view.market_id, self.batch_id, challenge, posted)
            receipts = [(member, self.world.chains[1 + member].sign(digest)) for member in members]
            if isinstance(sender, Account):
                return sender.show((0, 0), held, receipts, posted, payload)
            served = posted, payload, calldata.signed(receipts)
            return sender._market("settleFees", self.task, 0, 0, held.words, (*served, []), repeatable=True)

        return self.both(act)

    def refund(self) -> str:
        return self.both(lambda sender, held: sender.refund_fees(self.task, 0, 0, held))

    def challenge(self, stranger: bool = False) -> str:
        def act(sender: ChainWriter | Account, held: HeldFees) -> object:
            if isinstance(sender, Account):
                own = bytes(20) if stranger else self.model.model_owner
                return Account(sender.view, own).challenge_availability(self.task, 0, 0, held)
            chosen = self.world.chains[9] if stranger else sender
            return chosen.challenge_availability(self.task, 0, 0, held)

        return self.both(act)

    def post(self, account: int, index: int, receipts: int = 3) -> str:
        """An owner posts a submission, with so many receipts."""
        key, context = self.world.keys[account], self.world.chain.view.context(self.task, 0)
        digests = tuple(keccak(bytes((p,))) for p in range(4))
        header = SubmissionHeader(self.task, 0, key.address, index, g1_generator, digests).signed(context, key.sign)
        word = receipt_digest(context.market, header.digest(context))
        signed = {p: self.world.chains[1 + p].sign(word) for p in range(receipts)}
        senders = self.world.chains[account], Account(self.account.view, key.address)
        said = [outcome(lambda sender=sender: sender.post_submission(header, signed)) for sender in senders]  # type: ignore[misc]
        self.synchronise()
        assert len(set(said)) == 1, said
        return said[0]

    def exclude(self, number: int, index: int, members: Sequence[int], dealing: bytes = bytes(32)) -> str:
        """Exclude an owner for a dealing in a round, with these members' receipts."""

        def act(sender: ChainWriter | Account, held: HeldFees) -> object:
            view = sender.view
            digest = exclusion_digest(view.context(self.task, number), view.owner_at(self.task, index), dealing)
            receipts = [(member, self.world.chains[1 + member].sign(digest)) for member in members]
            return sender.exclude(self.task, number, index, dealing, receipts)

        return self.both(act)

    def check(self) -> None:
        """Both have credited the same, and hold the same."""
        theirs = [now - then for now, then in zip(self._owed(), self.before, strict=True)]
        assert theirs == [self.model.fees().owed[account] for account in self.accounts]
        held = [view.held_fees(self.task, 0) for view in (self.world.chain.view, self.account.view)]
        one, other = ([(h.attesters, h.payee, h.paid, h.attestation) for h in each.values()] for each in held)
        assert one == other

    last: HeldFees = HeldFees(bytes(32), bytes(32), 0, 0, bytes(20), 0, 0, 0)


@pytest.mark.slow
def test_fees_are_settled_and_go_back_as_the_contracts_have_it(world: World, task: Callable[..., int]) -> None:
    fees = Fees(world, task(pay=FEES, windows=Windows(60, 600, exit=600, availability=AVAILABILITY)))
    assert fees.settle((0, 1, 2)) == "ChallengeStillPossible"
    assert fees.settle((0, 1, 2), posted=keccak(b"the sum")) == "NotPosted"
    assert fees.settle((0, 1, 2), posted=keccak(b"the sum"), payload=b"another") == "NotPosted"
    fees.synchronise(AVAILABILITY * 3 // 4)
    assert fees.challenge() == "ChallengeImpossible"
    assert fees.settle((0, 1)) == "TooFewAttestations"
    assert fees.settle((0, 1, 2)) == "done"
    fees.check()
    assert fees.settle((0, 1, 2)) == "ProversPaid"
    assert fees.refund() == "AvailabilityNotOverdue"
    fees.synchronise(AVAILABILITY + 100)
    assert fees.settle((1, 2, 3)) == "AvailabilityOverdue"
    assert fees.refund() == "done"
    assert fees.refund() == "FeesUnknown"
    fees.check()
    assert fees.model.fees().refunded == 2 * (1000 + 3 * 7)


@pytest.mark.slow
def test_challenges_and_posted_sums_are_as_the_contracts_have_it(world: World, task: Callable[..., int]) -> None:
    windows = Windows(60, 600, exit=600, availability=AVAILABILITY)
    fees = Fees(world, task(pay=FEES, windows=windows))
    assert fees.challenge(stranger=True) == "NotModelOwner"
    assert fees.challenge() == "done"
    assert fees.challenge() == "ChallengeImpossible"
    assert fees.settle((0, 2, 3), stale=True) == "AttestationInvalid"
    assert fees.settle((0, 2, 3)) == "done"
    fees.check()
    posted = Fees(world, task(pay=FEES, windows=windows))
    assert posted.settle((0, 2, 3), posted=keccak(b"the sum"), payload=b"the sum") == "done"
    posted.check()


@pytest.mark.slow
def test_postings_and_what_they_cost_the_payee_are_as_the_contracts_have_it(
    world: World, task: Callable[..., int]
) -> None:
    number = task(pay=FEES, windows=Windows(600, 600, exit=600, availability=AVAILABILITY))
    assert world.chains[5].register(number) == 3
    fees = Fees(world, number)
    assert fees.post(6, 0) == "OwnerAlreadyAccepted"
    assert fees.post(5, 3, receipts=2) == "TooFewAttestations"
    assert fees.post(5, 3) == "done"
    assert fees.post(5, 3) == "AlreadyPosted"
    posted = [view.posted(fees.task, 0) for view in (world.chain.view, fees.account.view)]
    assert posted[0] == posted[1] != ()
    assert world.chain.view.posted_since(0)[0] >= {(fees.task, 0)}
    fees.synchronise(AVAILABILITY * 3 // 4)
    assert fees.post(7, 1) == "SubmitWindowOver"
    assert fees.settle((0, 1, 2)) == "done"
    fees.check()
    assert fees.model.fees().burnt == (100 + 3 * 10) - (100 + 3 * 10) * 3 // 4


@pytest.mark.slow
def test_who_is_excluded_for_another_round_is_cleared_as_the_contracts_have_it(
    world: World, task: Callable[..., int]
) -> None:
    number = task(pay=FEES, windows=Windows(600, 600, exit=600, availability=AVAILABILITY))
    assert world.chains[5].register(number) == 3
    fees, dealing = Fees(world, number), keccak(b"dealt badly")
    fees.model.opened = opened_too(world, number)
    assert fees.post(5, 3) == "done"
    assert fees.exclude(0, 3, ()) == "TooFewAttestations", "it is not excluded yet"
    assert fees.exclude(1, 3, (0, 1, 2), dealing) == "done"
    assert fees.exclude(1, 3, ()) == "AlreadyExcluded", "it posted nothing there"
    assert fees.exclude(0, 3, ()) == "done"
    assert fees.exclude(0, 3, ()) == "AlreadyExcluded"
    assert fees.post(5, 3) == "AlreadyExcluded"
    for place in ((number, 0), (number, 1), (number,)):
        theirs, ours = (view.excluded(*place) for view in (world.chain.view, fees.account.view))
        assert theirs == ours != ()
    assert world.chain.view.owner(number, 3).excluded
    assert fees.account.view.owner(number, 3).excluded
    assert all(postings(view, number, 0).ignored == set() for view in (world.chain.view, fees.account.view))
    fees.synchronise(AVAILABILITY * 3 // 4)
    assert fees.settle((0, 1, 2)) == "done"
    fees.check()
    assert fees.model.fees().burnt == 0


def opened_too(world: World, task: int) -> list[OpenRound]:
    """All rounds of a task, with a further one that is opened on the chain now."""
    world.chain.fund(task, 18 * REWARD)
    world.chain.open_round(task, keccak(b"model"))
    return mirrored(world, task).view.chain.opened


@pytest.mark.slow
def test_the_payees_part_waits_for_owners_that_may_post(world: World, task: Callable[..., int]) -> None:
    windows = Windows(2 * AVAILABILITY, 600, exit=600, availability=AVAILABILITY)
    fees = Fees(world, task(pay=FEES, windows=windows))
    fees.synchronise(AVAILABILITY + 100)
    assert fees.refund() == "done"
    fees.check()
    assert fees.refund() == "RoundStillOpen"
    fees.synchronise(2 * AVAILABILITY)
    assert fees.refund() == "done"
    assert fees.refund() == "FeesUnknown"
    fees.check()


def test_a_reorganisation_takes_back_and_mines_again() -> None:
    """Until it is mined again a batch is not there; deep enough it is there for good."""
    from tests.simulation.world.schedule import Schedule  # noqa: PLC0415
    from tests.simulation.world.world import World as Simulated  # noqa: PLC0415

    with Simulated(Schedule(1)) as simulated:
        chain = simulated.chain
        before = chain.head.number
        chain.mine()
        chain.reorganise(1)
        assert chain.head.number == before + 2
        assert chain.head.time >= chain.blocks[-2].time
        assert chain.clock.now >= chain.head.time
        assert BLOCK_SECONDS > 0
