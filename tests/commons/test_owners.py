"""Owners through the chain client: they register, are paid over many rounds, also elsewhere, and leave."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from circuits.errors import ContractError
from circuits.hashing import keccak
from circuits.terms import ETHER, NewTask, Pay
from commons.chain.devchain import DevChain
from commons.chain.facts import Claimable, OwnerRecord
from commons.chain.owners import OwnerAccount, _Due, _gas, _portions
from commons.protocol.consents import ClaimOrder, SignedClaim, registration_digest
from commons.storage.accounts import SigningKey
from tests.commons.test_chain import PAYEE, REWARD, World, built, deployed, terms
from tests.commons.test_committees import joined
from tests.support import token as tokens
from tests.support.plain_batch import development_setup

DEPOSIT = 3 * 10**15
PAY = Pay(bonus=REWARD, deposit=DEPOSIT)
UNTIL_EXIT = 60 + 600 + 3600 + 600 + 60
"""Seconds after which whoever announced to leave may: the announcement counts from the next whole hour."""


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    dev = DevChain()
    yield deployed(dev.start(), dev.accounts)
    dev.stop()


@pytest.fixture(scope="module")
def wanted(world: World) -> NewTask:
    """Terms of an open task with a deposit."""
    verifier = world.chain.deploy_verifier(world.factory, development_setup("norm", 16, 10).verifying)
    return terms(world, joined(world), verifier, pay=PAY, rounds=9)


def task_with_batches(world: World, wanted: NewTask, rounds: int, late: Sequence[OwnerAccount] = ()) -> int:
    """A task of three owners (accounts 6 to 8), all of whom are in a batch of each round, and others in none."""
    task = world.chain.create_task(wanted)
    if wanted.pay.token == ETHER:
        world.chain.fund(task, (3 + len(late)) * rounds * wanted.pay.flat)
    indices = [owner.register(task) for owner in world.chains[6:9]]
    for one in late:
        one.register(task)
    for _ in range(rounds):
        number = world.chain.open_round(task, keccak(b"model"))
        batch, signed = built(world, task, number, indices)
        world.chain.accept_batch(batch.statement, batch.proof, signed, PAYEE)
    return task


def test_who_registers_pays_the_deposit_and_gets_it_back_when_it_has_left(world: World, wanted: NewTask) -> None:
    view, owner = world.chain.view, world.chains[6]
    task = task_with_batches(world, wanted, 1)
    assert view.balance(world.market) >= 3 * DEPOSIT
    assert view.owner(task, 0) == OwnerRecord(owner.address, owner.address, 0, 0, None, None, False)
    with pytest.raises(ContractError, match="AlreadyRegistered"):
        owner.register(task)
    with pytest.raises(ContractError, match="NotTheAccount"):
        world.chains[7].resign(task, 0)
    owner.resign(task, 0)
    leaving, settled = view.owner(task, 0), view.round(task, 0).settle_deadline
    assert leaving.leaves_at == 1
    assert leaving.free_at is not None
    assert 600 <= leaving.free_at - settled < UNTIL_EXIT
    with pytest.raises(ContractError, match="ExitTooEarly"):
        owner.exit(task, 0)
    assert owner.claim(task, [0]) == REWARD
    world.advance(UNTIL_EXIT)
    before = view.balance(owner.address)
    world.chains[9].exit(task, 0)
    assert view.balance(owner.address) == before + DEPOSIT
    assert (view.owner(task, 0).exited, view.owner(task, 0).free_at) == (True, None)
    assert view.task(task).active_owners == 2
    assert view.owner_index(task, owner.address) == 0, "its key does not come back"


def test_an_owner_that_is_in_no_batch_lapses(world: World, wanted: NewTask) -> None:
    # Registration is known to the hour: a window of one is there for everybody who came before it began.
    task = world.chain.create_task(replace(wanted, lapse_rounds=1, windows=replace(wanted.windows, submit=3600)))
    world.chain.fund(task, 6 * REWARD)
    world.chains[9].register(task)
    indices = [owner.register(task) for owner in world.chains[6:9]]
    number = world.chain.open_round(task, keccak(b"model"))
    batch, signed = built(world, task, number, indices)
    world.chain.accept_batch(batch.statement, batch.proof, signed, PAYEE)
    with pytest.raises(ContractError, match="NotDormant"):
        world.chain.lapse(task, 0)
    world.advance(3600 + 2000)
    with pytest.raises(ContractError, match="NotDormant"):
        world.chain.lapse(task, 1)
    world.chain.lapse(task, 0)
    assert world.chain.view.owner(task, 0).leaves_at == 1


def test_a_key_is_registered_for_another_account_only_with_its_consent(world: World, wanted: NewTask) -> None:
    view, account, key = world.chain.view, world.chains[9], SigningKey.generate()
    task = world.chain.create_task(wanted)
    consent = key.sign(registration_digest(view.market_id, task, view.terms(task).terms_hash, account.address))
    for thief, given in ((world.chains[8], consent), (account, b""), (account, consent[:64] + bytes(1))):
        with pytest.raises(ContractError, match="ConsentInvalid"):
            thief.register(task, key.address, given)
    index = account.register(task, key.address, consent)
    assert view.owner(task, index) == OwnerRecord(key.address, account.address, 0, 0, None, None, False)
    assert view.owner_at(task, index) == key.address
    account.set_account(task, index, world.chains[8].address)
    assert view.owner(task, index).account == world.chains[8].address
    with pytest.raises(ContractError, match="NotTheAccount"):
        account.resign(task, index)


def test_owners_of_a_permissioned_task_register_themselves(world: World, wanted: NewTask) -> None:
    task = world.chain.create_task(replace(wanted, permissioned=True, pay=Pay(base=REWARD)))
    owner = world.chains[6]
    assert not world.chain.view.admitted(task, owner.address)
    with pytest.raises(ContractError, match="NotAdmitted"):
        owner.register(task)
    assert world.chain.admit(task, [owner.address]) == 1
    assert (world.chain.view.admitted(task, owner.address), world.chain.view.owner_index(task, owner.address)) == (
        True, None,
    )  # fmt: skip
    assert owner.register(task) == 0


def test_many_owners_are_paid_for_many_rounds_in_one_transaction(world: World, wanted: NewTask) -> None:
    task, view, relayer = task_with_batches(world, wanted, 3), world.chain.view, world.chains[9]
    before = [view.balance(owner.address) for owner in world.chains[6:9]]
    nonce = relayer._sender._nonces.next()
    assert relayer.claim(task, [2, 0], 2) == 4 * REWARD
    assert relayer.claim(task, [0, 1, 2]) == 5 * REWARD
    assert relayer._sender._nonces.next() == nonce + 2
    assert [view.balance(owner.address) - old for owner, old in zip(world.chains[6:9], before, strict=True)] == [
        3 * REWARD
    ] * 3
    assert relayer.claim(task, [0, 1, 2]) == relayer.claim(task, []) == 0


def test_a_round_that_may_still_accept_an_owner_is_not_passed(world: World, wanted: NewTask) -> None:
    task = task_with_batches(world, wanted, 1, late=[world.chains[9]])
    assert world.chain.view.claimable(task, 3, 5) == Claimable(0, 0)
    assert world.chain.claim(task, [3, 0]) == REWARD
    world.advance(2000)
    assert world.chain.claim(task, [3]) == 0
    assert world.chain.view.owner(task, 3).next_claim == 1, "an owner that leaves has to be settled, owed or not"


def test_an_owner_that_is_owed_nothing_costs_no_claim(world: World, wanted: NewTask) -> None:
    task, relayer = task_with_batches(world, wanted, 1, late=[world.chains[9]]), world.chains[5]
    world.advance(2000)
    nonce = relayer._sender._nonces.next()
    assert relayer.claim(task, [3], owed_only=True) == 0
    assert relayer._sender._nonces.next() == nonce
    assert relayer.claim(task, [3, 0], owed_only=True) == REWARD
    assert [world.chain.view.owner(task, index).next_claim for index in (0, 3)] == [1, 0]


def order_of(world: World, task: int, index: int, **changes: object) -> ClaimOrder:
    view = world.chain.view
    order = ClaimOrder(
        task, index, view.owner(task, index).next_claim, 9, SigningKey.generate().address, REWARD // 10,
        view.now() + 10_000,
    )  # fmt: skip
    return replace(order, **changes)  # type: ignore[arg-type]


def test_pay_goes_elsewhere_by_order_and_the_relayer_keeps_its_tip(world: World, wanted: NewTask) -> None:
    task, view = task_with_batches(world, wanted, 2), world.chain.view
    relayer, (first, second) = world.chains[9], (order_of(world, task, index) for index in (0, 1))
    signed = [
        SignedClaim(order, owner.sign(order.digest(view.market_id)), tip)
        for order, owner, tip in ((first, world.chains[6], REWARD // 10), (second, world.chains[7], 0))
    ]
    forged = replace(signed[0], signature=world.chains[7].sign(first.digest(view.market_id)))
    with pytest.raises(ContractError, match="it is not signed by the owner's account"):
        relayer.claim_to([forged])
    with pytest.raises(ContractError, match="TipTooHigh"):
        relayer.claim_to([replace(signed[0], tip=REWARD // 10 + 1)])
    assert relayer.claim_to(signed) == 4 * REWARD
    assert view.balance(first.recipient) == 2 * REWARD - REWARD // 10
    assert view.balance(second.recipient) == 2 * REWARD
    with pytest.raises(ContractError, match="its owner was paid meanwhile"):
        relayer.claim_to(signed[:1])
    late = order_of(world, task, 2, deadline=5)
    with pytest.raises(ContractError, match="its deadline has passed"):
        relayer.claim_to([SignedClaim(late, world.chains[8].sign(late.digest(view.market_id)))])
    own = SignedClaim(order_of(world, task, 2))
    assert world.chains[8].claim_to([*signed, own]) == 2 * REWARD, (
        "spoiled ones are passed over; one's own is not signed"
    )
    assert relayer.claim_to([]) == 0


def test_a_task_pays_in_a_token_and_what_a_recipient_does_not_take_is_collected(world: World, wanted: NewTask) -> None:
    chain, view = world.chain, world.chain.view
    token = tokens.deploy(chain)
    held, amount = view.tokens, 5 * 10**6
    for one in (chain, *world.chains[6:9]):
        tokens.mint(chain, token, one.address, 10**9)
    wanted = replace(wanted, pay=Pay(token, bonus=amount, deposit=7))
    task = chain.create_task(wanted)
    chain.fund(task, amount)  # with an allowance
    permit = chain.permit(token, 2 * amount)
    chain.fund(task, 2 * amount, permit)
    assert (view.task(task).balance, held.allowance(token, chain.address, world.market)) == (3 * amount, 0)
    with pytest.raises(ContractError, match="failed with code 0x11"):
        chain.fund(task, 2 * amount, permit)
    indices = [world.chains[6].register(task, permit=world.chains[6].permit(token, 7))]
    indices += [owner.register(task) for owner in world.chains[7:9]]
    assert held.balance(token, world.chains[6].address) == 10**9 - 7
    number = chain.open_round(task, keccak(b"model"))
    batch, signed = built(world, task, number, indices)
    chain.accept_batch(batch.statement, batch.proof, signed, PAYEE)
    assert chain.claim(task, indices) == 3 * amount
    assert held.balance(token, world.chains[7].address) == 10**9 - 7 + amount
    assert view.owed(token, world.chains[7].address) == 0
    with pytest.raises(ContractError, match="NothingOwed"):
        chain.collect(token)
    world.chains[7].resign(task, 1)
    world.advance(UNTIL_EXIT)
    chain.exit(task, 1)
    assert held.balance(token, world.chains[7].address) == 10**9 + amount, "with its deposit"
    tokens.mint(chain, token, chain.address, amount)
    chain.fund(task, amount)
    before = held.balance(token, world.chains[9].address)
    chain.withdraw(task, amount, world.chains[9].address)
    assert held.balance(token, world.chains[9].address) == before + amount
    assert view.tokens.currency(token).shown(amount) == "5 tUSD"


def test_what_a_coordinator_earns_is_collected(world: World, wanted: NewTask) -> None:
    """Fees are credits; here a round's bonus that a contract did not take stands for them."""
    task, view = task_with_batches(world, wanted, 1), world.chain.view
    refusing = world.chain._sender.send(None, bytes.fromhex("600480600a5f395ff35f5ffd"), gas=200_000).created
    order = order_of(world, task, 0, recipient=refusing)
    assert world.chains[6].claim_to([SignedClaim(order)]) == REWARD
    assert view.owed(ETHER, world.chains[6].address) == REWARD
    elsewhere = SigningKey.generate().address
    with pytest.raises(ContractError, match="RecipientInvalid"):
        world.chains[7].collect(ETHER, world.chains[6].address, elsewhere)
    assert world.chains[6].collect(ETHER, to=elsewhere) == REWARD
    assert (view.balance(elsewhere), view.owed(ETHER, world.chains[6].address)) == (REWARD, 0)


def test_a_token_whose_transfers_are_dear_is_claimed_by_fewer_owners_at_a_time(
    world: World, wanted: NewTask, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = task_with_batches(world, wanted, 1)
    send, asked = world.chain._market, list[int]()

    def dear(name: str, number: int, through: int, packed: bytes, **more: Any) -> Any:
        asked.append(len(packed) // 2)
        if len(packed) > 2:
            raise ContractError("too little gas is left", "GasTooLow")
        return send(name, number, through, packed, **more)

    monkeypatch.setattr(world.chain, "_market", dear)
    assert world.chain.claim(task, [0, 1, 2]) == 3 * REWARD
    assert asked == [3, 1, 2, 1, 1]


MOST = 1 << 24


def test_a_claim_of_64_owners_over_100_rounds_is_one_transaction() -> None:
    (part,) = _portions([_Due(index, 0, 100) for index in range(64)], MOST)
    assert _gas(part) <= MOST


@pytest.mark.parametrize("owners", [1, 1000])
@pytest.mark.parametrize("rounds", [1, 5000])
def test_claims_cover_every_round_once_within_their_gas(owners: int, rounds: int) -> None:
    due = [_Due(3 * index, index % 7, index % 7 + rounds) for index in range(owners)]
    reached = {one.index: one.start for one in due}
    for part in _portions(due, MOST):
        assert _gas(part) <= MOST
        for one in part:
            assert one.start == reached[one.index] < one.end
            reached[one.index] = one.end
    assert reached == {one.index: one.end for one in due}


def test_a_chain_of_little_gas_still_gets_one_owner_a_transaction() -> None:
    assert [len(part) for part in _portions([_Due(0, 0, 5), _Due(9, 0, 5)], 10)] == [1, 1]
