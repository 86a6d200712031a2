"""The chain client against the development chain: every transaction, every named refusal, a real batch."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_abi.abi import encode
from eth_account import Account
from web3.types import RPCEndpoint

from circuits.errors import ChainError, ContractError, InvalidInputError, UnknownError
from circuits.hashing import keccak
from circuits.payload import MAX_INLINE
from circuits.statement import Context, TaskTerms
from commons.chain import view as read_side
from commons.chain.abicoding import selector
from commons.chain.calldata import signatures
from commons.chain.deploying import deploy_contracts
from commons.chain.devchain import DevChain
from commons.chain.facts import NewTask, RecordedBatch
from commons.chain.outbox import Outbox
from commons.chain.patience import Patience
from commons.chain.quotes import Quote
from commons.chain.view import ChainView
from commons.chain.writer import ChainWriter
from commons.sharing import sealing
from commons.storage.accounts import SigningKey
from commons.wire.channel import open_channel
from gradroll.data_owner.claims import claim_all
from gradroll.model_owner import roster
from tests.support.anvil import Anvil, binary_in
from tests.support.parts import with_parts
from tests.support.plain_batch import (
    Circumstances,
    PlainBatch,
    attest,
    build_batch,
    development_setup,
    random_gradients,
)

MNEMONIC = "test test test test test test test test test test test junk"
DIMENSION, BOUND, REWARD = 10, 1 << 40, 10**15


@dataclass
class World:
    url: str
    chain_id: int
    keys: tuple[SigningKey, ...]
    market: bytes
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
    made = deploy_contracts(url, keys[0])
    chains = tuple(ChainWriter(ChainView(url, made.market), key) for key in keys)
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
        chain.join(committee, f"127.0.0.1:{7000 + index}", sealing.public_key(sealing.generate()))
    return committee


@pytest.fixture(scope="module")
def verifier(world: World) -> bytes:
    return world.chain.deploy_verifier(development_setup("norm", 16, DIMENSION).verifying)


def terms(world: World, committee: int, verifier: bytes, **changes: object) -> NewTask:
    task = NewTask(committee, verifier, world.chain.address, DIMENSION, 16, BOUND, 2, 6, 3, REWARD, 60, 600)
    return with_parts(task, **changes)


def test_committee_is_read_back(world: World, committee: int) -> None:
    record = world.chain.view.committee_record(committee)
    assert record.ready
    assert record.committee.threshold == 1
    assert record.committee.members == tuple(chain.address for chain in world.chains[1:5])
    assert record.endpoints[2] == "127.0.0.1:7002"


def test_a_members_address_that_is_no_text_hides_nobody_elses(world: World) -> None:
    committee = world.chain.create_committee(1, [chain.address for chain in world.chains[1:5]])
    for index, chain in enumerate(world.chains[1:5]):
        chain.join(committee, f"prover-{index}:1", bytes([1 + index]) * 32)
    broken = world.chains[4]
    data = selector("join(uint256,string,bytes32)") + encode(
        ["uint256", "bytes", "bytes32"], [committee, b"\xff\xfe", b"\x09" * 32]
    )
    broken._sender.send(world.chain.view.registry, data, gas=1_000_000)
    record = world.chain.view.committee_record(committee)
    assert record.endpoints[:3] == ("prover-0:1", "prover-1:1", "prover-2:1")
    assert record.endpoints[3] == "\ufffd\ufffd"
    with pytest.raises(InvalidInputError):
        open_channel(record.endpoints[3])


def test_a_members_address_steers_no_terminal(world: World) -> None:
    committee = world.chain.create_committee(1, [chain.address for chain in world.chains[1:5]])
    world.chains[1].join(committee, "\x1b[2Jprover:1\n", b"\x09" * 32)
    assert world.chain.view.committee_record(committee).endpoints[0] == " [2Jprover:1 "


@pytest.mark.parametrize(("provers", "threshold"), [(3, 1), (4, 1), (7, 1), (7, 2), (9, 2)])
def test_contract_and_provers_agree_on_the_quorum(world: World, provers: int, threshold: int) -> None:
    """Fewer signatures than provers hold for a quorum would let two sets that meet both be accepted."""
    view = world.chain.view
    committee = world.chain.create_committee(threshold, [bytes([p + 1]) * 20 for p in range(provers)])
    stated = view.rpc.call(view.registry, "quorum(uint256)", [committee], ["uint256"])[0]
    assert stated == view.committee(committee).quorum


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


def built(
    world: World, task: int, number: int, indices: list[int], **changes: object
) -> tuple[PlainBatch, list[tuple[int, bytes]]]:
    """A batch of the owners of accounts 6 to 8, with a quorum's attestations."""
    context, keys = world.chain.view.context(task, number), [key.secret_bytes() for key in world.keys]
    policy, committee_id = world.chain.view.policy(task), world.chain.view.terms(task).committee_id
    at = Circumstances(
        context.market, task, context.terms_hash, number, context.model_digest, BOUND, committee_id,
        policy.verifier_code,
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
        chain.accept_batch(batch.statement, batch.proof, attestations[:2])
    sent: list[bytes] = []
    mined = chain.accept_batch(batch.statement, batch.proof, attestations, on_sent=sent.append)
    assert sent == [mined.transaction]
    accepted = chain.view.accepted(task, number)
    record = RecordedBatch(0, batch.batch_id, batch.proof.commitment_sum, (0, 1, 2))
    assert [(a.record, a.reward, a.published) for a in accepted] == [(record, REWARD, ())]
    assert accepted[0].owners == tuple(owner.address for owner in owners)
    assert chain.view.consumed(task, number, 1)
    assert not chain.view.consumed(task, number, 3)
    with pytest.raises(ContractError, match="OwnerAlreadyAccepted"):
        chain.accept_batch(batch.statement, batch.proof, attestations)

    assert claim_all(chain, task, [number], owners[1].address) == REWARD
    assert chain.view.claimed(task, number, 1)
    assert not chain.view.claimed(task, number, 0)
    assert claim_all(chain, task, [number], owners[1].address) == 0
    with pytest.raises(ContractError, match="AlreadyClaimed"):
        chain.claim(task, number, 1)
    with pytest.raises(ContractError, match="OwnerNotAccepted"):
        chain.claim(task, number, 3)

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


@pytest.mark.slow
def test_aggregates_are_published_where_the_task_wants_them(world: World, committee: int, verifier: bytes) -> None:
    """Anyone may publish anything for an accepted batch; readers find all of it, in order, and believe none."""
    chain = world.chain
    inline = chain.create_task(terms(world, committee, verifier, inline_payload=True))
    number, batch, attestations = proven(world, inline)
    with pytest.raises(ContractError, match="BatchUnknown"):
        chain.publish_aggregate(inline, number, 0, batch.payload)
    chain.accept_batch(batch.statement, batch.proof, attestations)
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
    chain.accept_batch(batch.statement, batch.proof, attestations)
    with pytest.raises(ContractError, match="PayloadNotInline"):
        chain.publish_aggregate(plain, number, 0, batch.payload)
    assert chain.view.accepted(plain, number)[0].published == ()


@pytest.mark.slow
def test_a_batch_is_final_when_enough_blocks_vouch_for_it(world: World, committee: int, verifier: bytes) -> None:
    chain = world.chain
    task = chain.create_task(terms(world, committee, verifier))
    number, batch, attestations = proven(world, task)
    mined = chain.accept_batch(batch.statement, batch.proof, attestations)
    (accepted,) = chain.view.accepted(task, number)
    assert accepted.record.commitment == batch.proof.commitment_sum
    assert chain.view.recorded(task, number, batch.batch_id, 1) == accepted.record
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
        world.chain.accept_batch(batch.statement, batch.proof, attestations)


@pytest.mark.parametrize("change", [{"terms_hash": bytes(32)}, {"model_digest": bytes(32)}])
def test_a_batch_of_other_terms_or_another_model_is_refused(
    world: World, committee: int, verifier: bytes, change: dict[str, bytes]
) -> None:
    task = world.chain.create_task(terms(world, committee, verifier))
    _, batch, attestations = proven(world, task, **change)
    with pytest.raises(ContractError, match="SubmissionInvalid"):
        world.chain.accept_batch(batch.statement, batch.proof, attestations)


def test_terms_and_model_owner_are_read_back(world: World, committee: int, verifier: bytes) -> None:
    chain = world.chain
    task = chain.create_task(terms(world, committee, verifier))
    read = chain.view.terms(task)
    assert (read.model_owner, read.market) == (chain.address, chain.view.market_id)
    assert chain.view.task(task).terms == read  # its hash was compared with the market's
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
    """A chain takes 2^24 gas a transaction at most; 300 owners were given more."""
    chain, owners = world.chain, strangers(300)
    task = chain.create_task(terms(world, committee, verifier, permissioned=True))
    steps: list[tuple[int, int]] = []
    assert chain.admit(task, [*owners, *owners[:5]], lambda done, total: steps.append((done, total))) == 300
    assert steps[-1] == (300, 300)
    assert len(steps) == 2
    assert [chain.view.owner_at(task, index) for index in (0, 299)] == [owners[0], owners[299]]


def test_admitting_goes_on_after_an_interruption(world: World, committee: int, verifier: bytes) -> None:
    chain, owners = world.chain, strangers(6)
    task = chain.create_task(terms(world, committee, verifier, permissioned=True))
    assert chain.admit(task, owners[1:3]) == 2
    assert chain.admit(task, owners) == 4
    assert chain.admit(task, owners) == 0
    assert chain.view.task(task).owners == 6
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
    """The registry is there, the process dies before the market: run again, it deploys the market alone."""
    quotes: list[Quote] = []

    def interrupt(quote: Quote) -> None:
        quotes.append(quote)
        if len(quotes) == 2:
            raise KeyboardInterrupt

    def nonce() -> int:
        return world.chain._sender._nonce()

    before = nonce()
    with Outbox(tmp_path / "outbox") as outbox, pytest.raises(KeyboardInterrupt):
        deploy_contracts(world.url, world.keys[0], outbox=outbox, announce=interrupt)
    assert nonce() == before + 1
    with Outbox(tmp_path / "outbox") as outbox:
        made = deploy_contracts(world.url, world.keys[0], outbox=outbox, announce=quotes.append)
        outbox.clear()
    assert nonce() == before + 2
    assert ChainView(world.url, made.market).registry == made.registry
    assert all(quote.gas > 500_000 and quote.fee > 0 == quote.value for quote in quotes)
    assert len(quotes) == 3
    with Outbox(tmp_path / "outbox") as outbox:
        assert deploy_contracts(world.url, world.keys[0], outbox=outbox).market != made.market


def test_an_interrupted_join_is_not_taken_for_a_later_one(world: World, tmp_path: Path) -> None:
    """It joins, is interrupted before it can tell, joins elsewhere, and goes back."""
    member, (here, there), key = world.chains[1], ("here:1", "there:1"), b"\x01" * 32
    number = world.chain.create_committee(1, [chain.address for chain in world.chains[1:5]])

    def join(endpoint: str, *, told: bool = True) -> None:
        with Outbox(tmp_path / "outbox") as outbox:
            ChainWriter(member.view, world.keys[1], outbox=outbox).join(number, endpoint, key)
            if told:
                outbox.clear()

    join(here, told=False)
    join(there)
    join(here)
    assert world.chain.view.committee_record(number).endpoints[0] == here


def test_the_cost_of_what_a_contract_refuses_is_not_announced(world: World, committee: int, verifier: bytes) -> None:
    careful = ChainWriter(
        ChainView(world.url, world.market), world.keys[0], announce=lambda _: pytest.fail("announced")
    )
    task = world.chain.create_task(terms(world, committee, verifier))
    with pytest.raises(ContractError, match="InsufficientEscrow"):
        careful.open_round(task, keccak(b"model"))


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
    Account.enable_unaudited_hdwallet_features()
    key = SigningKey.from_secret(bytes(Account.from_mnemonic(MNEMONIC).key))
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
        assert future.result() == 0
    assert view.committee(0).members == tuple(members)
    provider.make_request(RPCEndpoint("evm_setAutomine"), [True])
    assert chain.create_committee(1, members) == 1


@pytest.mark.anvil
def test_a_transaction_that_is_never_mined_is_given_up(anvil: Anvil) -> None:
    Account.enable_unaudited_hdwallet_features()
    key = SigningKey.from_secret(bytes(Account.from_mnemonic(MNEMONIC).key))
    made = deploy_contracts(anvil.url, key)
    chain = ChainWriter(ChainView(anvil.url, made.market), key, Patience(poll=0.1, resend=0.5, give_up=2.0))
    chain.view.rpc.web3.provider.make_request(RPCEndpoint("evm_setAutomine"), [False])
    with pytest.raises(ChainError, match="was not mined within 2 s"):
        chain.create_committee(1, [bytes([i]) * 20 for i in range(1, 5)])


def test_a_verifier_names_the_reference_string_of_its_key(world: World, committee: int, verifier: bytes) -> None:
    view, before = world.chain.view, world.chain.view.task_count()
    task = world.chain.create_task(terms(world, committee, verifier))
    assert (task, view.task_count()) == (before, before + 1)
    assert view.tau(task) == development_setup("norm", 16, DIMENSION).srs.tau


CAPACITY_ONLY = bytes.fromhex("60003560e01c635cfc1a5114601457600080fd005b606460005260206000f3")
"""Code that answers ``capacity()`` with 100 and reverts otherwise; the market creates tasks with it."""


def test_a_verifier_that_names_no_reference_string_is_told(world: World, committee: int) -> None:
    creation = bytes.fromhex("60") + bytes([len(CAPACITY_ONLY)]) + bytes.fromhex("8060093d393df3") + CAPACITY_ONLY
    stranger = world.chain._sender.send(None, creation, gas=1_000_000).created
    task = world.chain.create_task(terms(world, committee, stranger))
    with pytest.raises(ContractError, match="does not name its reference string"):
        world.chain.view.tau(task)


def test_balances_and_fees_are_read(world: World) -> None:
    view = world.chain.view
    assert view.balance(SigningKey.generate().address) == 0
    assert view.balance(world.chain.address) > 10**15
    assert view.gas_price() > 0
