"""A graded round's digest binds its model and every copy of its reference; nothing else passes as one of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from circuits.errors import InvalidInputError, SignatureError, WireError
from circuits.hashing import keccak
from circuits.statement import MAX_COPIES, REFERENCE_INDEX, SubmissionHeader
from commons.protocol.references import Copy, Opening
from native import G1, g1_generator, g1_mul
from tests.support.plain_batch import seed_of

MODEL = b"\x45" * 32


def header(number: int) -> SubmissionHeader:
    digests = tuple(seed_of("share", number, prover) for prover in range(4))
    return SubmissionHeader(3, 1, b"\x11" * 20, REFERENCE_INDEX + number, g1_mul(g1_generator, number + 2), digests)


HEADERS = tuple(header(number) for number in range(3))
OPENING = Opening(MODEL, tuple(map(Copy.of, HEADERS)))


def test_the_digest_by_hand() -> None:
    listed = b"".join(each.commitment + keccak(b"".join(each.share_digests)) for each in HEADERS)
    assert OPENING.digest == keccak(keccak(b"gradroll/v1/referenced-model") + MODEL + keccak(listed))


@pytest.mark.parametrize(
    "other",
    [
        Opening(b"\x46" * 32, OPENING.copies),
        Opening(MODEL, OPENING.copies[:-1]),
        Opening(MODEL, OPENING.copies[::-1]),
        Opening(MODEL, (*OPENING.copies[:-1], Copy(G1(HEADERS[0].commitment), HEADERS[2].shares_root))),
        Opening(MODEL, (*OPENING.copies[:-1], Copy(HEADERS[2].commitment, HEADERS[0].shares_root))),
    ],
)
def test_every_part_and_their_order_are_bound(other: Opening) -> None:
    assert other.digest != OPENING.digest


def test_every_copy_is_known_by_its_place() -> None:
    assert [OPENING.require_copy(each) for each in HEADERS] == [0, 1, 2]


@pytest.mark.parametrize("index", [0, 7, REFERENCE_INDEX - 1, REFERENCE_INDEX + 3, REFERENCE_INDEX + (1 << 20)])
def test_an_owners_index_or_one_beyond_the_copies_is_refused(index: int) -> None:
    with pytest.raises(WireError, match="none of a reference"):
        OPENING.require_copy(replace(HEADERS[0], owner_index=index))


@pytest.mark.parametrize(
    "wrong",
    [
        replace(HEADERS[0], owner_index=REFERENCE_INDEX + 1),
        replace(HEADERS[0], commitment=HEADERS[1].commitment),
        replace(HEADERS[0], share_digests=HEADERS[1].share_digests),
        replace(HEADERS[0], share_digests=HEADERS[0].share_digests[::-1]),
    ],
)
def test_another_commitment_or_other_shares_at_a_copys_place_are_refused(wrong: SubmissionHeader) -> None:
    with pytest.raises(SignatureError, match="with which the round was opened"):
        OPENING.require_copy(wrong)


def test_copies_with_one_commitment_are_none() -> None:
    """Whatever else is another, and whichever of them is shown; the market does not compare them."""
    twin = replace(HEADERS[1], owner_index=REFERENCE_INDEX + 2, share_digests=HEADERS[2].share_digests)
    twins = Opening(MODEL, tuple(map(Copy.of, (*HEADERS[:2], twin))))
    for each in (HEADERS[1], twin):
        with pytest.raises(WireError, match="has the commitment of copy"):
            twins.require_copy(each)
    assert twins.require_copy(HEADERS[0]) == 0


@pytest.mark.parametrize("number", [0, MAX_COPIES + 1])
def test_a_round_has_one_to_sixteen_copies(number: int) -> None:
    with pytest.raises(InvalidInputError, match="1 to 16"):
        Opening(MODEL, OPENING.copies[:1] * number)
    assert len(Opening(MODEL, OPENING.copies[:1] * MAX_COPIES).copies) == MAX_COPIES


@pytest.mark.parametrize(
    ("model", "copy"),
    [
        (MODEL[:31], OPENING.copies[0]),
        (MODEL, Copy(OPENING.copies[0].commitment, MODEL + b"\0" * 32)),
        (MODEL, Copy(G1(b"\0" * 32), MODEL)),
    ],
)
def test_parts_of_other_lengths_are_refused(model: bytes, copy: Copy) -> None:
    with pytest.raises(InvalidInputError, match="32 bytes"):
        Opening(model, (copy,))


def test_no_copy_passes_as_an_owners_gradient_under_an_index_of_its_own() -> None:
    """No signature of a header names its index."""
    for number, header in enumerate(HEADERS):
        with pytest.raises(WireError, match="a copy of the round's reference"):
            OPENING.require_no_copy(replace(header, owner_index=number))
    OPENING.require_no_copy(replace(HEADERS[0], owner_index=9, share_digests=HEADERS[1].share_digests))
