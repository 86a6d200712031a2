"""A task as its model owner thinks of it: a norm in the gradient's units, and usual terms as defaults."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from circuits.errors import InvalidInputError
from circuits.terms import DAY, MAX_BOUND, NO_DIGEST, Grading, NewTask, Pay, Windows
from commons.protocol.modelmanifests import ModelManifest


@dataclass(frozen=True, slots=True)
class TaskPlan:
    """Terms of a task to be created.

    Attributes:
        committee: identifier of the committee that proves.
        verifier: 20-byte address of the policy's verifier contract.
        relay: 20-byte address of the coordinator's account.
        dimension: coordinates of the model.
        norm: largest L2 norm of a gradient, in its own units; larger ones are shrunk to it.  Where there is a manifest,
            in units of its finest block.  None: ``bound`` says it.
        pay: what is paid for gradients, to coordinator and provers, and what owners deposit; see `pricing`.
        windows: time limits; a day or more each where somebody might buy the inclusion in blocks.
        fraction_bits: f; gradients are rounded to multiples of 2^-f.  Not used where there is a manifest.
        min_owners: fewest owners of a batch; see `pricing.usual_min_owners`.
        capacity: most owners registered at a time, and most gradients of a round.
        rounds: how many rounds may be opened.
        permissioned: only owners that the model owner admits.
        inline_payload: sums of up to 16 KiB are put into the chain's log.
        lapse_rounds: an owner in no accepted batch of so many rounds in a row loses its place; 0: never.
        grading: how gradients are graded, where the verifier does that.
        sum_key: X25519 public key, 32 bytes, to which provers seal their shares of sums; without it sums are public.
        bound: largest sum of squares of a gradient's integers, in place of ``norm``.
        manifest: what the vectors are made of, with a scale for each block; None: they have one scale.
    """

    committee: int
    verifier: bytes
    relay: bytes
    dimension: int
    norm: float | None
    pay: Pay
    windows: Windows = field(default_factory=lambda: Windows(submit=DAY, settle=DAY))
    fraction_bits: int = 16
    min_owners: int = field(kw_only=True)
    capacity: int = 16
    rounds: int = 100
    permissioned: bool = False
    inline_payload: bool = False
    lapse_rounds: int = 10
    grading: Grading | None = None
    sum_key: bytes = NO_DIGEST
    bound: int | None = None
    manifest: ModelManifest | None = None

    def __post_init__(self) -> None:
        """Raises InvalidInputError for a norm that no bound stands for."""
        _ = self._bound

    @property
    def finest(self) -> int:
        """Fraction bits of the finest block, which stand in the terms."""
        return self.fraction_bits if self.manifest is None else self.manifest.finest

    @property
    def _bound(self) -> int:
        if self.bound is not None and self.norm is None:
            return self.bound
        if self.norm is None or self.bound is not None:
            raise InvalidInputError("a task has a norm or a bound, one of them")
        return quantised_bound(self.norm, self.finest)

    def terms(self) -> NewTask:
        """The terms as the market takes them.

        Raises:
            InvalidInputError: one is out of its range, or the manifest is not of such a task, or hides nothing in it.
        """
        terms = NewTask(
            committee_id=self.committee,
            verifier=self.verifier,
            coordinator=self.relay,
            dimension=self.dimension,
            fraction_bits=self.finest,
            bound=self._bound,
            min_owners=self.min_owners,
            capacity=self.capacity,
            rounds=self.rounds,
            windows=self.windows,
            permissioned=self.permissioned,
            inline_payload=self.inline_payload,
            pay=self.pay,
            lapse_rounds=self.lapse_rounds,
            grading=self.grading,
            sum_key=self.sum_key,
            manifest=NO_DIGEST if self.manifest is None else self.manifest.digest,
        )
        if self.manifest is not None:
            self.manifest.require_of(terms)
        return terms


def quantised_bound(norm: float, fraction_bits: int) -> int:
    """BOUND of a task whose gradients have at most this L2 norm: floor((norm * 2^f)^2).

    Raises:
        InvalidInputError: the norm is not positive, or the bound leaves (0, 2^62).
    """
    if not math.isfinite(norm) or norm <= 0:
        raise InvalidInputError(f"a norm bound is a positive number, not {norm}; give the largest norm of a gradient")
    bound = math.floor(math.ldexp(norm, fraction_bits) ** 2) if norm < 2.0**64 else MAX_BOUND + 1
    if not 1 <= bound <= MAX_BOUND:
        raise InvalidInputError(
            f"norm {norm} with {fraction_bits} fraction bits gives a squared bound outside [1, "
            f"2^62); use other fraction bits"
        )
    return bound
