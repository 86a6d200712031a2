"""Shares in 13 bytes a coordinate: what t provers see says nothing, and what they are sent is checked."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

import native
from circuits.errors import WireError
from circuits.statement import Committee, Membership, share_length
from commons.sharing import replicated
from commons.sharing.replicated import PACKED_BYTES, IntegerShare, deal, mask_bits, seed_count
from native import FrArray
from tests.support.plain_batch import seed_of

DIMENSION = 40
REST = share_length(DIMENSION) - DIMENSION
COMMITTEES = [(3, 1), (4, 1), (5, 2), (7, 2), (7, 3)]
OFFSET = 1 << 102


def committee(size: int, threshold: int) -> Committee:
    return Committee(0, threshold, tuple(bytes([p + 1]) * 20 for p in range(size)))


def seeds_of(members: Committee) -> list[bytes]:
    return [seed_of("replicated", i) for i in range(seed_count(members))]


def dealt(members: Committee, values: FrArray) -> list[bytes]:
    exempt = range(members.threshold)
    return list(deal(values, native.expand(seed_of("rest"), REST), members, exempt, seeds_of(members)))


def small(seed: str) -> FrArray:
    return native.from_int64(np.random.default_rng(len(seed)).integers(-(1 << 31), 1 << 31, DIMENSION))


def corrections(payload: bytes) -> list[int]:
    packed = payload[-32 * REST - PACKED_BYTES * DIMENSION : -32 * REST]
    return [int.from_bytes(packed[i : i + PACKED_BYTES], "little") for i in range(0, len(packed), PACKED_BYTES)]


@pytest.mark.parametrize(("size", "threshold"), COMMITTEES)
def test_a_coalition_lacks_the_seed_of_its_own_set_and_outsiders_have_it(size: int, threshold: int) -> None:
    members = committee(size, threshold)
    payloads = dealt(members, small("a"))
    for coalition, seed in zip(combinations(range(size), threshold), seeds_of(members), strict=True):
        assert [seed in payload for payload in payloads] == [p not in coalition for p in range(size)]


@pytest.mark.parametrize(("size", "threshold"), COMMITTEES)
def test_what_a_coalition_can_compute_is_the_secret_under_the_mask_it_lacks(size: int, threshold: int) -> None:
    """Nothing but secret + mask depends on the secret: the rest of the view is seeds, drawn without looking at it."""
    members = committee(size, threshold)
    values, bits = small("b"), mask_bits(members)
    payload = dealt(members, values)[size - 1]
    masks = [native.to_ints(native.expand_bounded(seed, DIMENSION, bits)) for seed in seeds_of(members)]
    signed = native.to_int64(values)
    for missing in range(len(masks)):
        known = [sum(m[j] for i, m in enumerate(masks) if i != missing) for j in range(DIMENSION)]
        left = [c - k - OFFSET for c, k in zip(corrections(payload), known, strict=True)]
        assert left == [int(g) + m for g, m in zip(signed, masks[missing], strict=True)]
        assert max(masks[missing]).bit_length() >= bits - 4


@pytest.mark.parametrize(("size", "threshold"), COMMITTEES)
def test_masks_are_wide_enough_and_their_sum_fits(size: int, threshold: int) -> None:
    members = committee(size, threshold)
    bits, sets = mask_bits(members), seed_count(members)
    assert sets * ((1 << bits) - 1) < 1 << 103
    assert bits >= 97
    dimension, bound = 1 << 20, 1 << 62
    assert (dimension * bound) ** 0.5 / 2**bits < 2**-55


def test_the_stated_widths_and_distances() -> None:
    """Those of docs/protocol.md, docs/trust-model.md and the module."""
    assert mask_bits(committee(4, 1)) == 101
    assert mask_bits(committee(7, 2)) == 98
    for log_bound, distance in ((62, -60), (40, -71), (32, -75)):
        assert (20 + log_bound) // 2 - mask_bits(committee(4, 1)) == distance


@pytest.mark.parametrize("dimension", [1, 100, 1 << 20])
def test_no_committee_has_a_larger_payload_than_the_wire_allows(dimension: int) -> None:
    for size in range(3, 33):
        for threshold in range(1, (size - 1) // 2 + 1):
            members = committee(size, threshold)
            if replicated.fits(members):
                assert max(replicated.payload_sizes(dimension, members)) <= replicated.largest_payload(dimension)


def test_a_committee_of_too_many_sets_is_left_to_field_elements() -> None:
    assert replicated.fits(committee(7, 3))
    assert not replicated.fits(committee(9, 4))


@pytest.mark.parametrize(("size", "threshold"), COMMITTEES)
def test_the_share_in_blocks_is_the_share_in_one(size: int, threshold: int, monkeypatch: pytest.MonkeyPatch) -> None:
    members = committee(size, threshold)
    payload = memoryview(dealt(members, small("c"))[threshold])
    whole = np.concatenate(list(IntegerShare(Membership(members, threshold), DIMENSION, payload).blocks()))
    monkeypatch.setattr(replicated, "BLOCK", 8)
    pieces = list(IntegerShare(Membership(members, threshold), DIMENSION, payload).blocks())
    assert len(pieces) == DIMENSION // 8 + 1
    assert np.array_equal(np.concatenate(pieces), whole)


def test_another_provers_payload_does_not_fit() -> None:
    members = committee(4, 1)
    payloads = dealt(members, small("d"))
    with pytest.raises(WireError, match="bytes, not"):
        IntegerShare(Membership(members, 0), DIMENSION, memoryview(payloads[1]))
    with pytest.raises(WireError, match="bytes, not"):
        IntegerShare(Membership(members, 1), DIMENSION, memoryview(payloads[0]))


@pytest.mark.parametrize("exempt", [b"\x01\x00", b"\x01\x01", b"\x05\x07", b"\xff\xff"])
def test_provers_without_correction_ascend_and_exist(exempt: bytes) -> None:
    members = committee(7, 2)
    payload = dealt(members, small("e"))[6]
    with pytest.raises(WireError, match="ascending"):
        IntegerShare(Membership(members, 6), DIMENSION, memoryview(exempt + payload[2:]))
