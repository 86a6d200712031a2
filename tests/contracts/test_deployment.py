"""The artifacts at work on the embedded chain (py-evm): one task from its creation to the pay of owners and provers."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import decode
from web3 import EthereumTesterProvider, Web3
from web3.logs import DISCARD
from web3.types import Wei

import contracts
from circuits.hashing import keccak, tag, words
from circuits.terms import DAY, CommitteeTerms, MarketId, NewTask, Pay, Windows
from commons.chain.calldata import point
from commons.protocol.receipts import availability_digest
from tests.contracts.encoding import BATCH, compact, encode_batch, encode_key
from tests.contracts.fixtures import BOUND, owner_key
from tests.support.parts import task_terms
from tests.support.plain_batch import (
    Circumstances,
    address_of,
    attest,
    build_batch,
    development_setup,
    random_gradients,
    seed_of,
    sign,
)

OWNERS = 3
PAY = Pay(base=10**15, coordinator_batch=7, coordinator_gradient=2, prover_batch=11, prover_gradient=3, deposit=10**14)
HOUR = 3600
MODEL_DIGEST = keccak(b"model")
PROVER_KEYS = tuple(seed_of("fixture prover", index) for index in range(4))
PAYEE = bytes(19) + b"\x77"
NO_PERMIT = (0, 0, bytes(32), bytes(32))
ETHER = "0x" + 40 * "0"


@pytest.fixture
def w3() -> Web3:
    web3 = Web3(EthereumTesterProvider())
    web3.eth.default_account = web3.eth.accounts[0]
    return web3


def _deploy(w3: Web3, name: str, *arguments: Any) -> Any:
    """A contract; the libraries that it is linked to come first."""
    artifact = contracts.load(name)
    libraries = {link: bytes.fromhex(_deploy(w3, link).address[2:]) for link in artifact.links}
    factory = w3.eth.contract(abi=list(artifact.abi), bytecode=artifact.linked(libraries))
    receipt = w3.eth.wait_for_transaction_receipt(factory.constructor(*arguments).transact())
    assert receipt["status"] == 1
    return w3.eth.contract(address=receipt["contractAddress"], abi=list(artifact.abi))


def _address(key: bytes) -> str:
    return Web3.to_checksum_address(address_of(key))


def _raw(address: str) -> bytes:
    return bytes.fromhex(address[2:])


def _unlock(w3: Web3, key: bytes) -> str:
    """The account of a key, with money, from which transactions can be sent."""
    w3.provider.ethereum_tester.add_account(f"0x{key.hex()}")  # type: ignore[attr-defined]
    w3.eth.send_transaction({"from": w3.eth.accounts[0], "to": _address(key), "value": Wei(10**18)})
    return _address(key)


def _committee(w3: Web3) -> tuple[Any, int]:
    """A registry, and a committee of it that is ready."""
    registry, terms = _deploy(w3, "CommitteeRegistry", HOUR), CommitteeTerms(1, change_delay=DAY, unbonding_delay=DAY)
    signers = [_unlock(w3, key) for key in PROVER_KEYS]
    registry.functions.createCommittee(terms.words, signers, 5).transact()
    place = w3.eth.chain_id, _raw(registry.address), _raw(w3.eth.accounts[0])
    number = terms.committee_id(*place, 5, _parent(w3), list(map(_raw, signers)))
    assert registry.functions.committeeAt(0).call() == number
    for key, signer in zip(PROVER_KEYS, signers, strict=True):
        registry.functions.join(number, "localhost:7001", key, ETHER).transact({"from": signer})
    assert registry.functions.shape(number).call() == [1, len(signers), 0, True]
    return registry, number


def _parent(w3: Web3) -> bytes:
    """What a contract sees of the block before, in the latest block."""
    return bytes(w3.eth.get_block("latest")["parentHash"])


def _market_id(w3: Web3, market: Any) -> MarketId:
    """The market's identity as Python computes it: deployed in the latest block."""
    deployment = keccak(words(tag("gradroll/v1/deployment"), w3.eth.chain_id, _raw(market.address), _parent(w3)))
    return MarketId(w3.eth.chain_id, _raw(market.address), deployment)


@pytest.mark.slow
@pytest.mark.parametrize("dimension", [10, 520, 700], ids=["domain-2^4", "domain-9*2^6", "domain-3*2^8"])
def test_batch_is_accepted_and_everybody_is_paid(w3: Web3, dimension: int) -> None:
    setup = development_setup("norm", 16, dimension)
    registry, committee = _committee(w3)
    factory = _deploy(w3, "VerifierFactory", [contracts.load("RollupVerifier").linked()])
    market = _deploy(w3, "Market", registry.address, factory.address, HOUR, ETHER)
    identity = _market_id(w3, market)
    assert market.functions.deployment().call() == identity.deployment
    made = factory.functions.create(0, encode_key(setup.verifying)).transact()
    (event,) = factory.events.VerifierCreated().process_receipt(
        w3.eth.wait_for_transaction_receipt(made), errors=DISCARD
    )
    verifier = w3.eth.contract(event["args"]["verifier"], abi=list(contracts.load("RollupVerifier").abi))
    assert verifier.functions.policyKeyHash().call() == setup.verifying.key_hash
    assert tuple(verifier.functions.tau().call()) == point(setup.srs.tau)

    new = NewTask(
        committee, _raw(verifier.address), address_of(owner_key(99)), dimension, 16, BOUND, 2, 8, 1,
        Windows(HOUR, HOUR, availability=HOUR), permissioned=True, inline_payload=True, pay=PAY,
    )  # fmt: skip
    market.functions.createTask(new.words, 9).transact()
    creator = _raw(w3.eth.accounts[0])
    task = new.identifier(identity.deployment, creator, 9)
    assert market.functions.taskAt(0).call() == task
    terms = task_terms(new, market=identity, task_id=task, creator=creator)
    assert market.functions.task(task).call()[-2:] == (terms.terms_hash, 0)
    keys = [owner_key(i) for i in range(OWNERS)]
    market.functions.admit(task, [_address(key) for key in keys]).transact()
    for key in keys:
        sent = {"from": _unlock(w3, key), "value": PAY.deposit}
        market.functions.register(task, _address(key), b"", NO_PERMIT).transact(sent)
    market.functions.fund(task, 10**16, NO_PERMIT).transact({"value": 10**16})
    market.functions.openRound(task, MODEL_DIGEST, 4).transact()

    code = keccak(bytes(w3.eth.get_code(verifier.address)))
    at = Circumstances(identity, task, terms.terms_hash, 0, MODEL_DIGEST, BOUND, committee, code, PAYEE)
    batch = build_batch(setup, random_gradients(OWNERS, dimension, BOUND), at=at, owner_keys=keys)
    signed = [(member, attest(batch, PROVER_KEYS[member])) for member in (0, 2, 3)]
    encoded = encode_batch(batch.statement, batch.proof, signed, PAYEE)
    sent = market.functions.acceptBatch(decode([BATCH], encoded)[0]).transact({"gas": 2_000_000})
    receipt = w3.eth.wait_for_transaction_receipt(sent)
    (event,) = market.events.BatchAccepted().process_receipt(receipt, errors=DISCARD)
    assert event["args"]["batchId"] == batch.batch_id

    sent = market.functions.publishAggregate(task, 0, 0, batch.payload).transact()
    (event,) = market.events.AggregatePublished().process_receipt(w3.eth.wait_for_transaction_receipt(sent))
    assert event["args"]["payload"] == batch.payload

    before = [w3.eth.get_balance(Web3.to_checksum_address(_address(key))) for key in keys]
    market.functions.claim(task, 1, bytes.fromhex("000000010002")).transact()
    assert [w3.eth.get_balance(Web3.to_checksum_address(_address(key))) for key in keys] == [
        old + PAY.flat for old in before
    ]
    payee = Web3.to_checksum_address(PAYEE)
    held = _settle(w3, market, task, batch.batch_id, identity, receipt)
    owed = [market.functions.owed(ETHER, _address(key)).call() for key in PROVER_KEYS]
    assert owed == [0, 0, 11 + 3 * OWNERS, 11 + 3 * OWNERS], "who attested and serves"
    assert market.functions.owed(ETHER, payee).call() == 0, "owners may post submissions still"
    _elapse(w3, 2 * HOUR)
    market.functions.refundFees(task, 0, 0, held).transact()
    assert market.functions.owed(ETHER, payee).call() == 7 + 2 * OWNERS
    assert market.functions.heldFees(task, 0, 0).call() == bytes(32), "the others' went back"


def _elapse(w3: Web3, seconds: int) -> None:
    w3.provider.ethereum_tester.time_travel(int(w3.eth.get_block("latest")["timestamp"]) + seconds)  # type: ignore[attr-defined]


def _settle(w3: Web3, market: Any, task: int, batch_id: bytes, identity: MarketId, accepted: Any) -> tuple[object, ...]:
    """A quorum, the last three, signs that the sum is served; what is held then."""
    (event,) = market.events.FeesHeld().process_receipt(accepted, errors=DISCARD)
    _elapse(w3, HOUR // 2)
    digest = availability_digest(identity, batch_id)
    receipts = [(member, *compact(sign(PROVER_KEYS[member], digest))) for member in (1, 2, 3)]
    held = tuple(event["args"]["held"].values())
    sent = market.functions.settleFees(task, 0, 0, held, (bytes(32), b"", receipts, [])).transact()
    (event,) = market.events.FeesHeld().process_receipt(w3.eth.wait_for_transaction_receipt(sent), errors=DISCARD)
    return tuple(event["args"]["held"].values())
