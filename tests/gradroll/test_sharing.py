"""Owner vectors and share payloads: shape, rotation, reconstruction, secrecy of repr."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import native
from circuits.errors import GradientError, InvalidInputError
from circuits.quantize import quantize
from circuits.statement import MASK_BITS, Committee, Membership, share_length
from commons.protocol.sealeduploads import CutPayloads
from commons.sharing.dealing import (
    OwnerSeeds,
    OwnerVector,
    Sharing,
    owner_vector,
    share_field,
    share_gradient,
    share_vector,
    slack_bits,
)
from commons.sharing.scalars import from_little_endian
from commons.sharing.sharepayloads import (
    DENSE_FORM,
    INTEGER_FORM,
    SEED_FORM,
    decode_payload,
    exempt_provers,
    payload_digest,
)
from native import FrArray
from tests.support.plain_batch import development_setup, seed_of

BOUND = 1 << 40
DIMENSION = 10


def committee(size: int, threshold: int) -> Committee:
    return Committee(0, threshold, tuple(bytes([p + 1]) * 20 for p in range(size)))


def seeds(members: Committee, name: str = "owner") -> OwnerSeeds:
    length = OwnerSeeds.length(members)
    return OwnerSeeds.from_bytes(b"".join(seed_of(name, i) for i in range(length // 32)))


def shared(size: int, threshold: int) -> tuple[OwnerVector, Sharing]:
    gradient = np.random.default_rng(size).normal(size=DIMENSION)
    quantized = quantize(gradient, fraction_bits=16, bound=BOUND, dimension=DIMENSION)
    vector = owner_vector(
        native.from_int64(quantized.values), BOUND - quantized.squared_norm, seeds(committee(size, threshold))
    )
    key = development_setup("norm", 2, DIMENSION).commitment
    return vector, share_gradient(quantized, BOUND, key, committee(size, threshold), seeds(committee(size, threshold)))


def joined(vector: OwnerVector) -> FrArray:
    return np.concatenate((vector.values, vector.rest))


def opened_by_every_coalition(sharing: Sharing, members: Committee) -> list[FrArray]:
    rows = [decode_payload(raw, DIMENSION, Membership(members, p)) for p, raw in enumerate(sharing.payloads)]
    coalitions = [range(first, first + members.threshold + 1) for first in range(members.size - members.threshold)]
    return [native.interpolate([rows[p] for p in c], [p + 1 for p in c]) for c in coalitions]


@pytest.mark.parametrize(("size", "threshold"), [(3, 1), (4, 1), (5, 2), (7, 2), (7, 3), (9, 4)])
def test_any_threshold_plus_one_shares_give_the_vector(size: int, threshold: int) -> None:
    vector, sharing = shared(size, threshold)
    for opened in opened_by_every_coalition(sharing, committee(size, threshold)):
        assert np.array_equal(opened, joined(vector))


@pytest.mark.parametrize(("size", "threshold", "sets"), [(3, 1, 2), (4, 1, 3), (5, 2, 6), (7, 2, 15)])
def test_a_coordinate_takes_13_bytes_and_t_provers_get_seeds_only(size: int, threshold: int, sets: int) -> None:
    _, sharing = shared(size, threshold)
    short = exempt_provers(sharing.commitment, committee(size, threshold))
    assert len(short) == threshold
    for p, payload in enumerate(sharing.payloads):
        assert payload[0] == INTEGER_FORM
        assert payload[1 : 1 + threshold] == bytes(short)
        head = 1 + threshold + 32 * sets
        assert len(payload) == head + (0 if p in short else 13 * DIMENSION + 32 * 192)
        assert sharing.digests[p] == payload_digest(payload)


@pytest.mark.parametrize(("size", "threshold"), [(4, 1), (5, 2)])
def test_whoever_has_the_body_and_t_parts_lacks_one_mask_of_it(size: int, threshold: int) -> None:
    """The body alone, or beside what t provers hold: what they cannot take off it is a mask from a seed they lack."""
    members, name = committee(size, threshold), seeds(committee(size, threshold))
    vector, sharing = shared(size, threshold)
    cut = CutPayloads.of(sharing.payloads, members)
    (body,) = cut.bodies
    assert [number is None for number in cut.body_of] == [
        p in exempt_provers(sharing.commitment, members) for p in range(size)
    ]
    correction = from_little_endian(bytes(body[13 * DIMENSION :]), "a correction")
    for coalition in combinations(range(size), threshold):
        held = b"".join(cut.own[p] for p in coalition)
        lacked = [seed for seed in name.shares if seed not in held]
        own = list(combinations(range(size), threshold)).index(coalition)
        assert lacked == [name.shares[own]]
        known = [native.expand(seed, 192) for seed in name.shares if seed in held]
        left = native.linear_combination([correction, *known], [1, *[native.R - 1] * len(known)])
        hidden = native.linear_combination([vector.rest, native.expand(lacked[0], 192)], [1, 1])
        assert np.array_equal(left, hidden)


def test_what_payloads_have_in_common_is_cut_off_once() -> None:
    for size, threshold, bodies in ((4, 1, 1), (7, 2, 1), (9, 4, 5)):
        members, sharing = committee(size, threshold), shared(size, threshold)[1]
        cut = CutPayloads.of(sharing.payloads, members)
        assert len(cut.bodies) == bodies
        for payload, own, number in zip(sharing.payloads, cut.own, cut.body_of, strict=True):
            assert own + (b"" if number is None else bytes(cut.bodies[number])) == payload


def test_a_committee_of_many_sets_gets_field_elements() -> None:
    members = committee(9, 4)
    _, sharing = shared(9, 4)
    short = exempt_provers(sharing.commitment, members)
    for p, payload in enumerate(sharing.payloads):
        assert payload[0] == (SEED_FORM if p in short else DENSE_FORM)
        assert len(payload) == (33 if p in short else 1 + 32 * share_length(DIMENSION))


def test_values_that_are_no_small_integers_are_refused_in_integers_and_shared_as_field_elements() -> None:
    members = committee(4, 1)
    values = native.zeros(DIMENSION)
    values[3] = native.from_ints([(native.R + 1) // 2])[0]
    vector = owner_vector(values, 0, seeds(members))
    with pytest.raises(GradientError, match="below 2\\^102"):
        share_vector(vector, native.g1_generator, members, seeds(members))
    sharing = share_field(vector, native.g1_generator, members, seeds(members))
    for opened in opened_by_every_coalition(sharing, members):
        assert np.array_equal(opened, joined(vector))


def test_the_commitment_opens_to_values_and_tail() -> None:
    vector, sharing = shared(4, 1)
    assert development_setup("norm", 2, DIMENSION).commitment.commit(vector.values, vector.tail) == sharing.commitment


def test_the_same_seeds_give_the_same_payloads_and_others_give_others() -> None:
    assert shared(4, 1)[1].payloads == shared(4, 1)[1].payloads
    values = np.zeros(DIMENSION, np.int64)
    a, b = (owner_vector(native.from_int64(values), BOUND, seeds(committee(4, 1), name)) for name in ("a", "b"))
    assert not np.array_equal(a.tail, b.tail)


def test_masks_have_108_bits_and_the_check_is_a_field_element() -> None:
    vector = owner_vector(native.zeros(DIMENSION), BOUND, seeds(committee(4, 1)))
    masks = native.to_ints(vector.tail[1:])
    assert max(masks) < 1 << MASK_BITS
    assert max(masks).bit_length() > MASK_BITS - 12
    assert vector.check.shape == (1, 4)
    assert joined(vector).shape == (share_length(DIMENSION), 4)


@pytest.mark.parametrize("slack", [0, 1, (1 << 62) - 1, 0x2AAAAAAAAAAAAAAA])
def test_slack_bits_recompose(slack: int) -> None:
    assert sum(bit << e for e, bit in enumerate(_bits(slack_bits(slack)))) == slack


@pytest.mark.parametrize("slack", [-1, 1 << 62])
def test_slack_outside_62_bits_is_refused(slack: int) -> None:
    with pytest.raises(GradientError, match="bound"):
        slack_bits(slack)


def test_seeds_must_differ_and_stay_out_of_repr() -> None:
    with pytest.raises(InvalidInputError, match="distinct"):
        OwnerSeeds.from_bytes(bytes(32) * 4)
    with pytest.raises(InvalidInputError, match="distinct"):
        OwnerSeeds.from_bytes(seed_of(1) + seed_of(2) + seed_of(3)[:31])
    assert seeds(committee(4, 1)).masks.hex() not in repr(seeds(committee(4, 1)))
    assert "payloads" not in repr(shared(4, 1)[1])
    assert repr(shared(4, 1)[0]) == "OwnerVector()"


def _bits(bits: FrArray) -> list[int]:
    values = native.to_ints(bits)
    assert set(values) <= {0, 1}
    return values
