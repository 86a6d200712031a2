"""The chain client against the development chain: tasks, rounds, a real batch, named refusals, interruptions."""

from __future__ import annotations

import inspect
import itertools
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from web3.types import RPCEndpoint

import contracts
from circuits.errors import ChainError, ContractError, UnknownError
from circuits.hashing import keccak
from circuits.payload import MAX_INLINE
from circuits.statement import Context
from circuits.terms import NewTask, Pay, TaskTerms, Windows
from commons.chain import bonds, decoding, fees, rosterreader, verifiers
from commons.chain import view as read_side
from commons.chain.calldata import signatures, type_of
from commons.chain.deploying import MarketRules, deploy_contracts
from commons.chain.devchain import DevChain
from commons.chain.facts import Claimable, RecordedBatch
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.ports import MarketReader
from commons.chain.quotes import Quote
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.sharing import sealing
from commons.storage.accounts import SigningKey
from gradroll.model_owner import roster
from tests.support.anvil import Anvil, binary_in, funded_keys
from tests.support.httpnode import HttpNode
from tests.support.parts import with_parts
from tests.support.plain_batch import (
    Circumstances,
    PlainBatch,
    attest,
    build_batch,
    development_setup,
    random_gradients,
)

DIMENSION, BOUND, REWARD = 10, 1 << 40, 10**15
RULES = MarketRules(minimum_window=1, minimum_delay=1)
PAYEE = bytes.fromhex("00000000000000000000000000000000000b0b00")


@dataclass
class World:
    url: str
    chain_id: int
    keys: tuple[SigningKey, ...]
    market: bytes
    factory: bytes
    chains: tuple[ChainWriter, ...]

    def advance(self, seconds: int) -> None:
        """Put the node's clock forward."""
        web3 = self.chain.view.rpc.web3
        web3.provider.make_request(RPCEndpoint("evm_increaseTime"), [seconds])
        web3.provider.make_request(RPCEndpoint("evm_mine"), [])

    def mine(self, blocks: int) -> None:
        """Make empty blocks."""
        for _ in range(blocks):
            self.chain.view.rpc.web3.provider.make_request(RPCEndpoint("evm_mine"), [])

    @property
    def chain(self) -> ChainWriter:
        return self.chains[0]


def deployed(url: str, keys: tuple[SigningKey, ...]) -> World:
    made = deploy_contracts(url, keys[0], RULES)
    chains = tuple(ChainWriter(ChainView(url, made.market), key) for key in keys)
    return World(url, made.chain_id, keys, made.market, made.factory, chains)


@pytest.fixture(scope="module", params=["devchain", pytest.param("anvil", marks=pytest.mark.anvil)])
def world(
    request: pytest.FixtureRequest, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    if request.param == "devchain":
        dev = DevChain()
        yield deployed(dev.start(), dev.accounts)
        dev.stop()
        return
    binary = binary_in(repository / "contracts")
    if binary is None:
        pytest.fail("anvil is not installed; run `make setup`, or leave these tests out with -m 'not anvil'")
    with Anvil(binary, tmp_path_factory.mktemp("anvil") / "log") as node:
        yield deployed(node.url, funded_keys())


@pytest.fixture(scope="module")
def committee(world: World) -> int:
    committee = world.chain.create_committee(1, [chain.address for chain in world.chains[1:5]])
    for index, chain in enumerate(world.chains[1:5]):
        chain.join(committee, f"127.0.0.1:{7000 + index}", sealing.public_key(sealing.generate()))
    return committee


@pytest.fixture(scope="module")
def verifier(world: World) -> bytes:
    return world.chain.deploy_verifier(world.factory, development_setup("norm", 16, DIMENSION).verifying)


def terms(world: World, committee: int, verifier: bytes, **changes: object) -> NewTask:
    """Terms of an open task that pays ``REWARD`` a gradient; a permissioned one has to name another pay."""
    task = NewTask(
        committee, verifier, world.chain.address, DIMENSION, 16, BOUND, min_owners=2, capacity=6, rounds=3,
        windows=Windows(60, 600, exit=600), pay=Pay(bonus=REWARD),
    )  # fmt: skip
    return with_parts(task, **changes)


def test_unknown_things_are_named(world: World) -> None:
    view = world.chain.view
    with pytest.raises(UnknownError, match="TaskUnknown"):
        view.terms(99)
    with pytest.raises(UnknownError, match="CommitteeUnknown"):
        view.committee(99)


def test_other_chain_is_refused(world: World) -> None:
    with pytest.raises(ChainError, match="the configuration says 1"):
        ChainView(world.url, world.market, expected_chain_id=1)


def test_address_without_contract_is_refused(world: World) -> None:
    with pytest.raises(ChainError, match="no such contract"):
        ChainView(world.url, bytes(19) + b"\1")


def test_unreachable_node_is_named(world: World) -> None:
    with pytest.raises(ChainError, match="cannot be reached"):
        ChainView("http://127.0.0.1:9", world.market)


def test_custom_errors_keep_their_names(world: World, committee: int, verifier: bytes) -> None:
    task = world.chain.create_task(terms(world, committee, verifier))
    with pytest.raises(ContractError, match="InsufficientEscrow") as caught:
        world.chain.open_round(task, keccak(b"model"), 6)
    assert caught.value.error == "InsufficientEscrow"
    with pytest.raises(ContractError, match="NotModelOwner"):
        world.chains[3].open_round(task, keccak(b"model"))
    with pytest.raises(ContractError, match="TermsInvalid"):
        world.chain.create_task(terms(world, committee, verifier, windows=Windows(60, 600, claim=5)))


def test_a_manifest_and_a_key_for_sums_are_kept(world: World, committee: int, verifier: bytes) -> None:
    """The market keeps both, and hashes them as Python does."""
    wanted = terms(world, committee, verifier, manifest=keccak(b"manifest"), sum_key=keccak(b"key"))
    task = world.chain.create_task(wanted)
    kept = world.chain.view.task(task).terms  # the hash that the market states is compared
    assert (kept.words, kept.manifest, kept.sum_key) == (wanted.words, keccak(b"manifest"), keccak(b"key"))


def built(
    world: World, task: int, number: int, indices: list[int], **changes: object
) -> tuple[PlainBatch, list[tuple[int, bytes]]]:
    """A batch of the owners of accounts 6 to 8, with a quorum's attestations."""
    context, keys = world.chain.view.context(task, number), [key.secret_bytes() for key in world.keys]
    policy, committee_id = world.chain.view.policy(task), world.chain.view.terms(task).committee_id
    at = Circumstances(
        context.market, task, context.terms_hash, number, context.model_digest, BOUND, committee_id,
        policy.verifier_code, PAYEE,
    )  # fmt: skip
    setup = development_setup("norm", capacity=16, dimension=DIMENSION)
    batch = build_batch(
        setup, random_gradients(3, DIMENSION, BOUND), at=with_parts(at, **changes), indices=indices,
        owner_keys=keys[6:9],
    )  # fmt: skip
    return batch, [(member, attest(batch, keys[1 + member])) for member in (0, 2, 3)]


def proven(world: World, task: int, **changes: object) -> tuple[int, PlainBatch, list[tuple[int, bytes]]]:
    """A funded task's first round, and a batch for it that is ready for the market."""
    world.chain.fund(task, 6 * REWARD)
    indices = [owner.register(task) for owner in world.chains[6:9]]
    number = world.chain.open_round(task, keccak(b"model"))
    return (number, *built(world, task, number, indices, **changes))


def test_a_batch_is_accepted_paid_and_finalized(world: World, committee: int, verifier: bytes) -> None:
    setup = development_setup("norm", capacity=16, dimension=DIMENSION)
    chain = world.chain
    task = chain.create_task(terms(world, committee, verifier))
    assert chain.view.policy(task).key_hash == setup.verifying.key_hash
    chain.fund(task, 7 * REWARD)
    owners = world.chains[6:9]
    indices = [owner.register(task) for owner in owners]
    assert indices == [0, 1, 2]
    assert chain.view.owner_index(task, owners[1].address) == 1
    assert chain.view.owner_at(task, 2) == owners[2].address
    number = chain.open_round(task, keccak(b"model"))
    assert chain.view.round(task, number).model_digest == keccak(b"model")

    batch, attestations = built(world, task, number, indices)
    with pytest.raises(ContractError, match="TooFewAttestations"):
        chain.accept_batch(batch.statement, batch.proof, attestations[:2], PAYEE)
    with pytest.raises(ContractError, match="AttestationInvalid"):
        chain.accept_batch(batch.statement, batch.proof, attestations, chain.address)
    sent: list[bytes] = []
    mined = chain.accept_batch(batch.statement, batch.proof, attestations, PAYEE, on_sent=sent.append)
    assert sent == [mined.transaction]
    accepted = chain.view.accepted(task, number)
    record = RecordedBatch(0, batch.batch_id, batch.proof.commitment_sum, (0, 1, 2))
    assert [(a.record, a.reward, a.published) for a in accepted] == [(record, REWARD, ())]
    assert accepted[0].owners == tuple(owner.address for owner in owners)
    assert chain.view.consumed(task, number, 1)
    assert not chain.view.consumed(task, number, 3)
    assert chain.view.consumed_among(task, number, range(300)) == {0, 1, 2}
    several = chain.view.owner_records(task, (2, 0, 1))
    assert several == tuple(chain.view.owner(task, index) for index in (2, 0, 1))
    with pytest.raises(UnknownError, match="OwnerUnknown"):
        chain.view.owner_records(task, (0, 3))
    with pytest.raises(ContractError, match="OwnerAlreadyAccepted"):
        chain.accept_batch(batch.statement, batch.proof, attestations, PAYEE)

    before = [chain.view.balance(owner.address) for owner in owners]
    assert chain.claim(task, [1]) == REWARD
    assert [chain.view.balance(owner.address) - old for owner, old in zip(owners, before, strict=True)] == [
        0,
        REWARD,
        0,
    ]
    assert chain.view.claimable(task, 1, 9) == Claimable(0, 1)
    assert chain.view.claimable(task, 0, 9) == Claimable(REWARD, 1)
    assert chain.claim(task, [1]) == 0, "nothing is sent where nothing is owed"
    assert chain.claim(task, [0, 1, 2, 2]) == 2 * REWARD

    with pytest.raises(ContractError, match="RoundStillOpen"):
        chain.finalize_round(task, number)
    world.advance(700)
    assert chain.view.now() >= chain.view.round(task, number).settle_deadline
    chain.finalize_round(task, number)
    assert chain.view.round(task, number).finalized
    assert chain.view.round(task, number).closed
    assert chain.view.task(task).balance == 4 * REWARD
    poor = SigningKey.generate().address
    chain.withdraw(task, REWARD, poor)
    assert chain.view.balance(poor) == REWARD
    chain.withdraw(task, 3 * REWARD)


def test_a_roster_is_copied_once_until_it_grows(world: World, committee: int, verifier: bytes) -> None:
    chain = world.chain
    task = chain.create_task(terms(world, committee, verifier, rounds=3))
    assert roster.compact(chain.view, chain, task, 6) == ()
    for owner in world.chains[6:9]:
        owner.register(task)
    assert chain.view.compacted(task, 0) == 0
    assert roster.compact(chain.view, chain, task, 6) == (0,)
    assert chain.view.compacted(task, 0) == 3
    assert roster.compact(chain.view, chain, task, 6) == ()
    with pytest.raises(ContractError, match="RosterCompact"):
        chain.compact_roster(task, 0)
    world.chains[5].register(task)
    assert roster.compact(chain.view, chain, task, 6) == ()  # one new owner does not pay for four
    world.chains[9].register(task)
    chain.compact_roster(task, 0)
    assert chain.view.compacted(task, 0) == 5


@pytest.mark.slow
def test_aggregates_are_published_where_the_task_wants_them(world: World, committee: int, verifier: bytes) -> None:
    """Anyone may publish anything for an accepted batch; readers find all of it, in order, and believe none."""
    chain = world.chain
    inline = chain.create_task(terms(world, committee, verifier, inline_payload=True))
    number, batch, attestations = proven(world, inline)
    with pytest.raises(ContractError, match="BatchUnknown"):
        chain.publish_aggregate(inline, number, 0, batch.payload)
    chain.accept_batch(batch.statement, batch.proof, attestations, PAYEE)
    assert chain.view.accepted(inline, number)[0].published == ()
    world.chains[9].publish_aggregate(inline, number, 0, b"junk")
    sent: list[bytes] = []
    mined = chain.publish_aggregate(inline, number, 0, batch.payload, on_sent=sent.append)
    assert sent == [mined.transaction]
    assert chain.view.accepted(inline, number)[0].published == (b"junk", batch.payload)
    for empty_or_long in (b"", bytes(MAX_INLINE + 1)):
        with pytest.raises(ContractError, match="PayloadLengthInvalid"):
            chain.publish_aggregate(inline, number, 0, empty_or_long)
    chain.publish_aggregate(inline, number, 0, b"\x01" * MAX_INLINE)  # the gas that is put down is enough
    plain = chain.create_task(terms(world, committee, verifier))
    number, batch, attestations = proven(world, plain)
    chain.accept_batch(batch.statement, batch.proof, attestations, PAYEE)
    with pytest.raises(ContractError, match="PayloadNotInline"):
        chain.publish_aggregate(plain, number, 0, batch.payload)
    assert chain.view.accepted(plain, number)[0].published == ()


@pytest.mark.slow
def test_a_batch_is_final_when_enough_blocks_vouch_for_it(world: World, committee: int, verifier: bytes) -> None:
    chain = world.chain
    task = chain.create_task(terms(world, committee, verifier))
    number, batch, attestations = proven(world, task)
    mined = chain.accept_batch(batch.statement, batch.proof, attestations, PAYEE)
    (accepted,) = chain.view.accepted(task, number)
    assert accepted.record.commitment == batch.proof.commitment_sum
    assert chain.view.recorded(task, number, batch.batch_id, 1) == accepted.record
    accepted_ids = chain.view.accepted_ids
    assert accepted_ids(task, number) == accepted_ids(task, number, mined.block) == {batch.batch_id}
    assert not accepted_ids(task, number, mined.block - 1) | accepted_ids(task, number + 1)
    depth = chain.view.rpc.head().number - mined.block + 1
    world.mine(3)
    assert chain.view.recorded(task, number, batch.batch_id, depth + 3) == accepted.record
    for missing in (
        chain.view.recorded(task, number, batch.batch_id, depth + 4),
        chain.view.recorded(task, number, bytes(32), 1),
        chain.view.recorded(task, number + 1, batch.batch_id, 1),
        chain.view.recorded(task + 1, number, batch.batch_id, 1),
        chain.view.recorded(task, number, batch.batch_id, 10**6),
    ):
        assert missing is None
    later = ChainView(world.url, world.market, from_block=mined.block + 1)
    assert later.recorded(task, number, batch.batch_id, 1) is None


def test_a_batch_holds_for_one_deployment_only(world: World, committee: int, verifier: bytes) -> None:
    """Two markets in one chain, down to the same task and round: neither takes what was signed for the other."""
    view = world.chain.view
    other = ChainView(world.url, deploy_contracts(world.url, world.keys[0]).market)
    assert view.market_id != other.market_id
    assert (view.market_id.address, view.market_id.chain_id) == (world.market, world.chain_id)
    assert view.market_id.deployment != other.market_id.deployment
    task = world.chain.create_task(terms(world, committee, verifier))
    _, batch, attestations = proven(world, task, market=other.market_id)
    with pytest.raises(ContractError, match="SubmissionInvalid"):
        world.chain.accept_batch(batch.statement, batch.proof, attestations, PAYEE)


@pytest.mark.parametrize("change", [{"terms_hash": bytes(32)}, {"model_digest": bytes(32)}])
def test_a_batch_of_other_terms_or_another_model_is_refused(
    world: World, committee: int, verifier: bytes, change: dict[str, bytes]
) -> None:
    task = world.chain.create_task(terms(world, committee, verifier))
    _, batch, attestations = proven(world, task, **change)
    with pytest.raises(ContractError, match="SubmissionInvalid"):
        world.chain.accept_batch(batch.statement, batch.proof, attestations, PAYEE)


def test_tasks_are_named_by_what_they_are_and_listed_in_order(world: World, committee: int, verifier: bytes) -> None:
    chain, wanted = world.chain, terms(world, committee, verifier, rounds=77)
    before = chain.view.task_count()
    first, second = chain.create_task(wanted), chain.create_task(wanted)
    third = world.chains[1].create_task(wanted)
    assert chain.create_task(wanted, 7) == wanted.identifier(chain.view.market_id.deployment, chain.address, 7)
    assert (first, second) == tuple(
        wanted.identifier(chain.view.market_id.deployment, chain.address, nonce) for nonce in (0, 1)
    )
    assert third == wanted.identifier(chain.view.market_id.deployment, world.chains[1].address, 0)
    assert chain.view.task_ids(before)[:3] == (first, second, third)
    assert chain.view.task_ids(before, before + 1) == (first,)
    assert chain.view.task_ids(before + 4) == chain.view.task_ids(before + 4, 2) == ()


def test_a_node_that_names_another_task_in_a_receipt_is_not_believed(
    world: World, committee: int, verifier: bytes, tmp_path: Path
) -> None:
    """Its model owner would fund somebody else's."""
    other = world.chains[1].create_task(terms(world, committee, verifier, rounds=79))
    wanted = terms(world, committee, verifier, rounds=80)

    def lying(method: str, params: Any) -> dict[str, Any]:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        said: dict[str, Any] = requests.post(world.url, json=asked, timeout=30).json()
        if method == "eth_getTransactionReceipt" and said["result"]:
            said["result"]["logs"][0]["topics"][1] = f"0x{other:064x}"
        return {name: said[name] for name in said if name in ("result", "error")}

    node = HttpNode(lying)
    with Outbox(tmp_path / "outbox") as outbox, pytest.raises(ChainError, match="use another node"):
        ChainWriter(ChainView(node.url, world.market), world.keys[0], outbox=outbox).create_task(wanted)
    node.close()
    with Outbox(tmp_path / "outbox") as outbox:
        task = ChainWriter(world.chain.view, world.keys[0], outbox=outbox).create_task(wanted)
    assert task == wanted.identifier(world.chain.view.market_id.deployment, world.chain.address, 0)


def test_an_interrupted_creation_is_gone_on_with(world: World, committee: int, verifier: bytes, tmp_path: Path) -> None:
    """The transaction was mined, its task was never told: run again, the command tells it and creates no other."""
    wanted, path = terms(world, committee, verifier, rounds=78), tmp_path / "outbox"

    def create(*, told: bool) -> int:
        with Outbox(path) as outbox:
            task = ChainWriter(world.chain.view, world.keys[0], outbox=outbox).create_task(wanted)
            if told:
                outbox.clear()
        return task

    first = create(told=False)
    assert create(told=True) == first
    assert create(told=False) != first
    with Outbox(path) as outbox:
        chain = ChainWriter(world.chain.view, world.keys[0], outbox=outbox)
        second, third = chain.create_task(wanted), chain.create_task(wanted)
    deployment = world.chain.view.market_id.deployment
    expected = tuple(wanted.identifier(deployment, world.chain.address, nonce) for nonce in range(3))
    assert (first, second, third) == expected


def test_a_task_changes_hands_and_its_terms_do_not(world: World, committee: int, verifier: bytes) -> None:
    chain, heir = world.chain, world.chains[1]
    task = chain.create_task(terms(world, committee, verifier))
    before = chain.view.terms(task).terms_hash
    chain.transfer_task(task, heir.address)
    assert chain.view.task(task).pending_owner == heir.address
    with pytest.raises(ContractError, match="NotPendingOwner"):
        world.chains[2].accept_task(task)
    heir.accept_task(task)
    record = ChainView(world.url, world.market).task(task)
    assert (record.model_owner, record.pending_owner, record.terms.creator) == (heir.address, None, chain.address)
    assert record.terms.terms_hash == before
    with pytest.raises(ContractError, match="NotModelOwner"):
        chain.set_coordinator(task, chain.address)
    heir.set_coordinator(task, heir.address)
    assert chain.view.coordinator(task) == heir.address
    assert chain.view.terms(task).coordinator == chain.address


def test_the_market_says_what_it_was_created_with(world: World) -> None:
    view = world.chain.view
    assert (view.factory, view.minimum_window, view.guardian) == (world.factory, 1, bytes(20))


def has_part(view: MarketReader, task: int, number: int, index: int) -> bool:
    return view.owner(task, index).has_part(index, view.round(task, number), number)


def test_a_round_has_seats_for_all_who_are_there(world: World, committee: int, verifier: bytes) -> None:
    chain = world.chain
    task = chain.create_task(terms(world, committee, verifier))
    chain.fund(task, 6 * REWARD)
    for owner in world.chains[6:8]:
        owner.register(task)
    with pytest.raises(ContractError, match="SeatsInvalid"):
        chain.open_round(task, keccak(b"model"), 7)
    number = chain.open_round(task, keccak(b"model"), 3)
    record = chain.view.round(task, number)
    assert (record.seats, record.limit, record.epoch, record.closed) == (3, 3, 0, False)
    assert chain.view.task(task).reserved == chain.view.task(task).reserve(3) == 3 * REWARD
    for owner in world.chains[8:]:
        owner.register(task)
    assert [has_part(chain.view, task, number, index) for index in range(4)] == [True, True, True, False]
    world.chains[6].resign(task, 0)
    assert has_part(chain.view, task, number, 0), "the round was open when it resigned"
    assert not chain.view.owner(task, 0).has_part(0, record, number + 1)
    with pytest.raises(UnknownError, match="OwnerUnknown"):
        chain.view.owner(task, 4)


def test_terms_and_model_owner_are_read_back(world: World, committee: int, verifier: bytes) -> None:
    chain = world.chain
    task = chain.create_task(terms(world, committee, verifier))
    read = chain.view.terms(task)
    record = chain.view.task(task)
    assert (read.creator, record.model_owner, record.coordinator) == (chain.address,) * 3
    assert (read.market, read.task_id, record.pending_owner) == (chain.view.market_id, task, None)
    assert record.terms == read  # its hash was compared with the market's
    assert chain.view.policy(task).verifier_code == keccak(chain.view.rpc.code(verifier))
    chain.fund(task, 6 * REWARD)
    number = chain.open_round(task, keccak(b"model"))
    expected = Context.of(read, number, keccak(b"model"), chain.view.policy(task))
    assert chain.view.context(task, number) == expected
    with pytest.raises(UnknownError, match="RoundUnknown"):
        chain.view.context(task, number + 1)


def test_a_market_that_hashes_terms_differently_is_not_believed(
    world: World, committee: int, verifier: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = world.chain.create_task(terms(world, committee, verifier))
    monkeypatch.setattr(TaskTerms, "terms_hash", bytes(32))
    with pytest.raises(ChainError, match="hashes a task's terms in another way"):
        ChainView(world.url, world.market).terms(task)


def test_nonces_follow_each_other_across_threads(world: World) -> None:
    members = [chain.address for chain in world.chains[1:5]]
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda _: world.chain.create_committee(1, members), range(6)))
    assert len(set(numbers)) == 6


def strangers(count: int) -> list[bytes]:
    return [keccak(bytes([9, *number.to_bytes(2, "big")]))[:20] for number in range(count)]


def test_owners_beyond_one_transactions_gas_are_admitted_by_several(
    world: World, committee: int, verifier: bytes
) -> None:
    """A chain takes 2^24 gas a transaction at most; 500 owners are given more."""
    chain, owners = world.chain, strangers(500)
    task = chain.create_task(terms(world, committee, verifier, permissioned=True))
    assert not chain.view.admitted(task, owners[0])
    steps: list[tuple[int, int]] = []
    assert chain.admit(task, [*owners, *owners[:5]], lambda done, total: steps.append((done, total))) == 500
    assert steps[-1] == (500, 500)
    assert len(steps) == 2
    assert all(chain.view.admitted(task, owners[index]) for index in (0, 499))


def test_admitting_goes_on_after_an_interruption(world: World, committee: int, verifier: bytes) -> None:
    chain, owners = world.chain, strangers(6)
    task = chain.create_task(terms(world, committee, verifier, permissioned=True))
    assert chain.admit(task, owners[1:3]) == 2
    assert chain.admit(task, owners) == 4
    assert chain.admit(task, owners) == 0
    assert chain.view.task(task).owners == 0, "who was admitted registers itself"
    assert chain.admit(task, []) == 0
    with pytest.raises(ContractError, match="NotModelOwner"):
        world.chains[3].admit(task, strangers(7))


def test_no_transaction_asks_for_more_than_the_chain_takes(
    world: World, monkeypatch: pytest.MonkeyPatch, committee: int
) -> None:
    """Ours ask for enough in any case; where that is more than the chain takes, they ask for that."""
    sender = world.chain._sender
    web3 = world.chain.view.rpc.web3
    mined = sender.send(world.chain.address, b"", gas=10**9)
    assert web3.eth.get_transaction(mined.transaction)["gas"] == 1 << 24 == sender.most_gas()  # type: ignore[arg-type]
    latest = dict(web3.eth.get_block("latest"))
    monkeypatch.setattr(web3.eth, "get_block", lambda _: latest | {"gasLimit": 10**6})
    mined = sender.send(world.chain.address, b"", gas=10**9)
    assert web3.eth.get_transaction(mined.transaction)["gas"] == 10**6 == sender.most_gas()  # type: ignore[arg-type]


def test_a_deployment_goes_on_where_it_was_interrupted(world: World, tmp_path: Path) -> None:
    """A library is there, the process dies before the registry: run again, it deploys what is left alone."""
    quotes: list[Quote] = []

    def interrupt(quote: Quote) -> None:
        quotes.append(quote)
        if len(quotes) == 2:
            raise KeyboardInterrupt

    def nonce() -> int:
        return world.chain._sender._nonces.next()

    before = nonce()
    with Outbox(tmp_path / "outbox") as outbox, pytest.raises(KeyboardInterrupt):
        deploy_contracts(world.url, world.keys[0], outbox=outbox, announce=interrupt)
    assert nonce() == before + 1
    with Outbox(tmp_path / "outbox") as outbox:
        made = deploy_contracts(world.url, world.keys[0], outbox=outbox, announce=quotes.append)
        outbox.clear()
    assert nonce() == before + 10
    assert ChainView(world.url, made.market).registry == made.registry
    assert all(quote.gas > 500_000 and quote.fee > 0 == quote.value for quote in quotes)
    assert len(quotes) == 11
    with Outbox(tmp_path / "outbox") as outbox:
        assert deploy_contracts(world.url, world.keys[0], outbox=outbox).market != made.market


def test_the_cost_of_what_a_contract_refuses_is_not_announced(world: World, committee: int, verifier: bytes) -> None:
    careful = ChainWriter(
        ChainView(world.url, world.market), world.keys[0], announce=lambda _: pytest.fail("announced")
    )
    task = world.chain.create_task(terms(world, committee, verifier))
    with pytest.raises(ContractError, match="InsufficientEscrow"):
        careful.open_round(task, keccak(b"model"), 6)


def test_every_signature_of_the_read_side_is_in_the_abi() -> None:
    source = "".join(inspect.getsource(part) for part in (read_side, rosterreader, decoding, fees, verifiers, bonds))
    known = set(
        itertools.chain.from_iterable(
            signatures(name, kind).values() for name in contracts.NAMES for kind in ("function", "error", "event")
        )
    )
    used = set(re.findall(r'"([A-Za-z]+\([a-z0-9,\[\]]*\))"', source))
    assert len(used) >= 18
    assert used <= known


def test_the_structures_of_the_read_side_are_those_of_the_contracts() -> None:
    """A member's endpoint is read as bytes, because the contract takes any."""
    returned = {
        ("Market", "task"): decoding.TASK,
        ("Market", "round"): decoding.ROUND,
        ("Market", "ownerAt"): decoding.OWNER,
        ("CommitteeRegistry", "terms"): decoding.COMMITTEE_TERMS,
        ("CommitteeRegistry", "membership"): decoding.MEMBER.replace("bytes,bytes32", "string,bytes32"),
    }
    for (contract, function), kind in returned.items():
        (stated,) = (i["outputs"] for i in contracts.load(contract).abi if i.get("name") == function)
        assert [type_of(item) for item in stated] == [kind]
    assert signatures("Market", "event")["FeesHeld"] == decoding.FEES_HELD
    assert signatures("Market", "event")["FeesPaid"] == decoding.FEES_PAID
    assert signatures("Market", "event")["FeesRefunded"] == decoding.FEES_REFUNDED
    assert signatures("Market", "event")["SubmissionPosted"] == decoding.SUBMISSION_POSTED
    assert signatures("Market", "event")["OwnerExcluded"] == decoding.OWNER_EXCLUDED


def test_an_account_without_money_is_named(world: World) -> None:
    poor = ChainWriter(ChainView(world.url, world.market), SigningKey.generate())
    with pytest.raises(ChainError):
        poor.create_committee(1, [chain.address for chain in world.chains[1:5]])


def test_two_senders_of_one_account_do_not_lose_transactions(world: World) -> None:
    """Another process may use the account too: a taken nonce is noticed, not waited for.

    The senders ask for different committees: the same call under the same nonce and fees is the same transaction.
    """
    members = [chain.address for chain in world.chains[1:5]]
    rosters = (members, members[::-1])
    one, two = (
        ChainWriter(ChainView(world.url, world.market), world.keys[0], Patience(resend=0.5, give_up=600.0))
        for _ in range(2)
    )
    with ThreadPoolExecutor(2) as pool:
        done = [
            pool.submit(c.create_committee, 1, r) for c, r in zip((one, two), rosters, strict=True) for _ in range(3)
        ]
    assert len({future.result() for future in done}) == 6


@pytest.mark.anvil
def test_a_stuck_transaction_is_sent_again_with_higher_fees(anvil: Anvil) -> None:
    """The node forgets to mine; the second variant replaces the first, and its receipt is found."""
    (key,) = funded_keys(1)
    made = deploy_contracts(anvil.url, key)
    view = ChainView(anvil.url, made.market)
    chain = ChainWriter(view, key, Patience(poll=0.1, resend=1.0, give_up=600.0))
    provider = view.rpc.web3.provider
    provider.make_request(RPCEndpoint("evm_setAutomine"), [False])
    members = [bytes([i]) * 20 for i in range(1, 5)]
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(chain.create_committee, 1, members)
        time.sleep(2.5)
        assert not future.done()
        provider.make_request(RPCEndpoint("evm_mine"), [])
        number = future.result()
    assert view.committee(number).members == tuple(members)
    provider.make_request(RPCEndpoint("evm_setAutomine"), [True])
    assert chain.create_committee(1, members) != number


@pytest.mark.anvil
def test_a_transaction_that_is_never_mined_is_given_up(anvil: Anvil) -> None:
    (key,) = funded_keys(1)
    made = deploy_contracts(anvil.url, key)
    chain = ChainWriter(ChainView(anvil.url, made.market), key, Patience(poll=0.1, resend=0.5, give_up=2.0))
    chain.view.rpc.web3.provider.make_request(RPCEndpoint("evm_setAutomine"), [False])
    with pytest.raises(ChainError, match="was not mined within 2 s"):
        chain.create_committee(1, [bytes([i]) * 20 for i in range(1, 5)])


def test_balances_and_fees_are_read(world: World) -> None:
    view = world.chain.view
    assert view.balance(SigningKey.generate().address) == 0
    assert view.balance(world.chain.address) > 10**15
    assert view.gas_price() > 0
