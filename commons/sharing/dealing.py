"""From a quantised gradient to what each prover gets: the owner's vector, its commitment and its share payloads.

Pure: randomness arrives as `OwnerSeeds` that the caller drew from the operating system, so the same seeds give the same
submission bit for bit.  A retry after a crash therefore sends the very shares whose digests the owner signed.
Sections 3 and 4 of docs/protocol.md.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

import native
from circuits.commitment import CommitmentKey
from circuits.errors import GradientError, InvalidInputError
from circuits.quantize import Quantized
from circuits.statement import MASK_BITS, ROWS, SLACK_BITS, TAIL, Committee
from commons.sharing import replicated
from commons.sharing.replicated import SEED_BYTES
from commons.sharing.sharepayloads import INTEGER_FORM, encode_dense, encode_seed, exempt_provers, payload_digest
from native import G1, FrArray

_OWN_SEEDS = 3


@dataclass(frozen=True, slots=True)
class OwnerSeeds:
    """All randomness of one submission, one seed of 32 bytes a purpose.

    Attributes:
        blinder: expands to the commitment's blinder s.
        masks: expands to the 128 masks of the smallness rows.
        check: expands to the mask of the dealing check.
        shares: one for each set of t provers; for a large committee, one for each of the t provers that get a seed.
    """

    blinder: bytes = field(repr=False)
    masks: bytes = field(repr=False)
    check: bytes = field(repr=False)
    shares: tuple[bytes, ...] = field(repr=False)

    def __post_init__(self) -> None:
        seeds = (self.blinder, self.masks, self.check, *self.shares)
        if any(len(seed) != SEED_BYTES for seed in seeds) or len(set(seeds)) != len(seeds):
            raise InvalidInputError(f"a submission needs distinct seeds of {SEED_BYTES} bytes")

    @staticmethod
    def length(committee: Committee) -> int:
        """Bytes of randomness that a submission to a committee takes."""
        shares = replicated.seed_count(committee) if replicated.fits(committee) else committee.threshold
        return SEED_BYTES * (_OWN_SEEDS + shares)

    @classmethod
    def from_bytes(cls, raw: bytes) -> OwnerSeeds:
        """Cut `length(committee)` bytes of randomness into seeds."""
        blinder, masks, check, *shares = (raw[i : i + SEED_BYTES] for i in range(0, len(raw), SEED_BYTES))
        return cls(blinder, masks, check, tuple(shares))


@dataclass(frozen=True, slots=True)
class OwnerVector:
    """What an owner commits to and shares, as field elements.

    Attributes:
        values: (d, 4), the quantised gradient.
        tail: (129, 4), the blinder and the masks; with the values the opening of the commitment.
        bits: (62, 4), the bits of BOUND minus the squared norm, least significant first.
        check: (1, 4), a uniform element that masks the opening which shows that all shares lie on one polynomial.
    """

    values: FrArray = field(repr=False)
    tail: FrArray = field(repr=False)
    bits: FrArray = field(repr=False)
    check: FrArray = field(repr=False)

    @property
    def rest(self) -> FrArray:
        """What is shared beside the values, (192, 4): tail, bits, check."""
        return np.concatenate((self.tail, self.bits, self.check))


@dataclass(frozen=True, slots=True)
class Sharing:
    """A commitment and one share payload a prover, by prover index, with the payloads' SHA-256 digests."""

    commitment: G1
    payloads: tuple[bytes, ...] = field(repr=False)
    digests: tuple[bytes, ...]


def draw_tail(seeds: OwnerSeeds) -> FrArray:
    """The blinder, uniform in the field, and 128 masks, uniform in [0, 2^108): (129, 4)."""
    tail = native.zeros(TAIL)
    tail[:1] = native.expand(seeds.blinder, 1)
    tail[1:] = native.expand_bounded(seeds.masks, ROWS, MASK_BITS)
    return tail


def slack_bits(slack: int) -> FrArray:
    """The 62 bits of BOUND minus the squared norm, least significant first: (62, 4).

    Raises:
        GradientError: the slack is negative (the norm exceeds the bound) or has more than 62 bits.
    """
    if not 0 <= slack < 1 << SLACK_BITS:
        raise GradientError("the gradient's squared norm exceeds the task's bound; quantise it with this task's terms")
    bits = native.zeros(SLACK_BITS)
    bits[:, 0] = [slack >> e & 1 for e in range(SLACK_BITS)]
    return bits


def owner_vector(values: FrArray, slack: int, seeds: OwnerSeeds) -> OwnerVector:
    """The vector of a gradient, field elements (d, 4), whose squared norm is BOUND - ``slack``.

    Raises:
        GradientError: no 62 bits make up the slack.
    """
    return OwnerVector(values, draw_tail(seeds), slack_bits(slack), native.expand(seeds.check, 1))


def share_gradient(
    quantized: Quantized, bound: int, key: CommitmentKey, committee: Committee, seeds: OwnerSeeds
) -> Sharing:
    """Commit to a quantised gradient and share it with a committee.

    Args:
        quantized: squared norm at most ``bound``.
        key: commitment key of the gradient's dimension.

    Raises:
        GradientError: the squared norm exceeds the bound.
    """
    vector = owner_vector(native.from_int64(quantized.values), bound - quantized.squared_norm, seeds)
    return share_vector(vector, key.commit_small(quantized.values, vector.tail), committee, seeds)


def share_vector(vector: OwnerVector, commitment: G1, committee: Committee, seeds: OwnerSeeds) -> Sharing:
    """Share a vector with degree t, in 13 bytes a coordinate unless the committee is too large for that.

    Raises:
        GradientError: a value is no integer below 2^102 (no quantised gradient has one).
    """
    if not replicated.fits(committee):
        return share_field(vector, commitment, committee, seeds)
    exempt = exempt_provers(commitment, committee)
    try:
        bodies = list(replicated.deal(vector.values, vector.rest, committee, exempt, seeds.shares))
    except ValueError as error:
        raise GradientError(f"the gradient cannot be shared: {error}") from error
    return _sharing(commitment, [bytes((INTEGER_FORM,)) + body for body in bodies])


def share_field(vector: OwnerVector, commitment: G1, committee: Committee, seeds: OwnerSeeds) -> Sharing:
    """Share a vector of any field elements: t provers get seeds, the others 32 bytes a coordinate.

    These t shares and the secret determine the polynomial, so the other shares follow.  Any t shares are uniform and
    independent of the vector.
    """
    by_seed = dict(zip(exempt_provers(commitment, committee), seeds.shares[: committee.threshold], strict=True))
    secret = np.concatenate((vector.values, vector.rest))
    fixed = [(p + 1, native.expand(seed, len(secret))) for p, seed in by_seed.items()]
    others = [p for p in range(committee.size) if p not in by_seed]
    solved = iter(native.shamir_share_seeded(secret, fixed, [p + 1 for p in others]))
    payloads = [encode_seed(by_seed[p]) if p in by_seed else encode_dense(next(solved)) for p in range(committee.size)]
    return _sharing(commitment, payloads)


def _sharing(commitment: G1, payloads: list[bytes]) -> Sharing:
    return Sharing(commitment, tuple(payloads), tuple(map(payload_digest, payloads)))
