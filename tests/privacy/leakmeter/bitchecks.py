"""The check of all bits in one graded attempt, as an honest prover made it: what its tests of validity depend on."""

from __future__ import annotations

from dataclasses import dataclass

from commons.protocol import noisebits
from provers.party.memory import Combined
from tests.privacy.leakmeter.hiddenbits import HiddenBits
from tests.privacy.leakmeter.toy import NOISE_BITS


@dataclass(frozen=True)
class BitCheck:
    """The challenges of a check, and what it found of the noise.

    Attributes:
        psi, combination: its two challenges.
        columns: directions of the kept owners' bits of noise, owner by owner.
        weights: by which R^2 - R moves with the bit b behind what is held for it: 2 b - 1, if the root that the prover
            took is the right one.
    """

    psi: int
    combination: int
    columns: tuple[int, ...]
    weights: tuple[int, ...]

    @classmethod
    def of(cls, noise: HiddenBits, prover: int, state: Combined) -> BitCheck:
        """What a prover has checked by COMBINE."""
        confirmed, masked = state.confirmed, state.confirmed.validated.masked
        assert masked.noise is not None
        cohort, session = masked.proposal.cohort_id, masked.proposal.digest
        numbers = bits_of([row - 1 for row in masked.proposal.kept if row])
        held = noise.held(cohort, prover, masked.noise.bits.reshape(-1, 4), numbers)
        columns, signs = noise.columns(cohort), noise.signs(cohort)
        return cls(
            noisebits.check_challenge(masked.seed, session, masked.noise.squares),
            noisebits.combination_challenge(confirmed.state, confirmed.broadcasts),
            tuple(columns[k] for k in numbers),
            tuple(signs[k] * h * h for k, h in zip(numbers, held, strict=True)),
        )


def bits_of(owners: list[int]) -> list[int]:
    """Numbers, in a cohort, of the bits of noise of some of its owners."""
    return [NOISE_BITS * owner + e for owner in owners for e in range(NOISE_BITS)]
