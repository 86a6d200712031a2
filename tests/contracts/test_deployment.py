"""The artifacts at work on the embedded chain (py-evm): one task from its creation to an owner's pay."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import decode
from web3 import EthereumTesterProvider, Web3
from web3.types import Wei

import contracts
from circuits.hashing import keccak, tag, words
from circuits.statement import MarketId, TaskTerms
from commons.chain.calldata import point
from tests.contracts.encoding import BATCH, KEY, encode_batch, encode_key
from tests.contracts.fixtures import BOUND, owner_key
from tests.support.plain_batch import (
    Circumstances,
    address_of,
    attest,
    build_batch,
    development_setup,
    random_gradients,
    seed_of,
)

OWNERS = 3
REWARD = 10**15
HOUR = 3600
MODEL_DIGEST = keccak(b"model")
PROVER_KEYS = tuple(seed_of("fixture prover", index) for index in range(4))


@pytest.fixture
def w3() -> Web3:
    return Web3(EthereumTesterProvider())


def _deploy(w3: Web3, name: str, *arguments: Any) -> Any:
    artifact = contracts.load(name)
    factory = w3.eth.contract(abi=list(artifact.abi), bytecode=artifact.bytecode)
    receipt = w3.eth.wait_for_transaction_receipt(factory.constructor(*arguments).transact())
    assert receipt["status"] == 1
    return w3.eth.contract(address=receipt["contractAddress"], abi=list(artifact.abi))


def _address(key: bytes) -> str:
    return Web3.to_checksum_address(address_of(key))


def _committee(w3: Web3) -> Any:
    """A registry whose committee 0 is ready; the provers' accounts are unlocked on the test chain."""
    registry = _deploy(w3, "CommitteeRegistry")
    tester = w3.provider.ethereum_tester  # type: ignore[attr-defined]
    for key in PROVER_KEYS:
        tester.add_account(f"0x{key.hex()}")
        w3.eth.send_transaction({"from": w3.eth.accounts[0], "to": _address(key), "value": Wei(10**18)})
    registry.functions.createCommittee(1, [_address(key) for key in PROVER_KEYS]).transact()
    for key in PROVER_KEYS:
        registry.functions.join(0, "localhost:7001", key).transact({"from": _address(key)})
    assert registry.functions.ready(0).call()
    return registry


def _market_id(w3: Web3, market: Any) -> MarketId:
    """The market's identity as Python computes it: deployed in the latest block, so in the block after its parent."""
    address = bytes.fromhex(market.address[2:])
    parent = bytes(w3.eth.get_block("latest")["parentHash"])
    deployment = keccak(words(tag("gradroll/v1/deployment"), w3.eth.chain_id, address, parent))
    return MarketId(w3.eth.chain_id, address, deployment)


@pytest.mark.slow
@pytest.mark.parametrize("dimension", [10, 520, 700], ids=["domain-2^4", "domain-9*2^6", "domain-3*2^8"])
def test_batch_is_accepted_and_paid(w3: Web3, dimension: int) -> None:
    w3.eth.default_account = w3.eth.accounts[0]
    setup = development_setup("norm", 16, dimension)
    registry = _committee(w3)
    market = _deploy(w3, "Market", registry.address)
    identity = _market_id(w3, market)
    assert market.functions.deployment().call() == identity.deployment
    verifier = _deploy(w3, "RollupVerifier", decode([KEY], encode_key(setup.verifying))[0])
    assert verifier.functions.policyKeyHash().call() == setup.verifying.key_hash
    assert tuple(verifier.functions.tau().call()) == point(setup.srs.tau)
    coordinator = _address(owner_key(99))
    terms = (0, verifier.address, coordinator, dimension, 16, BOUND, 2, 8, 1, REWARD, HOUR, HOUR, True, True)
    market.functions.createTask(terms).transact()
    market.functions.admit(0, [_address(owner_key(i)) for i in range(OWNERS)]).transact()
    market.functions.fund(0).transact({"value": 8 * REWARD})
    market.functions.openRound(0, MODEL_DIGEST).transact()
    terms_hash = market.functions.task(0).call()[-1]
    assert terms_hash == _terms(identity, w3.eth.accounts[0], terms).terms_hash

    code = keccak(bytes(w3.eth.get_code(verifier.address)))
    at = Circumstances(identity, 0, terms_hash, 0, MODEL_DIGEST, BOUND, verifier_code=code)
    keys = [owner_key(i) for i in range(OWNERS)]
    batch = build_batch(setup, random_gradients(OWNERS, dimension, BOUND), at=at, owner_keys=keys)
    signed = [(member, attest(batch, PROVER_KEYS[member])) for member in (0, 2, 3)]
    encoded = encode_batch(batch.statement, batch.proof, signed)
    sent = market.functions.acceptBatch(decode([BATCH], encoded)[0]).transact({"gas": 2_000_000})
    receipt = w3.eth.wait_for_transaction_receipt(sent)
    (event,) = market.events.BatchAccepted().process_receipt(receipt)
    assert event["args"]["batchId"] == batch.batch_id

    sent = market.functions.publishAggregate(0, 0, 0, batch.payload).transact()
    (event,) = market.events.AggregatePublished().process_receipt(w3.eth.wait_for_transaction_receipt(sent))
    assert event["args"]["payload"] == batch.payload

    owner = _address(keys[2])
    market.functions.claim(0, 0, 2).transact()
    assert w3.eth.get_balance(Web3.to_checksum_address(owner)) == REWARD
    assert market.functions.claimed(0, 0, 0).call() == 1 << 2


def _terms(market: MarketId, model_owner: str, terms: tuple[Any, ...]) -> TaskTerms:
    """Task 0 as Python holds it, of the contract's tuple of terms."""
    committee, verifier, coordinator, *others = terms
    owner, verifier, coordinator = (bytes.fromhex(a[2:]) for a in (model_owner, verifier, coordinator))
    return TaskTerms(market, 0, owner, committee, verifier, coordinator, *others)
