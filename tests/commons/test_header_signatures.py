"""An owner signs its submission for the contract and its dealing for the provers; both must be over this header."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from circuits.errors import SignatureError
from circuits.hashing import keccak, typed_digest, words
from circuits.statement import Context, SubmissionHeader
from circuits.terms import MarketId
from commons.protocol.signing import recover, require_owner, sign_digest
from native import g1_generator, g1_neg
from tests.support.parts import with_parts
from tests.support.plain_batch import address_of, seed_of

MARKET = MarketId(7, b"\x42" * 20, b"\x43" * 32)
CONTEXT = Context(MARKET, 3, b"\x44" * 32, 1, b"\x45" * 32, b"\x46" * 32, 1 << 40, 10)
KEY, OTHER_KEY = seed_of("owner"), seed_of("another owner")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
PARTS = [("signature", "the submission is signed by|no key"), ("dealing_signature", "the dealing is signed by|no key")]


def unsigned() -> SubmissionHeader:
    digests = tuple(seed_of("share", prover) for prover in range(4))
    return SubmissionHeader(3, 1, address_of(KEY), 7, g1_generator, digests)


def signed(header: SubmissionHeader, key: bytes = KEY) -> SubmissionHeader:
    return header.signed(CONTEXT, partial(sign_digest, key))


def require(header: SubmissionHeader) -> None:
    require_owner(header, CONTEXT)


def other_s(signature: bytes) -> bytes:
    """The same signature with the s of the upper half."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_an_owners_two_signatures_pass() -> None:
    header = signed(unsigned())
    assert recover(header.submission_digest(CONTEXT), header.signature) == header.owner
    assert recover(header.digest(CONTEXT), header.dealing_signature) == header.owner
    require(header)


def test_the_digests_by_hand() -> None:
    header = unsigned()
    submission = header.submission_digest(CONTEXT)
    kind = (
        "Submission(uint256 taskId,bytes32 termsHash,uint256 round,bytes32 modelDigest,"
        "uint256 commitmentX,uint256 commitmentY)"
    )
    assert submission == typed_digest(MARKET.domain, kind, (3, b"\x44" * 32, 1, b"\x45" * 32, g1_generator))
    root = keccak(words(*header.share_digests))
    kind = "Dealing(address owner,bytes32 submission,bytes32 sharesRoot)"
    assert header.digest(CONTEXT) == typed_digest(MARKET.domain, kind, (header.owner, submission, root))


@pytest.mark.parametrize(("part", "named"), PARTS)
def test_signatures_by_different_keys_are_refused(part: str, named: str) -> None:
    forged = getattr(signed(unsigned(), OTHER_KEY), part)
    with pytest.raises(SignatureError, match=named):
        require(replace(signed(unsigned()), **{part: forged}))


@pytest.mark.parametrize(("part", "named"), PARTS)
@pytest.mark.parametrize("change", [{"task_id": 4}, {"round": 2}, {"commitment": g1_neg(g1_generator)}])
def test_signatures_over_different_submissions_are_refused(part: str, named: str, change: dict[str, object]) -> None:
    elsewhere = signed(with_parts(unsigned(), **change))
    with pytest.raises(SignatureError, match=named):
        require(replace(signed(unsigned()), **{part: getattr(elsewhere, part)}))


def test_a_dealing_of_other_shares_is_refused_and_has_another_identifier() -> None:
    first = signed(unsigned())
    other = signed(replace(unsigned(), share_digests=first.share_digests[::-1]))
    assert first.signature == other.signature
    assert first.digest(CONTEXT) != other.digest(CONTEXT)
    for mixed in (
        replace(first, dealing_signature=other.dealing_signature),
        replace(first, share_digests=other.share_digests),
    ):
        with pytest.raises(SignatureError, match=PARTS[1][1]):
            require(mixed)


def test_the_signatures_cannot_stand_for_each_other() -> None:
    header = signed(unsigned())
    with pytest.raises(SignatureError, match=PARTS[0][1]):
        require(replace(header, signature=header.dealing_signature))
    with pytest.raises(SignatureError, match=PARTS[1][1]):
        require(replace(header, dealing_signature=header.signature))


@pytest.mark.parametrize("part", ["signature", "dealing_signature"])
def test_only_the_canonical_form_passes(part: str) -> None:
    header = signed(unsigned())
    for form, named in (
        (other_s(getattr(header, part)), "EIP-2"),
        (getattr(header, part)[:64] + bytes([getattr(header, part)[64] - 27]), "27 or 28"),
        (b"", "65 bytes"),
    ):
        with pytest.raises(SignatureError, match=named):
            require(with_parts(header, **{part: form}))


@pytest.mark.parametrize("change", [{"chain_id": 8}, {"address": b"\x43" * 20}, {"deployment": bytes(32)}])
def test_signatures_hold_for_one_deployment(change: dict[str, object]) -> None:
    elsewhere = replace(CONTEXT, market=with_parts(MARKET, **change))
    with pytest.raises(SignatureError):
        require_owner(signed(unsigned()), elsewhere)


@pytest.mark.parametrize("change", [{"terms_hash": bytes(32)}, {"model_digest": bytes(32)}])
def test_signatures_hold_for_one_model_under_one_set_of_terms(change: dict[str, object]) -> None:
    """Terms and model are the verifier's own view of the chain; an owner that was shown others has signed nothing."""
    with pytest.raises(SignatureError):
        require_owner(signed(unsigned()), with_parts(CONTEXT, **change))


def test_policy_and_dimension_are_in_the_signatures_through_the_terms() -> None:
    """The verifier's address and the dimension are terms, so that the digests need not name them again."""
    other = replace(CONTEXT, policy_key_hash=bytes(32), bound=1, dimension=1)
    assert unsigned().digest(other) == unsigned().digest(CONTEXT)
