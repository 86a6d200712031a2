"""What owners and provers sign, against an independent EIP-712 implementation; and that every part is in it."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from eth_abi.abi import encode
from eth_account.messages import _hash_eip191_message, encode_typed_data

import native
from circuits.errors import InvalidInputError
from circuits.hashing import keccak
from circuits.statement import (
    ATTESTATION_TYPE,
    DEALING_TYPE,
    REFERENCE_INDEX,
    REFERENCE_TYPE,
    SUBMISSION_TYPE,
    Attested,
    Context,
    Policy,
    SubmissionHeader,
    cohort_id,
)
from circuits.terms import NO_DIGEST, CommitteeTerms, Grading, MarketId, NewTask, Pay, Windows
from tests.support.parts import task_terms, with_parts

MARKET = MarketId(31337, b"\x42" * 20, b"\x43" * 32)
NEW = NewTask(
    committee_id=4, verifier=b"\x02" * 20, coordinator=b"\x03" * 20, dimension=10, fraction_bits=16, bound=1 << 34,
    min_owners=2, capacity=64, rounds=5, windows=Windows(60, 61, 62, 63, 64), permissioned=True, inline_payload=False,
    pay=Pay(b"\x04" * 20, 7, 8, 9, 10, 11, 12, 13), lapse_rounds=14,
    grading=Grading(15, 16, b"\x0e" * 32), manifest=b"\x11" * 32, sum_key=b"\x12" * 32,
)  # fmt: skip
TERMS = task_terms(NEW, market=MARKET, task_id=3, creator=b"\x01" * 20)
KIND = (
    "(uint64,address,address,uint32,uint8,uint64,uint16,uint16,uint32,uint32,uint32,bool,bool,"
    "address,uint128,uint128,uint128,uint128,uint128,uint128,uint128,uint8,uint32,uint32,uint32,"
    "uint8,uint8,bytes32,bytes32,bytes32)"
)
"""The contract's terms."""
WORDS = (
    4, b"\x02" * 20, b"\x03" * 20, 10, 16, 1 << 34, 2, 64, 5, 60, 61, True, False,
    b"\x04" * 20, 7, 8, 9, 10, 11, 12, 13, 14, 62, 63, 64, 15, 16, b"\x0e" * 32,
    b"\x11" * 32, b"\x12" * 32,
)  # fmt: skip
POLICY = Policy(16, b"\x05" * 32, b"\x06" * 32)
CONTEXT = Context.of(TERMS, 2, b"\x07" * 32, POLICY)
HEADER = SubmissionHeader(3, 2, b"\x08" * 20, 9, native.g1_generator, (b"\x0a" * 32, b"\x0b" * 32, b"\x0c" * 32))
ATTESTED = Attested(b"\x0d" * 32, POLICY.verifier_code, 4, 6, native.g1_generator, 1234, b"\x0e" * 20)


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


def test_a_copy_of_the_reference_is_dealt_under_its_number() -> None:
    """So what is signed of it, by its dealer or by provers, is of no owner's submission, and of no other copy."""
    copy = replace(HEADER, owner_index=REFERENCE_INDEX + 3)
    values: list[object] = [
        "0x" + HEADER.owner.hex(), HEADER.submission_digest(CONTEXT), keccak(b"".join(HEADER.share_digests)), 3,
    ]  # fmt: skip
    assert copy.digest(CONTEXT) == typed(REFERENCE_TYPE, values)
    others = {replace(HEADER, owner_index=i).digest(CONTEXT) for i in (0, 9, REFERENCE_INDEX - 1)}
    assert others == {HEADER.digest(CONTEXT)}


def test_what_another_owner_signs_is_another_dealing() -> None:
    """The submission of the contract does not name its owner, so two may sign the same; their dealings differ."""
    other = replace(HEADER, owner=b"\x09" * 20)
    assert other.submission_digest(CONTEXT) == HEADER.submission_digest(CONTEXT)
    assert other.digest(CONTEXT) != HEADER.digest(CONTEXT)


def test_the_attestation_is_typed_data_of_the_whole_batch() -> None:
    values: list[object] = [
        b"\x0d" * 32, b"\x06" * 32, 4, 3, TERMS.terms_hash, 2, b"\x07" * 32, 6, 1, 2, 1234, "0x" + 20 * "0e",
    ]  # fmt: skip
    assert ATTESTED.digest(CONTEXT) == typed(ATTESTATION_TYPE, values)


def test_terms_are_hashed_as_the_contract_does() -> None:
    head = (keccak(b"gradroll/v1/terms"), MARKET.deployment, 3, TERMS.creator)
    assert TERMS.terms_hash == keccak(encode(["bytes32", "bytes32", "uint256", "address", KIND], [*head, WORDS]))


def test_a_task_is_named_by_creator_nonce_and_terms() -> None:
    inner = keccak(encode([KIND], [WORDS]))
    head = (keccak(b"gradroll/v1/task"), MARKET.deployment, TERMS.creator, 6, inner)
    whole = keccak(encode(["bytes32", "bytes32", "address", "uint256", "bytes32"], head))
    task = NEW.identifier(MARKET.deployment, TERMS.creator, 6)
    assert task == int.from_bytes(whole[-8:], "big")
    others = (
        NEW.identifier(bytes(32), TERMS.creator, 6), NEW.identifier(MARKET.deployment, bytes(20), 6),
        NEW.identifier(MARKET.deployment, TERMS.creator, 7),
        replace(NEW, rounds=6).identifier(MARKET.deployment, TERMS.creator, 6),
    )  # fmt: skip
    assert len({task, *others}) == 5


def changed(value: object, name: str) -> object:
    """Another value of a term."""
    old = getattr(value, name)
    if isinstance(old, bytes):
        return with_parts(value, **{name: bytes(len(old))})
    return with_parts(value, **{name: not old if isinstance(old, bool) else old + 1})


def test_every_term_and_the_deployment_are_in_the_hash_of_the_terms() -> None:
    others = [replace(TERMS, market=replace(MARKET, deployment=bytes(32)))]
    for part in fields(TERMS):
        value = getattr(TERMS, part.name)
        if isinstance(value, Pay | Windows | Grading):
            inner = [changed(value, own.name) for own in fields(value)]
            others += [with_parts(TERMS, **{part.name: one}) for one in inner]
        elif part.name == "inline_payload":  # false beside a key: compared with the change of the key, to none
            others.append(replace(TERMS, inline_payload=True, sum_key=NO_DIGEST))
        elif part.name != "market":
            others.append(changed(TERMS, part.name))  # type: ignore[arg-type]
    assert len(others) == len(WORDS) + 3
    assert len({TERMS.terms_hash, *(other.terms_hash for other in others)}) == len(others) + 1


def test_a_transfer_changes_nothing_that_was_signed() -> None:
    """The hash has the creator in it, who is not asked who owns the task now."""
    assert {part.name for part in fields(TERMS)} & {"model_owner", "owner"} == set()


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("dimension", 0), ("dimension", (1 << 28) + 1), ("bound", 0), ("bound", 1 << 62), ("fraction_bits", 63),
        ("min_owners", 1), ("capacity", 1), ("capacity", 1 << 16), ("rounds", 0), ("rounds", 1 << 20),
        ("lapse_rounds", 65), ("lapse_rounds", -1), ("committee_id", -1), ("committee_id", 1 << 64),
        ("verifier", b"\x02" * 19), ("coordinator", b""),
    ],
)  # fmt: skip
def test_terms_out_of_range_are_none(part: str, value: object) -> None:
    with pytest.raises(InvalidInputError, match=f"{part} "):
        with_parts(NEW, **{part: value})


@pytest.mark.parametrize("part", [part.name for part in fields(Windows)])
@pytest.mark.parametrize("value", [-1, 0, 1 << 32])
def test_a_window_has_a_second_at_least_and_fits_its_word(part: str, value: int) -> None:
    with pytest.raises(InvalidInputError, match=f"{part} window is"):
        with_parts(Windows(1, 1, 1, 1, 1), **{part: value})


@pytest.mark.parametrize("value", [-1, 1 << 128])
@pytest.mark.parametrize("part", [part.name for part in fields(Pay) if part.name != "token"])
def test_an_amount_fits_its_word(part: str, value: int) -> None:
    with pytest.raises(InvalidInputError, match="amount"):
        with_parts(Pay(), **{part: value})


def test_a_committee_is_named_by_creator_nonce_block_terms_and_members() -> None:
    terms, signers = CommitteeTerms(1, b"\x04" * 20, 5, 6, 7), [b"\x0a" * 20, b"\x0b" * 20, b"\x0c" * 20]
    kinds = [
        "bytes32",
        "uint256",
        "address",
        "address",
        "uint256",
        "bytes32",
        "(uint8,address,uint128,uint32,uint32)",
        "address[]",
    ]
    values = (
        keccak(b"gradroll/v1/committee-id"),
        31337,
        b"\x0d" * 20,
        b"\x0e" * 20,
        8,
        b"\x0f" * 32,
        (1, b"\x04" * 20, 5, 6, 7),
        signers,
    )
    whole = keccak(encode(kinds, values))
    number = terms.committee_id(31337, b"\x0d" * 20, b"\x0e" * 20, 8, b"\x0f" * 32, signers)
    assert number == int.from_bytes(whole[-8:], "big")


@pytest.mark.parametrize(
    "name", ["batch_id", "verifier_code", "committee_id", "owners", "commitment_sum", "square_norm", "payee"]
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
