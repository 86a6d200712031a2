"""Owner vectors and share payloads: shape, rotation, reconstruction, secrecy of repr."""

from __future__ import annotations

import numpy as np
import pytest

import native
from circuits.errors import GradientError, InvalidInputError
from circuits.quantize import quantize
from circuits.statement import MASK_BITS, Committee, share_length
from gradroll.sharing import OwnerSeeds, OwnerVector, Sharing, owner_vector, share_gradient, slack_bits
from native import FrArray
from provers.shares import DENSE_FORM, SEED_FORM, decode_payload, payload_digest, seeded_provers
from tests.support.plain_batch import development_setup, seed_of

BOUND = 1 << 40
DIMENSION = 10


def committee(size: int, threshold: int) -> Committee:
    return Committee(0, threshold, tuple(bytes([p + 1]) * 20 for p in range(size)))


def seeds(threshold: int, name: str = "owner") -> OwnerSeeds:
    length = OwnerSeeds.length(threshold)
    return OwnerSeeds.from_bytes(b"".join(seed_of(name, i) for i in range(length // 32)))


def shared(size: int, threshold: int) -> tuple[OwnerVector, Sharing]:
    gradient = np.random.default_rng(size).normal(size=DIMENSION)
    quantized = quantize(gradient, fraction_bits=16, bound=BOUND, dimension=DIMENSION)
    vector = owner_vector(native.from_int64(quantized.values), BOUND - quantized.squared_norm, seeds(threshold))
    key = development_setup("norm", 2, DIMENSION).commitment
    return vector, share_gradient(quantized, BOUND, key, committee(size, threshold), seeds(threshold))


@pytest.mark.parametrize(("size", "threshold"), [(3, 1), (4, 1), (5, 2), (7, 2)])
def test_any_threshold_plus_one_shares_give_the_vector(size: int, threshold: int) -> None:
    vector, sharing = shared(size, threshold)
    rows = [decode_payload(payload, DIMENSION) for payload in sharing.payloads]
    for first in range(size - threshold):
        chosen = range(first, first + threshold + 1)
        opened = native.interpolate([rows[p] for p in chosen], [p + 1 for p in chosen])
        assert np.array_equal(opened, vector.joined)


@pytest.mark.parametrize(("size", "threshold"), [(3, 1), (4, 1), (5, 2), (7, 2)])
def test_seeded_provers_get_33_bytes_the_others_the_whole_share(size: int, threshold: int) -> None:
    _, sharing = shared(size, threshold)
    short = seeded_provers(sharing.commitment, committee(size, threshold))
    assert len(short) == threshold
    for p, payload in enumerate(sharing.payloads):
        assert payload[0] == (SEED_FORM if p in short else DENSE_FORM)
        assert len(payload) == (33 if p in short else 1 + 32 * share_length(DIMENSION))
        assert sharing.digests[p] == payload_digest(payload)


def test_the_commitment_opens_to_values_and_tail() -> None:
    vector, sharing = shared(4, 1)
    assert development_setup("norm", 2, DIMENSION).commitment.commit(vector.values, vector.tail) == sharing.commitment


def test_the_same_seeds_give_the_same_payloads_and_others_give_others() -> None:
    assert shared(4, 1)[1].payloads == shared(4, 1)[1].payloads
    values = np.zeros(DIMENSION, np.int64)
    a, b = (owner_vector(native.from_int64(values), BOUND, seeds(1, name)) for name in ("a", "b"))
    assert not np.array_equal(a.tail, b.tail)


def test_masks_have_108_bits_and_the_check_is_a_field_element() -> None:
    vector = owner_vector(native.zeros(DIMENSION), BOUND, seeds(1))
    masks = native.to_ints(vector.tail[1:])
    assert max(masks) < 1 << MASK_BITS
    assert max(masks).bit_length() > MASK_BITS - 12
    assert vector.check.shape == (1, 4)
    assert vector.joined.shape == (share_length(DIMENSION), 4)


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
    assert seeds(1).masks.hex() not in repr(seeds(1))
    assert "payloads" not in repr(shared(4, 1)[1])
    assert repr(shared(4, 1)[0]) == "OwnerVector()"


def _bits(bits: FrArray) -> list[int]:
    values = native.to_ints(bits)
    assert set(values) <= {0, 1}
    return values
