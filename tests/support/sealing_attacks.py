"""Sealed rows made slowly, point by point, and dishonestly: what each part of the swap's proof is for.

Written against the equations, apart from `circuits.swap`, of which it uses the transcript and the encoding alone. The
weaker proof, which has y in the exponent only, exists here alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np

import native
from circuits.accuracy.modelrows import ModelRow
from circuits.commitment import CommitmentKey, commitment_key
from circuits.hashing import challenge, keccak, words
from circuits.srs import Srs, unsafe_development_srs
from circuits.statement import TAIL, domain_size
from circuits.swap.rowsealing import seal_row
from circuits.swap.sealedrows import SealedRow
from circuits.swap.swapbases import swap_bases
from circuits.swap.swaptranscript import knowledge_state, sealed_state, swap_context
from native import G1, G1Bases, R
from tests.support.accuracymodels import scalars
from tests.support.plain_batch import seed_of

G = native.g1_generator
combine = native.g1_linear_combination
DIMENSION = 27
CONTEXT = swap_context(keccak(b"sales"), keccak(b"listing"), b"\1" * 20)


@dataclass(frozen=True, eq=False)
class SwapScene:
    """A committed model and what sealing it takes.

    Attributes:
        absorb: an attack on the opening: multiples of G added to pi, by zeta.
        moved: an attack on ciphertexts: points that are added to them.
        knows_value: whether the proof shows that y is known, as the protocol's does.
    """

    srs: Srs
    key: CommitmentKey
    bases: G1Bases
    row: ModelRow
    context: bytes = CONTEXT
    moved: Mapping[int, G1] = field(default_factory=dict)
    absorb: Callable[[int], int] = lambda zeta: 0
    knows_value: bool = True

    @property
    def model(self) -> G1:
        return self.row.commit(self.key)

    def seal(self, k: int, name: str = "seal") -> SealedRow:
        """By the code under test."""
        return seal_row(self.key, self.srs, self.bases, self.context, self.row, k, scalars(name))

    def sealed_as(self, row: ModelRow, k: int) -> SealedRow:
        """Another row, said to be the model: its own proof, under the model's commitment."""
        return self._slowly(row, self.model, k, "seal")

    def seal_slowly(self, k: int, name: str = "seal") -> SealedRow:
        """The same row as `seal` gives; with the attacks, where there are any."""
        return self._slowly(self.row, self.model, k, name)

    def _slowly(self, row: ModelRow, model: G1, k: int, name: str) -> SealedRow:
        draw = scalars(name)
        entries = [int(w) % R for w in row.weights] + native.to_ints(row.tail)
        bases, own = points(self.bases), native.g1_mul(G, k)
        cts = [combine([G, h], [v, k]) for v, h in zip(entries, bases, strict=True)]
        cts = [native.g1_add(ct, self.moved[j]) if j in self.moved else ct for j, ct in enumerate(cts)]
        state = sealed_state(self.context, model, own, keccak(b"".join(cts)))
        zeta = challenge(state)
        weights = self.coefficients(zeta)
        base, value = combine(bases, weights), sum(a * b for a, b in zip(weights, entries, strict=True)) % R
        blinding = combine([tau(self.srs), G], [1, -zeta % R])
        rho = draw()
        quotient = self.srs.commit(native.divide_by_linear(row.polynomial(), zeta))
        opening = combine([quotient, G], [1, (rho + self.absorb(zeta)) % R])
        blind, combined = combine([base, blinding], [k, rho]), combine(cts, weights)
        a, b, c = draw(), draw(), draw()
        firsts = (native.g1_mul(G, a), combine([G, base], [b, a]), combine([base, blinding], [a, c]))
        e = self._challenge(state, opening, blind, combined, firsts)
        answers = ((n + e * s) % R for n, s in zip((a, b, c), (k, value, rho), strict=True))
        return SealedRow(own, G1Bases.from_bytes(b"".join(cts)), opening, blind, e, *answers)

    def holds_slowly(self, sealed: SealedRow) -> bool:
        """The buyer's two checks; without `knows_value` those of the weaker proof."""
        cts = points(sealed.ciphertexts)
        state = sealed_state(self.context, self.model, sealed.key_point, keccak(b"".join(cts)))
        zeta = challenge(state)
        weights = self.coefficients(zeta)
        base, combined = combine(points(self.bases), weights), combine(cts, weights)
        blinding = combine([tau(self.srs), G], [1, -zeta % R])
        minus = -sealed.challenge % R
        firsts = (
            combine([G, sealed.key_point], [sealed.key_answer, minus]),
            combine([G, base, combined], [sealed.value_answer, sealed.key_answer, minus]),
            combine([base, blinding, sealed.blind], [sealed.key_answer, sealed.blind_answer, minus]),
        )
        known = self._challenge(state, sealed.opening, sealed.blind, combined, firsts) == sealed.challenge
        left = combine([self.model, combined, sealed.blind, sealed.opening], [1, R - 1, 1, zeta])
        pairs = [(left, native.g2_generator), (native.g1_neg(sealed.opening), self.srs.tau)]
        return known and native.pairing_product_is_one(pairs)

    def _challenge(self, state: bytes, opening: G1, blind: G1, combined: G1, firsts: tuple[G1, G1, G1]) -> int:
        if self.knows_value:
            return challenge(knowledge_state(state, opening, blind, combined, firsts))
        return challenge(keccak(words(state, opening, blind, combined, firsts[0], firsts[2])))

    def coefficients(self, zeta: int) -> list[int]:
        """c_j with W(zeta) = sum c_j (w; t)_j, by the definition of the Lagrange polynomials."""
        n, root = self.key.domain, native.root_of_unity(self.key.domain)
        vanishing = (pow(zeta, n, R) - 1) % R
        at = [pow(root, j, R) for j in range(self.key.dimension)]
        lagrange = [x * vanishing * pow(n * (zeta - x), -1, R) % R for x in at]
        return [*lagrange, *(pow(zeta, power, R) * vanishing % R for power in range(TAIL))]

    def shifted(self, *, knows_value: bool) -> SwapScene:
        """Ciphertexts 0 and 1 moved by multiples of [tau - omega^j]: L_0 omega (tau - 1) - L_1 (tau - omega) is a
        multiple of tau - zeta, which pi absorbs. Nobody can decrypt those two."""
        n = self.key.domain
        root = native.root_of_unity(n)
        low = combine([tau(self.srs), G], [root, -root % R])
        high = combine([tau(self.srs), G], [R - 1, root])

        def absorb(zeta: int) -> int:
            factor = (pow(zeta, n, R) - 1) * root * pow(n, -1, R)
            return -factor * (pow(zeta - 1, -1, R) - pow(zeta - root, -1, R)) % R

        return replace(self, moved={0: low, 1: high}, absorb=absorb, knows_value=knows_value)


def points(bases: G1Bases) -> list[G1]:
    """One by one."""
    raw = bases.to_bytes()
    return [G1(raw[at : at + 64]) for at in range(0, len(raw), 64)]


def tau(srs: Srs) -> G1:
    """[tau]_1."""
    return points(srs.powers.slice(1, 2))[0]


def small_logarithm(point: G1) -> int | None:
    """The integer of 12 bits that a point is the multiple of, None when there is none."""
    return _table().get(point)


@cache
def _table() -> dict[G1, int]:
    return {native.g1_mul(G, v % R): v for v in range(-2048, 2048)}


@cache
def swap_scene(name: str = "swap", dimension: int = DIMENSION) -> SwapScene:
    """A random model with weights at both ends of their range."""
    weights = np.random.default_rng(list(seed_of(name))).integers(-2048, 2048, dimension)
    ends = np.array([-2048, 2047, 0])[: max(dimension - 2, 0)]
    weights[2 : 2 + len(ends)] = ends
    srs = unsafe_development_srs(seed_of("swap"), domain_size(dimension))
    row = ModelRow.fresh(weights, scalars("tail", name))
    return SwapScene(srs, commitment_key(srs, dimension), swap_bases(dimension + TAIL), row)
