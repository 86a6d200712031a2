"""An owner signs its submission for the contract and its dealing for the provers; both must be over this header."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from circuits.errors import SignatureError
from circuits.hashing import keccak, typed_digest, words
from circuits.statement import SubmissionHeader
from native import g1_generator, g1_neg
from provers.signing import recover, require_owner, sign_digest
from tests.support.plain_batch import address_of, seed_of

CHAIN_ID, MARKET = 7, b"\x42" * 20
KEY, OTHER_KEY = seed_of("owner"), seed_of("another owner")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
PARTS = [("signature", "the submission is signed by|no key"), ("dealing_signature", "the dealing is signed by|no key")]


def unsigned() -> SubmissionHeader:
    digests = tuple(seed_of("share", prover) for prover in range(4))
    return SubmissionHeader(3, 1, address_of(KEY), 7, g1_generator, digests)


def signed(header: SubmissionHeader, key: bytes = KEY) -> SubmissionHeader:
    return header.signed(CHAIN_ID, MARKET, partial(sign_digest, key))


def require(header: SubmissionHeader) -> None:
    require_owner(header, CHAIN_ID, MARKET)


def other_s(signature: bytes) -> bytes:
    """The same signature with the s of the upper half."""
    s = ORDER - int.from_bytes(signature[32:64], "big")
    return signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])


def test_an_owners_two_signatures_pass() -> None:
    header = signed(unsigned())
    assert recover(header.submission_digest(CHAIN_ID, MARKET), header.signature) == header.owner
    assert recover(header.digest(CHAIN_ID, MARKET), header.dealing_signature) == header.owner
    require(header)


def test_the_digests_by_hand() -> None:
    header = unsigned()
    submission = header.submission_digest(CHAIN_ID, MARKET)
    kind = "Submission(uint256 taskId,uint256 round,uint256 commitmentX,uint256 commitmentY)"
    assert submission == typed_digest(CHAIN_ID, MARKET, kind, (3, 1, g1_generator))
    root = keccak(words(*header.share_digests))
    kind = "Dealing(bytes32 submission,bytes32 sharesRoot)"
    assert header.digest(CHAIN_ID, MARKET) == typed_digest(CHAIN_ID, MARKET, kind, (submission, root))


@pytest.mark.parametrize(("part", "named"), PARTS)
def test_signatures_by_different_keys_are_refused(part: str, named: str) -> None:
    forged = getattr(signed(unsigned(), OTHER_KEY), part)
    with pytest.raises(SignatureError, match=named):
        require(replace(signed(unsigned()), **{part: forged}))


@pytest.mark.parametrize(("part", "named"), PARTS)
@pytest.mark.parametrize("change", [{"task_id": 4}, {"round": 2}, {"commitment": g1_neg(g1_generator)}])
def test_signatures_over_different_submissions_are_refused(part: str, named: str, change: dict[str, object]) -> None:
    elsewhere = signed(replace(unsigned(), **change))  # type: ignore[arg-type]
    with pytest.raises(SignatureError, match=named):
        require(replace(signed(unsigned()), **{part: getattr(elsewhere, part)}))


def test_a_dealing_of_other_shares_is_refused_and_has_another_identifier() -> None:
    first = signed(unsigned())
    other = signed(replace(unsigned(), share_digests=first.share_digests[::-1]))
    assert first.signature == other.signature
    assert first.digest(CHAIN_ID, MARKET) != other.digest(CHAIN_ID, MARKET)
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
            require(replace(header, **{part: form}))


@pytest.mark.parametrize(("chain_id", "market"), [(8, MARKET), (CHAIN_ID, b"\x43" * 20)])
def test_signatures_hold_for_one_market(chain_id: int, market: bytes) -> None:
    with pytest.raises(SignatureError):
        require_owner(signed(unsigned()), chain_id, market)
