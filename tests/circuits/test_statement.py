"""What owners and provers sign, against an independent EIP-712 implementation; and that every part is in it."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from eth_abi.abi import encode
from eth_account.messages import _hash_eip191_message, encode_typed_data

import native
from circuits.hashing import keccak
from circuits.statement import (
    ATTESTATION_TYPE,
    DEALING_TYPE,
    SUBMISSION_TYPE,
    Attested,
    Context,
    MarketId,
    Policy,
    SubmissionHeader,
    TaskTerms,
    cohort_id,
)
from tests.support.parts import with_parts

MARKET = MarketId(31337, b"\x42" * 20, b"\x43" * 32)
TERMS = TaskTerms(
    market=MARKET, task_id=3, model_owner=b"\x01" * 20, committee_id=4, verifier=b"\x02" * 20,
    coordinator=b"\x03" * 20, dimension=10, fraction_bits=16, bound=1 << 40, min_owners=2, max_owners_per_round=64,
    rounds=5, reward_per_gradient=7, submit_window=60, settle_window=61, permissioned=True, inline_payload=False,
)  # fmt: skip
POLICY = Policy(16, b"\x05" * 32, b"\x06" * 32)
CONTEXT = Context.of(TERMS, 2, b"\x07" * 32, POLICY)
HEADER = SubmissionHeader(3, 2, b"\x08" * 20, 9, native.g1_generator, (b"\x0a" * 32, b"\x0b" * 32, b"\x0c" * 32))
ATTESTED = Attested(b"\x0d" * 32, POLICY.verifier_code, 4, 6, native.g1_generator, 1234)


def typed(type_string: str, values: list[object], market: MarketId = MARKET) -> bytes:
    """EIP-712 digest of a flat struct, by eth_account."""
    name, _, rest = type_string.partition("(")
    members = [member.split(" ") for member in rest.rstrip(")").split(",")]
    domain = {
        "name": "gradroll", "version": "1", "chainId": market.chain_id,
        "verifyingContract": "0x" + market.address.hex(), "salt": market.deployment,
    }  # fmt: skip
    types = {name: [{"name": member, "type": kind} for kind, member in members]}
    message = {member: value for (_, member), value in zip(members, values, strict=True)}
    return bytes(_hash_eip191_message(encode_typed_data(domain, types, message)))


def test_the_submission_is_typed_data_of_terms_and_model() -> None:
    values: list[object] = [3, TERMS.terms_hash, 2, b"\x07" * 32, 1, 2]
    assert HEADER.submission_digest(CONTEXT) == typed(SUBMISSION_TYPE, values)


def test_the_dealing_is_typed_data_of_owner_submission_and_shares() -> None:
    values: list[object] = [
        "0x" + HEADER.owner.hex(),
        HEADER.submission_digest(CONTEXT),
        keccak(b"".join(HEADER.share_digests)),
    ]
    assert HEADER.digest(CONTEXT) == typed(DEALING_TYPE, values)


def test_what_another_owner_signs_is_another_dealing() -> None:
    """The submission of the contract does not name its owner, so two may sign the same; their dealings differ."""
    other = replace(HEADER, owner=b"\x09" * 20)
    assert other.submission_digest(CONTEXT) == HEADER.submission_digest(CONTEXT)
    assert other.digest(CONTEXT) != HEADER.digest(CONTEXT)


def test_the_attestation_is_typed_data_of_the_whole_batch() -> None:
    values: list[object] = [
        b"\x0d" * 32, b"\x06" * 32, 4, 3, TERMS.terms_hash, 2, b"\x07" * 32, 6, 1, 2, 1234,
    ]  # fmt: skip
    assert ATTESTED.digest(CONTEXT) == typed(ATTESTATION_TYPE, values)


def test_terms_are_hashed_as_the_contract_does() -> None:
    words = (
        TERMS.committee_id, TERMS.verifier, TERMS.coordinator, TERMS.dimension, TERMS.fraction_bits, TERMS.bound,
        TERMS.min_owners, TERMS.max_owners_per_round, TERMS.rounds, TERMS.reward_per_gradient, TERMS.submit_window,
        TERMS.settle_window, TERMS.permissioned, TERMS.inline_payload,
    )  # fmt: skip
    kind = "(uint256,address,address,uint32,uint8,uint64,uint16,uint16,uint32,uint128,uint32,uint32,bool,bool)"
    head = (keccak(b"gradroll/v1/terms"), MARKET.deployment, 3, TERMS.model_owner)
    assert TERMS.terms_hash == keccak(encode(["bytes32", "bytes32", "uint256", "address", kind], [*head, words]))


def test_every_term_and_the_deployment_are_in_the_hash_of_the_terms() -> None:
    changed = [replace(TERMS, market=replace(MARKET, deployment=bytes(32)))]
    for field in fields(TERMS):
        value = getattr(TERMS, field.name)
        if isinstance(value, bytes):
            changed.append(with_parts(TERMS, **{field.name: bytes(20)}))
        elif isinstance(value, int):
            changed.append(with_parts(TERMS, **{field.name: not value if isinstance(value, bool) else value + 1}))
    assert len(changed) == len(fields(TERMS))
    assert len({TERMS.terms_hash, *(other.terms_hash for other in changed)}) == len(changed) + 1


@pytest.mark.parametrize(
    "name", ["batch_id", "verifier_code", "committee_id", "owners", "commitment_sum", "square_norm"]
)
def test_every_part_of_a_batch_is_attested(name: str) -> None:
    value = getattr(ATTESTED, name)
    other: object = value + 1 if isinstance(value, int) else bytes(len(value))
    assert with_parts(ATTESTED, **{name: other}).digest(CONTEXT) != ATTESTED.digest(CONTEXT)


@pytest.mark.parametrize(
    "change",
    [
        {"market": replace(MARKET, chain_id=1)},
        {"market": replace(MARKET, address=bytes(20))},
        {"market": replace(MARKET, deployment=bytes(32))},
        {"task_id": 4},
        {"terms_hash": bytes(32)},
        {"round": 3},
        {"model_digest": bytes(32)},
    ],
)
def test_signatures_hold_in_one_context_only(change: dict[str, object]) -> None:
    """A round, a model, terms, a task or a market of its own: what is signed for one says nothing in another."""
    other = with_parts(CONTEXT, **change)
    assert ATTESTED.digest(other) != ATTESTED.digest(CONTEXT)
    moved = replace(HEADER, task_id=other.task_id, round=other.round)
    assert moved.submission_digest(other) != HEADER.submission_digest(CONTEXT)
    assert moved.digest(other) != HEADER.digest(CONTEXT)
    digests = (moved.digest(other),)
    assert cohort_id(other, digests) != cohort_id(CONTEXT, (HEADER.digest(CONTEXT),))


def test_the_domain_has_the_deployment_as_its_salt() -> None:
    kind = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)")
    values = (kind, keccak(b"gradroll"), keccak(b"1"), 31337, "0x" + MARKET.address.hex(), MARKET.deployment)
    words = encode(["bytes32", "bytes32", "bytes32", "uint256", "address", "bytes32"], values)
    assert MARKET.domain == keccak(words)


def test_a_context_takes_everything_from_terms_round_and_policy() -> None:
    expected = Context(MARKET, 3, TERMS.terms_hash, 2, b"\x07" * 32, POLICY.key_hash, TERMS.bound, TERMS.dimension)
    assert expected == CONTEXT
