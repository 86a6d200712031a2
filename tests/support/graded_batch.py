"""Builds a complete, valid graded batch with one party that knows everything (``plain_batch``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import isqrt

import numpy as np

import native
from circuits.commitment import CommitmentKey
from circuits.grading import NOISE_BITS, GradingRule
from circuits.hashing import keccak
from circuits.statement import REFERENCE_INDEX, BatchStatement, Graded
from commons.protocol.references import Copy
from tests.support.plain_batch import (
    Circumstances,
    IntArray,
    PlainBatch,
    Setup,
    context_at,
    headers_of,
    make_rows,
    prove_batch,
    random_tail,
    seed_of,
    share_digests,
)


@dataclass(frozen=True)
class Judge:
    """Who grades a batch, and how.

    Attributes:
        copy: number of the reference's copy against which the batch is graded.
        key: the model owner's private key.
    """

    reference: IntArray
    rule: GradingRule
    copy: int = 0
    key: bytes = field(default_factory=lambda: seed_of("model owner"))

    @property
    def index(self) -> int:
        """What stands where an owner has its registration index."""
        return REFERENCE_INDEX + self.copy


def gradient_at(thousandths: int, dimension: int, bound: int) -> IntArray:
    """A gradient about as long as the bound allows, at an angle to ``gradient_at(1000, ..)`` with this cosine.

    Args:
        thousandths: of the cosine.
        dimension: even.
    """
    longest = isqrt(bound // dimension)
    along = longest * thousandths // 1000
    across = isqrt(longest**2 - along**2)
    return np.array([along + across, along - across] * (dimension // 2), np.int64)


def graded_batch(
    setup: Setup,
    gradients: Sequence[IntArray],
    judge: Judge,
    *,
    at: Circumstances | None = None,
    seed: str = "batch",
    indices: Sequence[int] | None = None,
    owner_keys: Sequence[bytes] | None = None,
    noise: Sequence[int] | None = None,
) -> PlainBatch:
    """As ``build_batch``, graded: model owner, owners and provers in one process.

    Args:
        noise: of each owner; drawn from the seed where it is not given.
    """
    at = at or Circumstances(bound=1 << 32)
    indices = range(len(gradients)) if indices is None else indices
    owner_keys = tuple(owner_keys or (seed_of(seed, "owner", i) for i in indices))
    context = context_at(setup, at)
    rows = make_rows(setup.commitment, (judge.reference, *gradients), seed, (judge.index, *range(len(gradients))))
    (reference,) = headers_of(context, (judge.key,), (judge.index,), rows.commitments[1:2], seed)
    owners = headers_of(context, owner_keys, indices, rows.commitments[2:], seed)
    if noise is None:
        noise = native.to_ints(native.expand_bounded(seed_of(seed, "noise"), len(gradients), NOISE_BITS))
    scale = judge.rule.scale(at.bound)
    products = [sum(int(a) * int(b) for a, b in zip(g, judge.reference, strict=True)) for g in gradients]
    values = tuple(scale * product + drawn for product, drawn in zip(products, noise, strict=True))
    statement = BatchStatement(context, owners, Graded(reference, judge.rule, values))
    return prove_batch(
        setup, statement, rows, (judge.reference, *gradients),
        owner_keys=owner_keys, seed=seed, at=at, noise=tuple(noise),
    )  # fmt: skip


def reference_copies(key: CommitmentKey, reference: IntArray, copies: int, seed: str) -> tuple[Copy, ...]:
    """What a round is opened with for ``Judge.copy`` 0, 1, .. of batches of this seed."""
    indices = range(REFERENCE_INDEX, REFERENCE_INDEX + copies)
    return tuple(
        Copy(key.commit_small(reference, random_tail(seed, index)), keccak(b"".join(share_digests(seed, index))))
        for index in indices
    )
