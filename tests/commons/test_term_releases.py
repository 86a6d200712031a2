"""A release from before there were keys for sums takes no part in a market that has them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_abi.abi import decode, encode
from eth_abi.exceptions import DecodingError

from circuits.hashing import keccak, tag, words
from circuits.terms import MarketId, TaskTerms, Windows
from commons.chain import decoding
from commons.sharing.sealing import generate, public_key

OLDER = decoding.TERMS.removesuffix(",bytes32,bytes32)") + ")"
PLAIN = TaskTerms(
    1, b"\1" * 20, b"\2" * 20, 5, 16, 1 << 32, 2, 6, 3, Windows(60, 600), permissioned=True,
    market=MarketId(1, b"\3" * 20, b"\4" * 32), task_id=7, creator=b"\5" * 20,
)  # fmt: skip
PRIVATE = replace(PLAIN, sum_key=public_key(generate()))


def older_hash(terms: TaskTerms) -> bytes:
    """What 28 words of terms hash to, which is all that it knows."""
    head = (tag("gradroll/v1/terms"), terms.market.deployment, terms.task_id, terms.creator)
    return keccak(words(*head, *terms.words[:-2]))


def test_what_it_signs_is_for_no_task_of_this_release() -> None:
    """Owners sign a context, which binds the terms' hash; provers look at that before they take a share or give one."""
    assert older_hash(PLAIN) == older_hash(PRIVATE)
    assert len({older_hash(PLAIN), PLAIN.terms_hash, PRIVATE.terms_hash}) == 3


def test_it_cannot_read_a_task_with_a_key_for_sums() -> None:
    """The key stands where it looks for an address."""
    raw = words(*PRIVATE.words, PRIVATE.creator, PRIVATE.creator, bytes(20), PRIVATE.coordinator, *[0] * 6)
    raw += encode(["bytes32", "uint256"], [PRIVATE.terms_hash, 0])
    (task,) = decode([decoding.TASK], raw)
    assert decoding.terms(task[0], PRIVATE.market, 7, PRIVATE.creator) == PRIVATE
    with pytest.raises(DecodingError):
        decode([decoding.TASK.replace(decoding.TERMS, OLDER)], raw)
