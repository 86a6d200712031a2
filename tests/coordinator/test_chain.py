"""The chain client against the development chain: every transaction, every named refusal, a real batch."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from eth_account import Account
from web3.types import RPCEndpoint

from circuits.errors import ChainError, ContractError, UnknownError
from circuits.hashing import keccak
from coordinator.calldata import signatures
from coordinator.chain import Chain, NewTask, deploy_contracts
from coordinator.devchain import DevChain
from coordinator.transactions import Patience
from gradroll import roster
from gradroll.claims import claim_all
from provers import chain as read_side
from provers import hpke
from provers.chain import ChainView
from provers.keystore import SigningKey
from tests.support.anvil import Anvil, binary_in
from tests.support.plain_batch import Circumstances, attest, build_batch, development_setup, random_gradients

MNEMONIC = "test test test test test test test test test test test junk"
DIMENSION, BOUND, REWARD = 10, 1 << 40, 10**15


@dataclass
class World:
    url: str
    chain_id: int
    keys: tuple[SigningKey, ...]
    market: bytes
    chains: tuple[Chain, ...]

    def advance(self, seconds: int) -> None:
        """Put the node's clock forward."""
        web3 = self.chain.view.rpc.web3
        web3.provider.make_request(RPCEndpoint("evm_increaseTime"), [seconds])
        web3.provider.make_request(RPCEndpoint("evm_mine"), [])

    @property
    def chain(self) -> Chain:
        return self.chains[0]


def deployed(url: str, keys: tuple[SigningKey, ...]) -> World:
    made = deploy_contracts(url, keys[0])
    chains = tuple(Chain(ChainView(url, made.market), key) for key in keys)
    return World(url, made.chain_id, keys, made.market, chains)


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
    Account.enable_unaudited_hdwallet_features()
    keys = tuple(
        SigningKey.from_secret(bytes(Account.from_mnemonic(MNEMONIC, account_path=f"m/44'/60'/0'/0/{i}").key))
        for i in range(10)
    )
    with Anvil(binary, tmp_path_factory.mktemp("anvil") / "log") as node:
        yield deployed(node.url, keys)


@pytest.fixture(scope="module")
def committee(world: World) -> int:
    committee = world.chain.create_committee(1, [chain.address for chain in world.chains[1:5]])
    for index, chain in enumerate(world.chains[1:5]):
        chain.join(committee, f"127.0.0.1:{7000 + index}", hpke.public_key(hpke.generate()))
    return committee


@pytest.fixture(scope="module")
def verifier(world: World) -> bytes:
    return world.chain.deploy_verifier(development_setup("norm", 16, DIMENSION).verifying)


def terms(world: World, committee: int, verifier: bytes, **changes: object) -> NewTask:
    task = NewTask(committee, verifier, world.chain.address, DIMENSION, 16, BOUND, 2, 6, 3, REWARD, 60, 600)
    return replace(task, **changes)  # type: ignore[arg-type]


def test_committee_is_read_back(world: World, committee: int) -> None:
    record = world.chain.view.committee_record(committee)
    assert record.ready
    assert record.committee.threshold == 1
    assert record.committee.members == tuple(chain.address for chain in world.chains[1:5])
    assert record.endpoints[2] == "127.0.0.1:7002"


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
        world.chain.open_round(task, keccak(b"model"))
    assert caught.value.error == "InsufficientEscrow"
    with pytest.raises(ContractError, match="NotModelOwner"):
        world.chains[3].open_round(task, keccak(b"model"))
    with pytest.raises(ContractError, match="TermsInvalid"):
        world.chain.create_task(terms(world, committee, verifier, min_owners=1))


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

    keys = [key.secret_bytes() for key in world.keys]
    at = Circumstances(world.chain_id, world.market, task, number, BOUND)
    gradients = random_gradients(3, DIMENSION, BOUND)
    batch = build_batch(setup, gradients, at=at, indices=indices, owner_keys=keys[6:9])
    attestations = [(member, attest(batch, keys[1 + member])) for member in (0, 2, 3)]
    with pytest.raises(ContractError, match="TooFewAttestations"):
        chain.accept_batch(batch.statement, batch.proof, batch.payload, attestations[:2])
    sent: list[bytes] = []
    mined = chain.accept_batch(batch.statement, batch.proof, batch.payload, attestations, on_sent=sent.append)
    assert sent == [mined.transaction]
    accepted = chain.view.accepted(task, number)
    assert [(a.record.batch_id, a.indices, a.amounts) for a in accepted] == [(batch.batch_id, (0, 1, 2), (REWARD,) * 3)]
    assert accepted[0].owners == tuple(owner.address for owner in owners)
    assert chain.view.consumed(task, number, 1)
    assert not chain.view.consumed(task, number, 3)
    with pytest.raises(ContractError, match="OwnerAlreadyAccepted"):
        chain.accept_batch(batch.statement, batch.proof, batch.payload, attestations)

    assert claim_all(chain, task, [number], owners[1].address) == REWARD
    assert chain.view.claimed(task, number, 1)
    assert not chain.view.claimed(task, number, 0)
    assert claim_all(chain, task, [number], owners[1].address) == 0
    with pytest.raises(ContractError, match="AlreadyClaimed"):
        chain.claim(task, number, 1)
    with pytest.raises(ContractError, match="OwnerNotAccepted"):
        chain.claim(task, number, 3)
    with pytest.raises(UnknownError, match="BatchUnknown"):
        chain.view.batch(task, number, 0)

    with pytest.raises(ContractError, match="RoundStillOpen"):
        chain.finalize_round(task, number)
    world.advance(700)
    assert chain.view.now() >= chain.view.round(task, number).settle_deadline
    chain.finalize_round(task, number)
    assert chain.view.round(task, number).finalized
    assert chain.view.task(task).balance == 4 * REWARD
    chain.withdraw(task, 4 * REWARD)


def test_a_roster_is_copied_once_until_it_grows(world: World, committee: int, verifier: bytes) -> None:
    chain = world.chain
    task = chain.create_task(terms(world, committee, verifier, rounds=3))
    assert roster.compact(chain.view, chain, task) == ()
    for owner in world.chains[6:9]:
        owner.register(task)
    assert chain.view.compacted(task, 0) == 0
    assert roster.compact(chain.view, chain, task) == (0,)
    assert chain.view.compacted(task, 0) == 3
    assert roster.compact(chain.view, chain, task) == ()
    with pytest.raises(ContractError, match="RosterCompact"):
        chain.compact_roster(task, 0)
    world.chains[5].register(task)
    assert roster.compact(chain.view, chain, task) == ()  # one new owner does not pay for four
    world.chains[9].register(task)
    chain.compact_roster(task, 0)
    assert chain.view.compacted(task, 0) == 5


def test_pay_by_contribution_is_claimed_with_the_rebuilt_tree(world: World, committee: int) -> None:
    setup = development_setup("norm-contribution", capacity=16, dimension=DIMENSION)
    chain, owners = world.chain, world.chains[6:9]
    task = chain.create_task(terms(world, committee, chain.deploy_verifier(setup.verifying)))
    chain.fund(task, 6 * REWARD)
    indices = [owner.register(task) for owner in owners]
    number = chain.open_round(task, keccak(b"model"))
    keys = [key.secret_bytes() for key in world.keys]
    at = Circumstances(world.chain_id, world.market, task, number, BOUND)
    batch = build_batch(
        setup, random_gradients(3, DIMENSION, BOUND), at=at, indices=indices, owner_keys=keys[6:9]
    )  # fmt: skip
    attestations = [(member, attest(batch, keys[1 + member])) for member in (0, 2, 3)]
    chain.accept_batch(batch.statement, batch.proof, batch.payload, attestations)
    (accepted,) = chain.view.accepted(task, number)
    assert accepted.amounts != (REWARD,) * 3
    paid = [claim_all(chain, task, [number], owner.address) for owner in owners]
    assert tuple(paid) == accepted.amounts
    assert sum(paid) == chain.view.round(task, number).spent
    assert [claim_all(chain, task, [number], owner.address) for owner in owners] == [0, 0, 0]
    with pytest.raises(ContractError, match="PaidByContribution"):
        chain.claim(task, number, 0)


def test_nonces_follow_each_other_across_threads(world: World) -> None:
    members = [chain.address for chain in world.chains[1:5]]
    with ThreadPoolExecutor(4) as pool:
        numbers = list(pool.map(lambda _: world.chain.create_committee(1, members), range(6)))
    assert len(set(numbers)) == 6


def test_every_signature_of_the_read_side_is_in_the_abi() -> None:
    source = Path(read_side.__file__).read_text()
    known = set(
        itertools.chain.from_iterable(
            signatures(name, kind).values()
            for name in ("Market", "CommitteeRegistry", "RollupVerifier")
            for kind in ("function", "error", "event")
        )
    )
    used = set(re.findall(r'"([A-Za-z]+\([a-z0-9,\[\]]*\))"', source))
    assert len(used) >= 18
    assert used <= known


def test_an_account_without_money_is_named(world: World) -> None:
    poor = Chain(ChainView(world.url, world.market), SigningKey.generate())
    with pytest.raises(ChainError):
        poor.create_committee(1, [chain.address for chain in world.chains[1:5]])


def test_two_senders_of_one_account_do_not_lose_transactions(world: World) -> None:
    """Another process may use the account too: a taken nonce is noticed, not waited for.

    The senders ask for different committees: the same call under the same nonce and fees is the same transaction.
    """
    members = [chain.address for chain in world.chains[1:5]]
    rosters = (members, members[::-1])
    one, two = (
        Chain(ChainView(world.url, world.market), world.keys[0], Patience(resend=0.5, give_up=600.0)) for _ in range(2)
    )
    with ThreadPoolExecutor(2) as pool:
        done = [
            pool.submit(c.create_committee, 1, r) for c, r in zip((one, two), rosters, strict=True) for _ in range(3)
        ]
    assert len({future.result() for future in done}) == 6


@pytest.mark.anvil
def test_a_stuck_transaction_is_sent_again_with_higher_fees(anvil: Anvil) -> None:
    """The node forgets to mine; the second variant replaces the first, and its receipt is found."""
    Account.enable_unaudited_hdwallet_features()
    key = SigningKey.from_secret(bytes(Account.from_mnemonic(MNEMONIC).key))
    made = deploy_contracts(anvil.url, key)
    view = ChainView(anvil.url, made.market)
    chain = Chain(view, key, Patience(poll=0.1, resend=1.0, give_up=600.0))
    provider = view.rpc.web3.provider
    provider.make_request(RPCEndpoint("evm_setAutomine"), [False])
    members = [bytes([i]) * 20 for i in range(1, 5)]
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(chain.create_committee, 1, members)
        time.sleep(2.5)
        assert not future.done()
        provider.make_request(RPCEndpoint("evm_mine"), [])
        assert future.result() == 0
    assert view.committee(0).members == tuple(members)
    provider.make_request(RPCEndpoint("evm_setAutomine"), [True])
    assert chain.create_committee(1, members) == 1


@pytest.mark.anvil
def test_a_transaction_that_is_never_mined_is_given_up(anvil: Anvil) -> None:
    Account.enable_unaudited_hdwallet_features()
    key = SigningKey.from_secret(bytes(Account.from_mnemonic(MNEMONIC).key))
    made = deploy_contracts(anvil.url, key)
    chain = Chain(ChainView(anvil.url, made.market), key, Patience(poll=0.1, resend=0.5, give_up=2.0))
    chain.view.rpc.web3.provider.make_request(RPCEndpoint("evm_setAutomine"), [False])
    with pytest.raises(ChainError, match="was not mined within 2 s"):
        chain.create_committee(1, [bytes([i]) * 20 for i in range(1, 5)])
