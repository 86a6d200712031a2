"""The buyer's side: a sealed row checked before paying, and opened after.

What is checked, with zeta, Hh and S as in `sealedrows`:

    the proof of knowledge of (k, y, rho)      e(C_M - E + Q + zeta pi, G2) = e(pi, [tau]_2)

Together they say C_M - yG = (tau - zeta)(pi - rho G), so that y = W(zeta), and E = yG + k Hh: at a random point the
ciphertexts hold, under the k of K, the coefficients of the row in C_M; so they are its encryptions, all of them. That
y is *known* matters. With y in the exponent only, multiples of [tau - omega^j]_1 could be added to ciphertexts: the
error is a multiple of tau - zeta, pi absorbs it, and nobody could decrypt what was paid for.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

import native
from circuits.commitment import CommitmentKey
from circuits.errors import ProofError, RuleViolationError
from circuits.hashing import challenge
from circuits.srs import Srs
from circuits.swap.rowsealing import WEIGHT_BITS
from circuits.swap.sealedrows import SealedRow
from circuits.swap.swapchallenge import Challenged, combine, first_messages, row_bases
from circuits.swap.swapkeys import key_point
from circuits.swap.swaptranscript import knowledge_state, sealed_state
from native import G1, G1Bases, R

_PASSED = object()


@dataclass(frozen=True, eq=False)
class CheckedRow:
    """A sealed row that `check_row` let pass, which makes these alone.

    Attributes:
        sealed: the row; its points are in this process's memory, so that no file can change under it.
        bases: what it was checked under.
    """

    sealed: SealedRow
    bases: G1Bases = field(repr=False)
    passed: object = field(repr=False)

    def __post_init__(self) -> None:
        if self.passed is not _PASSED:
            raise RuleViolationError("a sealed row is opened only after check_row let that very row pass")

    @property
    def digest(self) -> bytes:
        """Of the offer that passed; what the lock on the chain names must be the same."""
        return self.sealed.digest


def check_row(key: CommitmentKey, srs: Srs, bases: G1Bases, context: bytes, model: G1, sealed: SealedRow) -> CheckedRow:
    """Check that the key of K opens every ciphertext to the row in C_M; no money should move before.

    Args:
        bases: at least d + 129 of `swap_bases`.
        context: `swap_context` of the listing and of the buyer's own account.
        model: C_M of the listing.

    Raises:
        InvalidInputError: too few bases.
        ProofError: the row is not the model's, not sealed for this context, or nobody knows its key.
        native.PointError: the model is no point.
    """
    if sealed.dimension != key.dimension:
        raise ProofError(f"the sealed row has {sealed.dimension} weights, the model {key.dimension}")
    native.g1_check(model)
    bases = row_bases(bases, key.dimension)
    state = sealed_state(context, model, sealed.key_point, sealed.ciphertext_hash)
    at = Challenged.by(state, key, srs, bases)
    combined = sealed.ciphertexts.msm(at.coefficients)
    _require_knowledge(sealed, state, at, combined)
    left = combine([model, combined, sealed.blind, sealed.opening], [1, R - 1, 1, at.zeta])
    pairs = [(left, native.g2_generator), (native.g1_neg(sealed.opening), srs.tau)]
    if not native.pairing_product_is_one(pairs):
        raise ProofError("the sealed row is not the model's: its opening does not fit the commitment")
    return CheckedRow(sealed, bases, _PASSED)


def open_row(checked: CheckedRow, k: int) -> npt.NDArray[np.int64]:
    """The weights, int64[d], once the key is known.

    Args:
        k: `unsalted_key` of what was revealed.

    Raises:
        InvalidInputError: k is outside [1, r).
        ProofError: another key's, or a weight is none of 12 bits, which an accuracy proof for the model rules out; no
            weight is given then.
    """
    sealed = checked.sealed
    if key_point(k) != sealed.key_point:
        raise ProofError("this is not the key of the sealed row: kG is not its K")
    dimension = sealed.dimension
    weights, bases = sealed.ciphertexts.slice(0, dimension), checked.bases.slice(0, dimension)
    try:
        return native.elgamal_decrypt(weights, bases, k, WEIGHT_BITS)
    except native.DecryptionError as error:
        raise ProofError(f"the row that was sold is no row of {WEIGHT_BITS}-bit weights: {error}") from error


def _require_knowledge(sealed: SealedRow, state: bytes, at: Challenged, combined: G1) -> None:
    answers = first_messages(at, sealed.key_answer, sealed.value_answer, sealed.blind_answer)
    stated = (sealed.key_point, combined, sealed.blind)
    minus = -sealed.challenge % R
    firsts = tuple(combine([answer, point], [1, minus]) for answer, point in zip(answers, stated, strict=True))
    found = knowledge_state(state, sealed.opening, sealed.blind, combined, (firsts[0], firsts[1], firsts[2]))
    if challenge(found) != sealed.challenge:
        raise ProofError("the sealed row's proof of knowledge does not hold: for another buyer, listing or model?")
